"""Answers only what was meant for this page: its own name and origin, and nothing from elsewhere in it."""

from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

from threemaps.basics.nearby import LOOPBACK

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guard(app: Flask) -> None:
    app.before_request(check)
    app.after_request(harden)


def check() -> None:
    if request.path == "/healthz":
        return
    # A stranger's name that leads to this address is a way around the browser's walls.
    if _name(f"//{request.host}") not in LOOPBACK:
        abort(403, "This page answers to 127.0.0.1 and localhost only.")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        abort(403, "This page answers to itself only.")
    if request.method == "POST" and not _is_ours():
        abort(403, "Only the page itself may ask for this.")


def _is_ours() -> bool:
    """A header that no form can send, and what the browser says of where the request comes from."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return site == "same-origin" and request.headers.get("X-Threemaps") == "page"


def harden(response: Response) -> Response:
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _name(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
