"""Collector and stand-ins killed at random moments: all three maps exact afterwards, nothing twice."""

import os
import random
import secrets
import signal
import threading
import time
from collections.abc import Callable

import pytest

from tests.collector_process import wait_for
from tests.running import System
from tests.system.drawing import check
from tests.system.trees import Forest, batches, send

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(600)]

KILLED = ("collector", "honeycomb", "collector", "aws", "collector")


def pid_of(system: System, name: str) -> int | None:
    told = system.status()
    place = told["collector"] if name == "collector" else told["backends"][name]
    pid: int | None = place["pid"]
    return pid


def send_until_taken(system: System, body: bytes) -> None:
    """As an SDK does: what is not acknowledged is sent again."""
    url = system.settings.url("otlp_http")

    def taken() -> bool:
        try:
            send(url, [body])
        except OSError:
            return False
        return True

    wait_for(taken, 120)


@pytest.mark.parametrize("ingest", ["otlp", "segments"])
def test_kills_at_random_moments_lose_nothing(new_system: Callable[..., System], ingest: str) -> None:
    system = new_system(THREEMAPS_XRAY_INGEST=ingest).up()
    chance, prefix = random.Random(7), f"{secrets.token_hex(4)}-"
    forest = Forest(chance, [f"{prefix}{number}" for number in range(8)], limit=4_000).grow(120)
    bodies = list(batches(chance, forest.spans, 20))
    done = threading.Event()
    trouble = threading.Thread(target=kill_all, args=(system, chance, done.is_set), daemon=True)
    trouble.start()
    for body in bodies:
        send_until_taken(system, body)
        time.sleep(0.05)  # the rate of the traffic
    done.set()
    trouble.join()
    system.ok("up")
    try:
        check(system.settings, prefix, forest.truth.drawn_by)
    finally:
        system.ok("down")


def kill_all(system: System, chance: random.Random, is_over: Callable[[], bool]) -> None:
    """One after the other, each at a moment of its own, and started again."""
    for name in KILLED:
        threading.Event().wait(chance.uniform(0.2, 2))
        pid = pid_of(system, name)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        system.ok("up")
        if is_over():
            return
