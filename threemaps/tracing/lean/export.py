"""What goes out, with less work than OpenTelemetry's exporters do it: our encoder, and one kept connection.

The exporters stay OpenTelemetry's, with their retries, timeouts and limits. Where they would send through
`requests` in a way that we do not know (TLS, a proxy, a login, a session of somebody's own) they do.
"""

import http.client
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests
from opentelemetry.exporter.http.transport._base import BaseHTTPResult
from opentelemetry.exporter.http.transport._requests import RequestsHTTPTransport
from opentelemetry.exporter.otlp.proto.http import _log_exporter, trace_exporter
from requests.utils import get_environ_proxies, get_netrc_auth
from urllib3.util.wait import wait_for_read

from threemaps.tracing.lean.encode import encode_logs, encode_spans

Request = Callable[..., BaseHTTPResult]


def export_leanly() -> None:
    trace_exporter.encode_spans = encode_spans  # type: ignore[attr-defined, assignment]
    _log_exporter.encode_logs = encode_logs  # type: ignore[attr-defined, assignment]
    keep_connections(RequestsHTTPTransport)


def keep_connections(transport: Any) -> None:
    transport.request = kept_connection(transport.request)
    transport.close = closing_what_was_kept(transport.close)


@dataclass(frozen=True, slots=True)
class Answer(BaseHTTPResult):
    body: bytes = b""
    fields: http.client.HTTPMessage | None = None

    def content(self) -> bytes:
        return self.body

    def headers(self) -> Any:
        return self.fields or {}


def kept_connection(through_requests: Request) -> Request:
    def request(
        transport: Any,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
        data: bytes | None = None,
    ) -> BaseHTTPResult:
        connection = _connection(transport, url)
        if connection is None:
            return through_requests(transport, method, url, headers=headers, timeout=timeout, data=data)
        return connection.request(method, headers or {}, timeout, data)

    return request


def closing_what_was_kept(close: Callable[[Any], None]) -> Callable[[Any], None]:
    def close_all(transport: Any) -> None:
        for connection in _connections(transport).values():
            if connection is not None:
                connection.close()
        close(transport)

    return close_all


def _connections(transport: Any) -> "dict[str, Connection | None]":
    known: dict[str, Connection | None] = transport.__dict__.setdefault("_threemaps_connections", {})
    return known


def _connection(transport: Any, url: str) -> "Connection | None":
    """Looked up once for each transport and address: environment and settings do not change later."""
    known = _connections(transport)
    if url not in known:
        known[url] = Connection(urlsplit(url)) if _is_plain(transport._session, url) else None
    return known[url]


def _is_plain(session: requests.Session, url: str) -> bool:
    return (
        type(session) is requests.Session
        and url.startswith("http://")
        and "@" not in url
        and session.auth is None
        and not session.hooks["response"]
        and not get_environ_proxies(url, no_proxy=None)
        and get_netrc_auth(url) is None
    )


class Connection:
    """Errors are those of `requests`: they say to the exporter what is worth another try."""

    def __init__(self, address: SplitResult) -> None:
        self._target = address.path or "/"
        if address.query:
            self._target += f"?{address.query}"
        self._http = http.client.HTTPConnection(address.hostname or "", address.port)
        self._lock = threading.Lock()

    def request(
        self, method: str, headers: Mapping[str, str], timeout: float | None, data: bytes | None
    ) -> Answer:
        with self._lock:
            try:
                return self._ask(method, dict(headers), timeout, data)
            except TimeoutError as error:
                self._http.close()
                return Answer(error=requests.Timeout(error))
            except (OSError, http.client.HTTPException) as error:
                self._http.close()
                return Answer(error=requests.ConnectionError(error))

    def close(self) -> None:
        with self._lock:
            self._http.close()

    def _ask(self, method: str, headers: dict[str, str], timeout: float | None, data: bytes | None) -> Answer:
        if self._http.sock is not None and _was_closed(self._http.sock):
            self._http.close()
        self._http.timeout = timeout
        if self._http.sock is not None:
            self._http.sock.settimeout(timeout)
        self._http.request(method, self._target, data, headers)
        response = self._http.getresponse()
        return Answer(response.status, response.reason, None, response.read(), response.headers)


def _was_closed(kept: socket.socket) -> bool:
    """Nothing is asked: whatever is there to read is the other side's goodbye."""
    return wait_for_read(kept, timeout=0)
