"""Answers only what was meant for this page: its own name and origin, and nothing from elsewhere in it."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

from threemaps.basics.nearby import LOOPBACK
from threemaps.errors import UserError

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


def guard(app: Flask, allowed: Sequence[str] = ()) -> None:
    """`allowed` are names by which a forwarder publishes the page; * stands for any part of a name."""
    app.before_request(partial(check, allowed))
    app.after_request(harden)


def allowed_hosts(text: str) -> tuple[str, ...]:
    """THREEMAPS_ALLOWED_HOSTS: names with commas between them. One that allows every name is refused."""
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for name in names:
        if not re.fullmatch(r"(\*\.[a-z0-9-]+|[a-z0-9-]+)(\.[a-z0-9-]+)+", name):
            raise UserError(
                f"THREEMAPS_ALLOWED_HOSTS: {name!r} is no name of a host",
                hint="as in THREEMAPS_ALLOWED_HOSTS=maps.example.org,*.app.github.dev",
                exit_code=2,
            )
    return names


def check(allowed: Sequence[str]) -> None:
    if request.path == "/healthz":
        return
    # A foreign name that resolves to this address would evade the same-origin policy (DNS rebinding) .
    host = _name(f"//{request.host}")
    if host not in LOOPBACK and not _is_allowed(host, allowed):
        abort(403, "This page answers to 127.0.0.1, localhost and the names in THREEMAPS_ALLOWED_HOSTS only.")
    origin = request.headers.get("Origin")
    published = origin is not None and _is_allowed(_name(origin), allowed)
    if origin is not None and origin != f"http://{request.host}" and not published:
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


def _is_allowed(host: str, allowed: Sequence[str]) -> bool:
    return any(fnmatchcase(host, pattern) for pattern in allowed)


def _name(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
