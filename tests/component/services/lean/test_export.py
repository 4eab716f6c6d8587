"""The kept connection, against a real server: what the exporters rely on holds."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.exporter.http.transport._requests import RequestsHTTPTransport
from opentelemetry.exporter.otlp.common.http import _OTLPHTTPClient

from tests.running import free_ports
from threemaps.tracing.lean.export import Answer, keep_connections


class Vendor(ThreadingHTTPServer):
    """Answers with `statuses` in turn, then with 200; closes a connection after `kept` requests."""

    daemon_threads = True

    def __init__(self, kept: int = 100) -> None:
        self.kept = kept
        self.statuses: list[int] = []
        self.bodies: list[bytes] = []
        self.peers: set[Any] = set()
        self.closed = threading.Semaphore(0)
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces?a=1"

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.closed.release()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Vendor
    served = 0

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.peers.add(self.client_address)
        assert self.path == "/v1/traces?a=1"
        assert self.headers["x-key"] == "k"
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        self.served += 1
        # Without a word: what a server does with a connection that was idle too long.
        self.close_connection = self.served >= self.server.kept

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def lean(monkeypatch: pytest.MonkeyPatch) -> Iterator[RequestsHTTPTransport]:
    # Set to what they are, so that they are that again afterwards.
    monkeypatch.setattr(RequestsHTTPTransport, "request", RequestsHTTPTransport.request)
    monkeypatch.setattr(RequestsHTTPTransport, "close", RequestsHTTPTransport.close)
    keep_connections(RequestsHTTPTransport)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    transport = RequestsHTTPTransport()
    yield transport
    transport.close()


@contextmanager
def vendor(kept: int = 100) -> Iterator[Vendor]:
    with Vendor(kept) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def post(transport: RequestsHTTPTransport, url: str, body: bytes = b"x", timeout: float = 5) -> Any:
    return transport.request("POST", url, headers={"x-key": "k"}, data=body, timeout=timeout)


def client(transport: RequestsHTTPTransport, url: str) -> _OTLPHTTPClient:
    return _OTLPHTTPClient(transport, url, "spans", headers={"x-key": "k"}, timeout=5)


def test_one_connection_serves_many_requests(lean: RequestsHTTPTransport) -> None:
    with vendor() as server:
        answers = [post(lean, server.url, bytes([number])) for number in range(5)]
        assert [(one.status_code, one.text(), one.headers()["retry-after"]) for one in answers] == [
            (200, "ok", "0")
        ] * 5
        assert type(answers[0]) is Answer
        assert server.bodies == [bytes([number]) for number in range(5)]
        assert len(server.peers) == 1


def test_a_connection_that_was_closed_meanwhile_costs_no_request(lean: RequestsHTTPTransport) -> None:
    with vendor(kept=1) as server:
        for number in range(4):
            assert post(lean, server.url, bytes([number])).error is None
            assert server.closed.acquire(timeout=5)
        assert server.bodies == [bytes([number]) for number in range(4)]


def test_busy_is_tried_again_and_refused_is_not(lean: RequestsHTTPTransport) -> None:
    with vendor() as server:
        server.statuses = [503, 429, 502]
        assert client(lean, server.url).export(b"kept").success
        assert server.bodies == [b"kept"] * 4
        server.statuses = [401]
        assert not client(lean, server.url).export(b"refused").success
        assert server.bodies[4:] == [b"refused"]


def test_nobody_there_and_no_answer_are_worth_another_try(lean: RequestsHTTPTransport) -> None:
    (port,) = free_ports(1)
    refused = post(lean, f"http://127.0.0.1:{port}/")
    assert lean.is_connection_error(refused.error)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        late = post(lean, f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.05)
    assert isinstance(late.error, requests.Timeout)
    assert lean.is_connection_error(late.error)


def test_what_is_no_http_is_an_error_and_not_the_end(lean: RequestsHTTPTransport) -> None:
    def greet() -> None:
        with odd.accept()[0] as caller:
            caller.sendall(b"220 smtp ready\r\n")

    with socket.create_server(("127.0.0.1", 0)) as odd:
        threading.Thread(target=greet, daemon=True).start()
        answer = post(lean, f"http://127.0.0.1:{odd.getsockname()[1]}/")
    assert isinstance(answer.error, requests.ConnectionError)


class OwnSession(requests.Session):
    pass


def logged_in() -> requests.Session:
    session = requests.Session()
    session.auth = ("user", "word")
    return session


@pytest.mark.parametrize("session", [OwnSession(), logged_in()], ids=["own", "login"])
def test_somebodys_own_session_is_used(lean: RequestsHTTPTransport, session: requests.Session) -> None:
    with vendor() as server:
        theirs = RequestsHTTPTransport(session=session)
        answer = post(theirs, server.url)
        theirs.close()
    assert answer.status_code == 200
    assert type(answer) is not Answer


@pytest.mark.parametrize("way", ["proxy", "netrc"])
def test_proxies_and_logins_of_the_environment_are_used(
    lean: RequestsHTTPTransport, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vendor() as server:
        if way == "proxy":
            (port,) = free_ports(1)
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
            monkeypatch.setenv("no_proxy", "")
        else:
            (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password word\n")
            monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        answer = post(lean, server.url)
    assert type(answer) is not Answer
    assert isinstance(answer.error, requests.exceptions.ProxyError) == (way == "proxy")
