"""OAuth in the browser for the MCP server: a client registers itself, a person presses a button.

As outside: dynamic registration of public clients, authorization codes with PKCE (S256), refresh tokens, the
scope `mcp:read`. What is handed out is signed and holds what it stands for, so that it outlives a restart;
codes are good once and for a minute.
"""

import base64
import hashlib
import html
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from threemaps.settings import LOCAL_MANAGEMENT_KEY
from threemaps.standins.honeycomb.checks import MAX_BODY_BYTES
from threemaps.standins.http import json_answer, parse_json, read_body

SCOPE = "mcp:read"
CODE_SECONDS, ACCESS_SECONDS, REFRESH_SECONDS = 60, 3_600, 30 * 86_400
NOT_STORED = {"Cache-Control": "no-store"}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Log in to the local Honeycomb</title>
<body style="font-family:sans-serif;max-width:32em;margin:4em auto"><h1>The local Honeycomb</h1>
<p><b>{client}</b> wants to read what the team <b>threemaps</b> has sent here ({scope}).</p>
<form method="post">{fields}<button style="font-size:1.2em">Allow</button></form>"""


def access_of(authorization: str) -> bool:
    """Whether this is `Bearer` and an access token that still holds."""
    scheme, _, token = authorization.partition(" ")
    try:
        return scheme.lower() == "bearer" and bool(_opened("access", token.strip(), ACCESS_SECONDS))
    except BadData:
        return False


def challenge() -> str:
    """What a 401 says of where to log in."""
    where = f"{request.url_root}.well-known/oauth-protected-resource"
    return f'Bearer error="invalid_token", resource_metadata="{where}"'


class OAuthError(Exception):
    """A refusal in OAuth's form: one of its words, and why."""

    def __init__(self, word: str, why: str) -> None:
        super().__init__(why)
        self.word = word

    def answer(self) -> Response:
        return json_answer({"error": self.word, "error_description": str(self)}, 400, NOT_STORED)


def oauth_blueprint() -> Blueprint:
    blueprint = Blueprint("oauth", __name__)
    used: dict[str, float] = {}
    blueprint.register_error_handler(OAuthError, OAuthError.answer)

    @blueprint.get("/.well-known/oauth-protected-resource")
    def resource() -> Response:
        root = request.url_root
        return json_answer(
            {
                "resource": f"{root}mcp",
                "authorization_servers": [root.rstrip("/")],
                "scopes_supported": [SCOPE],
                "bearer_methods_supported": ["header"],
            }
        )

    @blueprint.get("/.well-known/oauth-authorization-server")
    def server() -> Response:
        root = request.url_root
        return json_answer(
            {
                "issuer": root.rstrip("/"),
                "authorization_endpoint": f"{root}oauth/authorize",
                "token_endpoint": f"{root}oauth/token",
                "registration_endpoint": f"{root}oauth/register",
                "scopes_supported": [SCOPE],
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
            }
        )

    @blueprint.post("/oauth/register")
    def register() -> Response:
        given = parse_json(read_body(request, limit=MAX_BODY_BYTES, decoded_limit=MAX_BODY_BYTES))
        addresses = given.get("redirect_uris") if isinstance(given, dict) else None
        if not isinstance(addresses, list) or not addresses or not all(map(_may_lead_to, addresses)):
            raise OAuthError("invalid_redirect_uri", "redirect_uris: this machine's addresses, or https")
        name = str(given.get("client_name") or "a client")[:100]
        client = _signed("client", {"redirect_uris": addresses, "name": name})
        registered = {"client_id": client, "client_name": name, "redirect_uris": addresses}
        kinds = {"grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"]}
        return json_answer({**registered, **kinds, "token_endpoint_auth_method": "none", "scope": SCOPE}, 201)

    @blueprint.get("/oauth/authorize")
    def ask() -> Response:
        """A page with one button. What a client got wrong is shown here, as its address cannot be trusted."""
        client = _asking(request.args)
        fields = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in request.args.items()
        )
        page = PAGE.format(client=html.escape(client["name"]), scope=SCOPE, fields=fields)
        headers = {"Content-Security-Policy": "frame-ancestors 'none'", **NOT_STORED}
        return Response(page, headers=headers, content_type="text/html; charset=utf-8")

    @blueprint.post("/oauth/authorize")
    def allow() -> Response:
        _asking(request.form)
        asked = {name: request.form[name] for name in ("client_id", "redirect_uri", "code_challenge")}
        answer = {"code": _signed("code", asked), "state": request.form.get("state", "")}
        address = asked["redirect_uri"]
        back = f"{address}{'&' if '?' in address else '?'}{urlencode(answer)}"
        return Response(status=302, headers={"Location": back, **NOT_STORED})

    @blueprint.post("/oauth/token")
    def token() -> Response:
        kind = request.form.get("grant_type")
        if kind not in ("authorization_code", "refresh_token"):
            raise OAuthError("unsupported_grant_type", f"grant_type {str(kind)[:40]!r}")
        try:
            client = _by_code(used) if kind == "authorization_code" else _by_refresh_token()
        except BadData as error:
            raise OAuthError("invalid_grant", f"this {kind} has expired or was never given") from error
        return json_answer(
            {
                "access_token": _signed("access", client),
                "token_type": "Bearer",
                "expires_in": ACCESS_SECONDS,
                "refresh_token": _signed("refresh", client),
                "scope": SCOPE,
            },
            headers=NOT_STORED,
        )

    return blueprint


