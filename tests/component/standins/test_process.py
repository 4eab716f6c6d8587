"""A stand-in as a process: what it acknowledged survives a kill -9, and it says why it cannot start."""

import platform
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.component.standins.process import StandinProcess
from tests.conftest import free_port
from tests.unit.standins.honeycomb.conftest import PROTOBUF, Client
from tests.unit.standins.honeycomb.spans import Call, request_of
from threemaps.demo.health import wait_until
from threemaps.settings import LOCAL_ROLLBAR_TOKEN

SENDERS = 3
ENOUGH = 100


class Standin(StandinProcess):
    """Honeycomb's, with a client."""

    def __init__(self, state: Path) -> None:
        super().__init__("honeycomb", state)
        self.client = Client(self.url)


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

    def send_until_killed(first: int) -> None:
        number = first
        while send(standin.client, number):
            acknowledged.append(number)
            number += SENDERS

    with standin.running() as process, ThreadPoolExecutor(SENDERS) as pool:
        ended = [pool.submit(send_until_killed, 1 + first) for first in range(SENDERS)]
        assert wait_until(lambda: len(acknowledged) >= ENOUGH, 60)
        process.send_signal(signal.SIGKILL)
        for one in ended:
            one.result()
    sent = range(1, max(acknowledged) + 1)
    with standin.running():
        assert called(standin.client).keys() >= {f"child-{number}" for number in acknowledged}
        # A collector sends again what it has no answer for, and cannot know what did arrive.
        assert all(send(standin.client, number) for number in sent)
        found = called(standin.client)
        assert {f"child-{number}": found[f"child-{number}"] for number in sent} == {
            f"child-{number}": 1 for number in sent
        }


def test_sigterm_is_an_orderly_end(standin: Standin) -> None:
    with standin.running() as process:
        assert send(standin.client, 1)
        process.terminate()
        assert process.wait(20) == 0
    with standin.running():
        assert called(standin.client) == {"child-1": 1}


def test_a_port_in_use_is_named(standin: Standin, tmp_path: Path) -> None:
    with standin.running():
        said = standin.refused(THREEMAPS_STATE=str(tmp_path / "other"))
    assert f"honeycomb cannot listen on 127.0.0.1:{standin.port}" in said
    assert "THREEMAPS_PORT_HONEYCOMB" in said


def test_a_store_in_use_is_named(standin: Standin) -> None:
    with standin.running():
        said = standin.refused(THREEMAPS_PORT_HONEYCOMB=str(free_port()))
    assert "honeycomb.duckdb is in use by another process" in said


@pytest.mark.parametrize("arguments", [[], ["datadog"], ["honeycomb", "aws"]])
def test_an_unknown_name_is_refused(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "threemaps.standins", *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "python -m threemaps.standins honeycomb|aws|rollbar" in answer.stderr


def test_a_rollbar_that_nobody_uses_opens_no_store(tmp_path: Path) -> None:
    standin = StandinProcess("rollbar", tmp_path)
    file = tmp_path / "data" / "rollbar.duckdb"
    headers = {"X-Rollbar-Access-Token": LOCAL_ROLLBAR_TOKEN}
    item = {"data": {"environment": "test", "body": {"message": {"body": "broken"}}}}
    with standin.running() as process:
        assert requests.get(f"{standin.url}/healthz", timeout=10).json() == {"status": "ok"}
        assert not file.exists()
        answer = requests.post(f"{standin.url}/api/1/item/", json=item, headers=headers, timeout=60)
        assert answer.status_code == 200
        assert file.exists()
        process.kill()
    with standin.running():
        items = requests.get(f"{standin.url}/api/1/items", headers=headers, timeout=60).json()
        assert [one["title"] for one in items["result"]["items"]] == ["broken"]


HEAPS = """
import ctypes, sys, threading
from threemaps.standins.heap import share_one_heap
share_one_heap()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
for _ in range(4):
    thread = threading.Thread(target=lambda: [libc.malloc(1_000) for _ in range(100)])
    thread.start()
    thread.join()
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others have no heaps of threads")
def test_all_threads_share_one_heap(tmp_path: Path) -> None:
    told = tmp_path / "heaps.xml"
    subprocess.run([sys.executable, "-c", HEAPS, str(told)], check=True)
    assert told.read_text().count("<heap ") == 1
