"""A disk gets full while the backends are away, or under everything: a small one, where we may mount it."""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.collector_process import wait_for
from tests.system.chaos import faults
from tests.system.chaos.measure import Result, run
from tests.system.chaos.proxy import PIPELINES
from tests.system.chaos.traffic import Traffic
from tests.system.chaos.world import World
from threemaps.demo.processes import Running, records
from threemaps.demo.room import Room

QUEUES_MB, STATE_MB = 1, 160
FULL_SECONDS = 90.0
STAYS_FULL_SECONDS = 15.0


def can_mount() -> bool:
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder), 1) as mounted:
        return mounted


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def filled(world: World, traffic: Traffic) -> Iterator[None]:
    """Until the receivers have refused for a while: what they acknowledged before and after counts."""
    with faults.down("honeycomb", "aws")(world, traffic):
        wait_for(lambda: traffic.refused_spans > 30 and traffic.refused_lines > 10, FULL_SECONDS)
        yield


@contextlib.contextmanager
def filled_by_others(world: World, traffic: Traffic) -> Iterator[None]:
    """Somebody else takes the last byte of the disk on which queues, stores, logs and records are."""
    other = world.state / "other"
    with other.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    began = time.monotonic()
    wait_for(lambda: time.monotonic() > began + STAYS_FULL_SECONDS)
    other.unlink()
    yield


FULL = faults.Trouble("disk of the queues full", PIPELINES, filled, refuses=True)
ALL_FULL = faults.Trouble("disk of the state folder full", PIPELINES, filled_by_others, refuses=True)


def disk_full(state: Path, calls: int) -> Result:
    """In a world of its own, on its own disk."""
    queue = state / "queue"
    queue.mkdir(parents=True)
    with small_disk(queue, QUEUES_MB), World.running(state) as world:
        return run(world, FULL, f"full{int(time.time()) % 1000}", calls)


def state_full(state: Path, calls: int) -> Result:
    state.mkdir(parents=True)
    with small_disk(state, STATE_MB), World.running(state) as world:
        settings, pid = world.collector.settings, world.collector.pid
        known = Running("collector", pid, psutil.Process(pid).create_time(), "")
        records(settings).save({"collector": known})
        guard = Room(settings)
        guard.start()
        try:
            return run(world, ALL_FULL, f"full{int(time.time()) % 1000}", calls)
        finally:
            guard.stop()