def _asking(given: Mapping[str, str]) -> dict[str, Any]:
    """The client that asks for a code, with the address that it registered and a PKCE challenge."""
    try:
        client: dict[str, Any] = _opened("client", given.get("client_id", ""))
    except BadData as error:
        raise OAuthError("invalid_client", "client_id was not registered here") from error
    if given.get("redirect_uri") not in client["redirect_uris"]:
        raise OAuthError("invalid_request", "redirect_uri is none of those that were registered")
    if given.get("response_type") != "code" or given.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "response_type=code and code_challenge_method=S256 are needed")
    if not given.get("code_challenge"):
        raise OAuthError("invalid_request", "code_challenge is needed")
    if not set(given.get("scope", SCOPE).split()) <= {SCOPE}:
        raise OAuthError("invalid_scope", f"scope: only {SCOPE} is there")
    return client


def _by_code(used: dict[str, float]) -> str:
    """The client whose code this is; a code is good once, and for whoever knows what was hashed for it."""
    code, form = request.form.get("code", ""), request.form
    asked = _opened("code", code, CODE_SECONDS)
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    proven = {"code_challenge": proof, **{name: form.get(name) for name in ("client_id", "redirect_uri")}}
    now = time.monotonic()
    for old in [one for one, at in used.items() if at < now - 2 * CODE_SECONDS]:
        del used[old]
    if proven != asked or used.setdefault(code, now) != now:
        raise OAuthError(
            "invalid_grant", "the code was used, or is another client's, address's or verifier's"
        )
    return str(asked["client_id"])


def _by_refresh_token() -> str:
    client = _opened("refresh", request.form.get("refresh_token", ""), REFRESH_SECONDS)
    if client != request.form.get("client_id"):
        raise OAuthError("invalid_grant", "the refresh token is another client's")
    return str(client)


def _may_lead_to(address: object) -> bool:
    if not isinstance(address, str) or "#" in address or len(address) > 2_000:
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    except ValueError:
        return False


def _signed(kind: str, value: Any) -> str:
    # The local keys are public: what they sign keeps nobody out, and set ours apart from what is made up.
    return str(URLSafeTimedSerializer(LOCAL_MANAGEMENT_KEY, salt=kind).dumps(value))


def _opened(kind: str, text: str, seconds: int | None = None) -> Any:
    return URLSafeTimedSerializer(LOCAL_MANAGEMENT_KEY, salt=kind).loads(text, max_age=seconds)
