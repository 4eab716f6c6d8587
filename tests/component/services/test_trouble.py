"""Dead and slow peers, dead and hanging collectors, storms, and how a service ends."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
import requests

from tests.component.services.recorder import CLIENT, Recorder
from tests.component.services.running import address, healthy, raised_file_limit, silent_listener
from tests.conftest import free_port
from threemaps.demo.health import wait_until

# Far more than what is tested takes, even on a machine that does other things, and far less than for ever.
PATIENCE = 20


@pytest.fixture
def silence() -> Iterator[str]:
    listener = silent_listener()
    yield address(listener)
    listener.close()


def nobody() -> str:
    return f"http://127.0.0.1:{free_port()}"


def test_without_users_the_home_page_is_degraded(new_services, recorder: Recorder) -> None:
    services = new_services("frontend_api", "activities", THREEMAPS_URL_USERS=nobody())
    answer = requests.get(f"{services.edge}/api/activities/home")
    assert answer.status_code == 200
    assert answer.json()["degraded"] is True
    assert len(answer.json()["activities"]) == 5
    spans = recorder.trace(answer.headers["X-Trace-Id"], 6)
    failed = [(span.service, span.kind) for span in spans if span.failed]
    assert sorted(failed) == [("activities", CLIENT), ("frontend_api", CLIENT)]
    by_user = requests.get(f"{services.edge}/api/activities/@andrew").json()
    assert by_user["degraded"] is True
    posted = requests.post(f"{services.edge}/api/activities", json={"handle": "andrew", "message": "hi"})
    assert (posted.status_code, requests.get(f"{services.edge}/api/users/andrew").status_code) == (503, 503)


def test_silent_users_cost_a_bounded_time(new_services, silence: str) -> None:
    services = new_services("frontend_api", "activities", THREEMAPS_URL_USERS=silence)
    # Two limits of a second each. Without them it would be silent for ever.
    answer = requests.get(f"{services.edge}/api/activities/home", timeout=PATIENCE)
    assert (answer.status_code, answer.json()["degraded"]) == (200, True)


def test_without_activities_there_is_no_home_page(new_services) -> None:
    services = new_services("frontend_api", "users", THREEMAPS_URL_ACTIVITIES=nobody())
    answer = requests.get(f"{services.edge}/api/activities/home")
    assert answer.status_code == 503
    assert answer.json() == {
        "error": "activities_unavailable",
        "message": "activities cannot be reached",
    }


def test_silent_activities_are_given_up_after_their_limit(new_services, silence: str) -> None:
    services = new_services(
        "frontend_api", "users", THREEMAPS_URL_ACTIVITIES=silence, ACTIVITIES_TIMEOUT_SECONDS="0.3"
    )
    answer = requests.get(f"{services.edge}/api/activities/home", timeout=PATIENCE)
    assert answer.status_code == 503
    assert answer.json()["message"] == "activities gave no answer within 0.3 s"


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"rubbish\r\n\r\n", b""]
)
def test_an_answer_that_makes_no_sense_is_no_answer(new_services, said: bytes) -> None:
    listener = silent_listener()

    def babble() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.recv(4096)
            connection.sendall(said)
            connection.close()

    thread = threading.Thread(target=babble)
    thread.start()
    services = new_services("frontend_api", THREEMAPS_URL_USERS=address(listener))
    answer = requests.get(f"{services.edge}/api/users/andrew", timeout=PATIENCE)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    assert (answer.status_code, answer.json()["error"]) == (503, "users_unavailable")


def test_a_service_that_is_told_to_end_sends_its_last_spans(new_services, recorder: Recorder) -> None:
    # A delay so long that only the orderly end can have sent them.
    services = new_services("users", OTEL_BSP_SCHEDULE_DELAY="600000", OTEL_BLRP_SCHEDULE_DELAY="600000")
    ids = {requests.get(f"{services['users'].url}/api/users/andrew").headers["X-Trace-Id"] for _ in range(20)}
    assert services["users"].stop() == 0
    recorder.wait(lambda found: ids <= {span.trace_id for span in found.spans})
    recorder.wait(lambda found: ids <= {log.trace_id for log in found.logs})


def test_a_killed_worker_is_replaced(new_services) -> None:
    services = new_services("users")
    first = services["users"].worker()
    os.kill(first.pid, signal.SIGKILL)
    assert wait_until(lambda: not first.is_running() and healthy(services["users"].url), 60)
    assert services["users"].worker().pid != first.pid


@pytest.mark.parametrize("collector", ["dead", "hanging"])
def test_no_request_waits_for_a_collector(new_services, silence: str, collector: str) -> None:
    otlp = nobody() if collector == "dead" else silence
    services = new_services("users", otlp=otlp)
    with requests.Session() as session:
        # The exporter's tries take 31 s and more.
        url = f"{services['users'].url}/api/users/andrew"
        answers = [session.get(url, timeout=PATIENCE) for _ in range(1000)]
    assert {answer.status_code for answer in answers} == {200}


def test_two_thousand_idle_connections_keep_nobody_waiting(new_services) -> None:
    services = new_services("users")
    host, port = services["users"].url.removeprefix("http://").split(":")
    with raised_file_limit(), ThreadPoolExecutor(50) as pool:
        idle = list(pool.map(lambda _: socket.create_connection((host, int(port)), timeout=10), range(2000)))
        try:
            answer = requests.get(f"{services['users'].url}/api/users/andrew", timeout=PATIENCE)
            assert answer.status_code == 200
        finally:
            for connection in idle:
                connection.close()


def test_two_thousand_requests_at_once_are_all_answered(new_services) -> None:
    services = new_services("users")
    with raised_file_limit(), ThreadPoolExecutor(200) as pool:
        url = f"{services['users'].url}/api/users/andrew"
        answers = list(pool.map(lambda _: requests.get(url, timeout=60).status_code, range(2000)))
    assert set(answers) == {200}


@pytest.mark.long
def test_clients_that_never_finish_their_request_are_cut_off(new_services) -> None:
    services = new_services("users")
    host, port = services["users"].url.removeprefix("http://").split(":")
    whole = b"GET /api/users/andrew HTTP/1.1\r\nHost: x\r\n\r\n"
    post = b"POST /api/users/andrew HTTP/1.1\r\nHost: x\r\n"
    halves = (
        b"G",
        b"GET /api/users/andrew HTTP/1.1\r\nHost:",
        post + b"Content-Length: 9000\r\n\r\nabc",
        post + b"Content-Length: 1000000\r\n\r\nabc",
        post + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        whole + whole[:-1],
    )
    with ExitStack() as stack:
        slow = [socket.create_connection((host, int(port)), timeout=60) for half in halves for _ in range(30)]
        for connection, half in zip(slow, halves * 30, strict=True):
            stack.enter_context(connection)
            connection.sendall(half)
        begun = time.monotonic()
        for _ in range(20):  # no thread is taken by any of them for long
            assert requests.get(f"{services['users'].url}/api/users/andrew", timeout=60).status_code == 200
        assert time.monotonic() - begun < 8
        for connection in slow:
            with suppress(ConnectionResetError):
                while connection.recv(1000):  # what was whole is answered; then all are let go
                    pass
        assert time.monotonic() - begun > 8


@pytest.mark.parametrize("at", [1, 30, 60, 100, -1])
def test_a_request_may_come_in_pieces(new_services, at: int) -> None:
    services = new_services("users")
    host, port = services["users"].url.removeprefix("http://").split(":")
    body = b'{"a": 1}'
    chunks = b"8\r\n" + body + b"\r\n0\r\n\r\n"
    head = b"POST /api/users/andrew HTTP/1.1\r\nHost: x\r\n"
    for request in (
        head + b"Content-Length: 8\r\n\r\n" + body,
        head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks,
    ):
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            for _ in range(1 + (b"Length" in request)):  # the second one on a connection that is kept
                connection.sendall(request[:at])
                time.sleep(0.05)  # so that the pieces are two
                connection.sendall(request[at:])
                answer = b""
                while not answer.endswith(b"}\n"):
                    answer += connection.recv(4000) or b"closed}\n"
                assert answer.startswith(b"HTTP/1.1 405")
