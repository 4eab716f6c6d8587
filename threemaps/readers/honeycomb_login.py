"""Honeycomb in the browser: a person logs in once, and MCP is read with what that gave.

The official package speaks OAuth: a client registers itself, PKCE, and the answer comes to an address of this
machine. What it gets stands in one file of the state folder, which only its owner may read.
"""

import asyncio
import logging
import queue
import threading
import time
import webbrowser
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson

from threemaps.demo.state import claim, write_private
from threemaps.errors import UserError
from threemaps.readers.honeycomb_refusals import KeyRefusedError
from threemaps.settings import Settings

if TYPE_CHECKING:
    from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
    from mcp.shared.auth import OAuthClientInformationFull, OAuthMetadata, OAuthToken

FILE = "honeycomb-login.json"
CALLBACK, SCOPE = "/callback", "mcp:read"
WAIT_SECONDS = 300.0
EARLY_SECONDS = 60.0
COMMAND = "threemaps login honeycomb"
AGAIN = f"{COMMAND}, once more"
DONE = b"<!doctype html><title>threemaps</title><p>Done. This page can be closed."


class Kept:
    """The login at one MCP server, as the official package keeps it: its TokenStorage."""

    def __init__(self, file: Path, server: str) -> None:
        self.file = file
        self.server = server

    @classmethod
    def of(cls, settings: Settings) -> "Kept":
        return cls(settings.state / FILE, settings.honeycomb_mcp)

    @property
    def is_there(self) -> bool:
        return "tokens" in self._read()

    async def get_tokens(self) -> "OAuthToken | None":
        """One that is about to expire comes without its access token: the package then refreshes it."""
        from mcp.shared.auth import OAuthToken

        found = self._read()
        if "tokens" not in found:
            return None
        expired = (found.get("expires_at") or float("inf")) < time.time() + EARLY_SECONDS
        return OAuthToken.model_validate(found["tokens"] | ({"access_token": ""} if expired else {}))

    async def set_tokens(self, tokens: "OAuthToken") -> None:
        expires = None if tokens.expires_in is None else time.time() + tokens.expires_in
        self._write(tokens=tokens.model_dump(mode="json"), expires_at=expires)

    async def get_client_info(self) -> "OAuthClientInformationFull | None":
        from mcp.shared.auth import OAuthClientInformationFull

        found = self._read().get("client")
        return OAuthClientInformationFull.model_validate(found) if found else None

    async def set_client_info(self, client_info: "OAuthClientInformationFull") -> None:
        self._write(client=client_info.model_dump(mode="json"))

    def metadata(self) -> "OAuthMetadata | None":
        """Where tokens are refreshed: not at the MCP server."""
        from mcp.shared.auth import OAuthMetadata

        found = self._read().get("metadata")
        return OAuthMetadata.model_validate(found) if found else None

    def set_metadata(self, metadata: "OAuthMetadata") -> None:
        self._write(metadata=metadata.model_dump(mode="json"))

    def _read(self) -> dict[str, Any]:
        """Nothing where there is no login, or one at another server, or the file is none of ours."""
        try:
            found = orjson.loads(self.file.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return {}
        return found if isinstance(found, dict) and found.get("server") == self.server else {}

    def _write(self, **parts: Any) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        document = orjson.dumps({"server": self.server, **self._read(), **parts})
        write_private(self.file, document.decode())


def kept_login(kept: Kept) -> "OAuthClientProvider":
    """For reading: refreshes what has expired, and never asks a person."""
    provider = _provider(kept, "http://127.0.0.1/callback", _nobody, _nobody)
    provider.context.oauth_metadata = kept.metadata()
    return provider


def log_in(
    settings: Settings, use: Callable[["OAuthClientProvider"], Any], show: Callable[[str], None]
) -> Any:
    """Opens the browser, waits for the person, and gives what `use` makes of the login.

    A UserError where nobody can be asked, where it is refused, or where nobody has answered in five minutes.
    """
    if settings.get("CI"):
        raise UserError(
            "a login needs a person at a browser, and the variable CI says that there is none",
            hint="in CI set HONEYCOMB_MANAGEMENT_KEY=ID:SECRET",
            exit_code=2,
        )
    claim(settings.state)
    kept = Kept(settings.state / f"{FILE}.new", settings.honeycomb_mcp)
    kept.file.unlink(missing_ok=True)
    with Callback() as callback:

        async def opened(url: str) -> None:
            address = reading_only(url)
            show(address)
            await asyncio.to_thread(webbrowser.open, address)

        provider = _provider(kept, callback.address, opened, callback.answer)
        result = use(provider)
    if provider.context.oauth_metadata:
        kept.set_metadata(provider.context.oauth_metadata)
    kept.file.replace(settings.state / FILE)  # one that held before goes only now
    return result


def reading_only(url: str) -> str:
    """The address with the one scope that reading needs, whatever else the server offers."""
    parts = urlsplit(url)
    asked = [(name, SCOPE if name == "scope" else value) for name, value in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(query=urlencode(asked)))


class Callback:
    """An address of this machine to which the browser comes back."""

    def __init__(self) -> None:
        self._answers: queue.Queue[dict[str, str]] = queue.Queue()
        answers = self._answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                found = dict(parse_qsl(parts.query))
                is_answer = parts.path == CALLBACK and ("code" in found or "error" in found)
                self.send_response(200 if is_answer else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                if is_answer:
                    self.wfile.write(DONE)
                    answers.put(found)

            def log_message(self, *arguments: object) -> None:
                """The address holds the code."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}{CALLBACK}"

    def __enter__(self) -> "Callback":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    async def answer(self) -> "AuthorizationCodeResult":
        from mcp.client.auth import AuthorizationCodeResult

        try:
            found = await asyncio.to_thread(self._answers.get, timeout=WAIT_SECONDS)
        except queue.Empty:
            raise KeyRefusedError("nobody has logged in for five minutes", hint=AGAIN) from None
        if "code" not in found:
            why = f"{found['error']} {found.get('error_description', '')}".strip()[:160]
            raise KeyRefusedError(f"Honeycomb gives no login ({why})", hint=AGAIN)
        return AuthorizationCodeResult(code=found["code"], state=found.get("state"), iss=found.get("iss"))


async def _nobody(*address: str) -> Any:
    raise KeyRefusedError("the login at Honeycomb has ended", hint=AGAIN)


def _provider(kept: Kept, address: str, redirect: Any, callback: Any) -> "OAuthClientProvider":
    from mcp.client.auth import OAuthClientProvider
    from mcp.shared.auth import OAuthClientMetadata

    # It logs failures with their traceback; they are raised as well, and said in two lines.
    logging.getLogger("mcp.client.auth").setLevel(logging.CRITICAL)
    about = OAuthClientMetadata.model_validate(
        {"client_name": "threemaps", "redirect_uris": [address], "token_endpoint_auth_method": "none"}
    )
    return OAuthClientProvider(kept.server, about, kept, redirect, callback)
