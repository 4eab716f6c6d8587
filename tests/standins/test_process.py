"""A stand-in as a process: what it acknowledged survives a kill -9, and it says why it cannot start."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.conftest import free_port
from tests.standins.honeycomb.conftest import PROTOBUF, Client
from tests.standins.honeycomb.spans import Call, request_of

REQUESTS = 200


class Standin:
    """Honeycomb's stand-in on a port and a state folder of its own; may be killed and started again."""

    def __init__(self, state: Path) -> None:
        self.port = free_port()
        self.client = Client(f"http://127.0.0.1:{self.port}")
        self.environ = {
            **os.environ,
            "THREEMAPS_STATE": str(state),
            "THREEMAPS_PORT_HONEYCOMB": str(self.port),
        }

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "threemaps.standins", "honeycomb"]
        with subprocess.Popen(command, env=self.environ, stderr=subprocess.DEVNULL) as process:
            try:
                self._wait_until_healthy(process)
                yield process
            finally:
                process.kill()

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            try:
                requests.get(f"{self.client.url}/healthz", timeout=5)
            except requests.ConnectionError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"the stand-in did not start: {process.poll()}")


@pytest.fixture
def standin(tmp_path: Path) -> Standin:
    return Standin(tmp_path)


def send(client: Client, number: int) -> bool:
    """One trace of two spans. Whether it was acknowledged."""
    calls = [Call("root", 1, trace=number), Call(f"child-{number}", 2, 1, trace=number)]
    try:
        answer = client.send("/v1/traces", request_of(calls).SerializeToString(), **PROTOBUF)
    except requests.ConnectionError:
        return False
    return answer.status_code == 200


def called(client: Client) -> dict[str, int]:
    return {child: calls for (_parent, child), calls in client.calls().items()}


def test_what_was_acknowledged_survives_a_kill(standin: Standin) -> None:
    acknowledged: list[int] = []
    half_way = threading.Event()

    def send_all(share: range) -> None:
        for number in share:
            if send(standin.client, number):
                acknowledged.append(number)
            if len(acknowledged) >= REQUESTS // 2:
                half_way.set()

    with standin.running() as process:
        senders = [threading.Thread(target=send_all, args=(range(1 + n, 1 + REQUESTS, 3),)) for n in range(3)]
        for sender in senders:
            sender.start()
        half_way.wait(60)
        process.send_signal(signal.SIGKILL)
        for sender in senders:
            sender.join()
    assert REQUESTS // 2 <= len(acknowledged) < REQUESTS
    with standin.running():
        assert called(standin.client).keys() >= {f"child-{number}" for number in acknowledged}
        # A collector sends again what it has no answer for, and cannot know what did arrive.
        assert all(send(standin.client, number) for number in range(1, REQUESTS + 1))
        assert called(standin.client) == {f"child-{number}": 1 for number in range(1, REQUESTS + 1)}


def test_sigterm_is_an_orderly_end(standin: Standin) -> None:
    with standin.running() as process:
        assert send(standin.client, 1)
        process.terminate()
        assert process.wait(20) == 0
    with standin.running():
        assert called(standin.client) == {"child-1": 1}


def test_a_port_in_use_is_named(standin: Standin, tmp_path: Path) -> None:
    with standin.running():
        other = subprocess.run(
            [sys.executable, "-m", "threemaps.standins", "honeycomb"],
            env={**standin.environ, "THREEMAPS_STATE": str(tmp_path / "other")},
            capture_output=True,
            text=True,
            check=False,
        )
    assert other.returncode == 1
    assert f"honeycomb cannot listen on 127.0.0.1:{standin.port}" in other.stderr
    assert "THREEMAPS_PORT_HONEYCOMB" in other.stderr
    assert "Traceback" not in other.stderr


def test_a_store_in_use_is_named(standin: Standin) -> None:
    with standin.running():
        other = subprocess.run(
            [sys.executable, "-m", "threemaps.standins", "honeycomb"],
            env={**standin.environ, "THREEMAPS_PORT_HONEYCOMB": str(free_port())},
            capture_output=True,
            text=True,
            check=False,
        )
    assert other.returncode == 1
    assert "honeycomb.duckdb is in use by another process" in other.stderr
    assert "Traceback" not in other.stderr


@pytest.mark.parametrize("arguments", [[], ["datadog"], ["honeycomb", "aws"]])
def test_an_unknown_name_is_refused(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "threemaps.standins", *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "python -m threemaps.standins honeycomb|aws|rollbar" in answer.stderr
