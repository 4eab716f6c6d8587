"""Clients that send slowly, much, or never to an end: the others are answered as if there were none."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.collector_process import wait_for
from tests.component.collector import sending
from tests.component.collector.conftest import chain_in
from tests.conftest import free_port, listening, url_of
from tests.running import System, clean_environment
from threemaps.basics import serving
from threemaps.demo.health import answers, wait_until
from threemaps.web import MOST_STREAMS

HALF_HEADERS = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "
HALF_BODY = b"POST /1/batch/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n[{"
SOON = 5.0  # on a busy machine; alone it takes milliseconds


def connected(port: int, first: bytes) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", port), timeout=30)
    one.sendall(first)
    return one


@contextmanager
def half_requests(port: int, first: bytes, count: int) -> Iterator[list[socket.socket]]:
    """So many clients that go on with their request, byte by byte, and never end it."""
    stopped = threading.Event()
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(port, first)) for _ in range(count)]

        def dribble() -> None:
            while not stopped.wait(0.2):
                for client in clients:
                    with contextlib.suppress(OSError):
                        client.send(b"a")

        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            yield clients
        finally:
            stopped.set()
            thread.join()


@contextmanager
def process(name: str, folder: Path) -> Iterator[int]:
    """The page or a stand-in, as `up` starts it."""
    port = free_port()
    environ = {
        **clean_environment(),
        "THREEMAPS_STATE": str(folder),
        "THREEMAPS_ENV_FILE": os.devnull,
        f"THREEMAPS_PORT_{name.upper()}": str(port),
    }
    module = ["threemaps.web"] if name == "web" else ["threemaps.standins", name]
    with subprocess.Popen([sys.executable, "-m", *module], env=environ) as running:
        try:
            assert wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), 60)
            yield port
        finally:
            running.terminate()
        assert running.wait(30) == 0


def assert_answers(port: int, path: str = "/healthz") -> None:
    begun = time.monotonic()
    assert requests.get(f"http://127.0.0.1:{port}{path}", timeout=30).status_code < 500
    assert time.monotonic() - begun < SOON


@pytest.mark.parametrize("name", ["web", "honeycomb", "aws", "rollbar"])
def test_half_requests_hold_up_nobody(name: str, tmp_path: Path) -> None:
    with process(name, tmp_path) as port:
        assert_answers(port, "/1/auth")
        with half_requests(port, HALF_HEADERS, 150), half_requests(port, HALF_BODY, 150):
            for path in ("/healthz", "/1/auth"):
                assert_answers(port, path)


def test_more_connections_than_there_is_room_for_make_room_themselves(tmp_path: Path) -> None:
    count = serving.ACCEPTED_CONNECTIONS + 100
    with process("honeycomb", tmp_path) as port, half_requests(port, HALF_HEADERS, count):
        assert_answers(port)


@pytest.mark.long
@pytest.mark.system
def test_event_streams_are_bounded_and_said_so(system: System) -> None:
    port = system.settings.ports["web"]
    with ExitStack() as stack:
        for minutes in range(200):
            # Each with a view of its own, which costs the most.
            request = f"GET /events?since={minutes + 1}m HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            stack.enter_context(connected(port, request.encode()))

        def refused() -> bool:
            with requests.get(f"http://127.0.0.1:{port}/events", stream=True, timeout=30) as answer:
                return answer.status_code == 503 and answer.json()["error"] == "busy"

        assert wait_until(refused, 60)
        assert_answers(port)
        assert_answers(port, "/map.css")
        assert_answers(port, "/")
        stack.close()
        # Who was closed makes room for others.
        assert wait_until(lambda: not refused(), 60)
    assert MOST_STREAMS < 200


def hello(environ: Any, start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def ends(client: socket.socket) -> bool:
    """The other side has closed it."""
    client.settimeout(60)
    with contextlib.suppress(ConnectionResetError):
        while client.recv(65536):
            pass
    return True


@contextmanager
def silent(server: serving.Server) -> Iterator[list[socket.socket]]:
    with connected(server.effective_port, b"") as one:
        yield [one]


@pytest.mark.parametrize(
    ("limit", "first"),
    [("HEADER_SECONDS", HALF_HEADERS), ("BODY_SECONDS", HALF_BODY), ("IDLE_SECONDS", b"")],
)
def test_who_sends_slowly_is_let_go(monkeypatch: pytest.MonkeyPatch, limit: str, first: bytes) -> None:
    monkeypatch.setattr(serving, limit, 1.0)
    with listening(hello) as server:
        begun = half_requests(server.effective_port, first, 1) if first else silent(server)
        with begun as (client,):
            assert ends(client)


def test_who_takes_no_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "UNREAD_SECONDS", 1.0)
    let_go = threading.Event()

    def much(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            while True:
                yield bytes(1_000_000)
        finally:
            let_go.set()

    with listening(much) as server, connected(server.effective_port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
        assert let_go.wait(60)


def test_too_many_waiting_requests_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_WAITING", 3)
    begun, go_on = threading.Semaphore(0), threading.Event()

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] != serving.HEALTH:
            begun.release()
            go_on.wait(60)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with listening(slow, 2) as server, ExitStack() as stack:
        stack.callback(go_on.set)
        for number in range(2 + 3):
            stack.enter_context(connected(server.effective_port, request))
            assert number >= 2 or begun.acquire(timeout=60)
        assert wait_until(lambda: len(server.task_dispatcher.queue) == 3, 60)
        answer = requests.get(url_of(server), timeout=30)
        assert (answer.status_code, answer.json()["error"]) == (503, "busy")
        assert answer.headers["Retry-After"]
        assert_answers(server.effective_port)


def test_large_bodies_make_room_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_BYTES", 20_000_000)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000001\r\n\r\n"
    with listening(hello) as server, ExitStack() as stack:
        clients = [stack.enter_context(connected(server.effective_port, head)) for _ in range(6)]
        for client in clients:
            with contextlib.suppress(OSError):
                client.sendall(bytes(9_000_000))
        assert wait_until(lambda: server.held <= 20_000_000, 60)
        clients[-1].sendall(b"x")
        assert clients[-1].recv(100).startswith(b"HTTP/1.1 200")
        assert ends(clients[0])


def test_what_vendors_clients_need_of_http() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with listening(hello) as server:
        assert (
            requests.post(url_of(server), data=iter([b"in ", b"chunks"]), timeout=30).content == b"in chunks"
        )
        with connected(server.effective_port, head) as client:
            assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
            client.sendall(b"hello")
            assert b"200 OK" in client.recv(1000)


@pytest.mark.long
def test_half_requests_hold_up_no_span(tmp_path: Path) -> None:
    with chain_in(tmp_path / "state") as chain:
        port = chain.collector.settings.ports["otlp_http"]
        with half_requests(port, HALF_HEADERS, 150), half_requests(port, HALF_BODY, 150):
            spans = sending.call("slow-a", "slow-b")
            chain.send(spans)
            wait_for(lambda: {one["spanId"] for one in spans} <= chain.xray_ids())
        with connected(port, HALF_HEADERS) as client:
            begun = time.monotonic()
            assert ends(client)
            assert time.monotonic() - begun < 30
