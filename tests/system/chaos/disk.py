"""The disk of the queues gets full while the backends are away: a small one, where we may mount it."""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.collector_process import wait_for
from tests.system.chaos import faults
from tests.system.chaos.measure import Result, run
from tests.system.chaos.proxy import LEGS
from tests.system.chaos.traffic import Traffic
from tests.system.chaos.world import World

SIZE = "1m"
FULL_SECONDS = 90.0


def can_mount() -> bool:
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder)) as mounted:
        return mounted


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def filled(world: World, traffic: Traffic) -> Iterator[None]:
    """Until the doors have refused for a while: what they acknowledged before and after counts."""
    with faults.down("honeycomb", "aws")(world, traffic):
        wait_for(lambda: traffic.refused_spans > 30 and traffic.refused_lines > 10, FULL_SECONDS)
        yield


FULL = faults.Trouble("disk of the queues full", LEGS, filled, refuses=True)


def disk_full(state: Path, calls: int) -> Result:
    """In a world of its own, on its own disk."""
    queue = state / "queue"
    queue.mkdir(parents=True)
    with small_disk(queue), World.running(state) as world:
        return run(world, FULL, f"full{int(time.time()) % 1000}", calls)
