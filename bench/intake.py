"""What goes into a stand-in, and how fast the map over it is read back."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import requests

from bench.processes import cpu_seconds, family, wait_until_idle
from bench.report import Report
from threemaps.model.difference import Window
from threemaps.readers import open_backend
from threemaps.settings import Settings

SIZES = (100_000, 200_000, 400_000, 1_000_000)
# Not timed: compilers get warm, second processes start.
WARM_UP = 100_000
TOLD_AT = 400_000  # Zipkin keeps no more than half a million
GOAL_SECONDS = {200_000: "≤ 0.5 s", 1_000_000: "≤ 1 s"}
SENDERS = 4


@dataclass(slots=True)
class Intake:
    """How long and how much CPU it took once warm, the process beside Honeycomb's stand-in included."""

    process: psutil.Process
    warm_up: int = 0
    count: int = 0
    timed_count: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    client_cpu: float = 0.0

    def timed(self, count: int, send: Callable[[], None]) -> None:
        """CPU used behind the answers counts: Zipkin says that it has spans before it stores them."""
        warm = self.count >= self.warm_up
        began, client, cpu = time.perf_counter(), time.process_time(), cpu_seconds(family(self.process))
        send()
        seconds, client = time.perf_counter() - began, time.process_time() - client
        wait_until_idle(family(self.process))
        self.count += count
        if warm:
            self.timed_count += count
            self.seconds += seconds
            self.client_cpu += client
            self.cpu += cpu_seconds(family(self.process)) - cpu

    def write(self, report: Report, name: str, goal: str = "") -> None:
        report.add(f"{name}: taken in", self.timed_count / self.seconds, "/s", goal)
        report.add(f"{name}: CPU", self.cpu / self.timed_count * 1e6, "µs each")
        report.add(f"{name}: CPU of the clients", self.client_cpu / self.timed_count * 1e6, "µs each")

    def tell_memory(self, report: Report, name: str) -> None:
        memory = sum(one.memory_full_info().pss for one in family(self.process))
        report.add(f"{name}: memory", memory / 1e6, "MB")


def in_parallel(
    bodies: Sequence[bytes], post: Callable[[requests.Session, bytes], requests.Response]
) -> None:
    def send(share: Sequence[bytes]) -> None:
        with requests.Session() as session:
            for body in share:
                post(session, body).raise_for_status()

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, [bodies[index::SENDERS] for index in range(SENDERS)]))


def read_map(backend: str, settings: Settings, since: datetime, expected: int) -> float:
    """Seconds until threemaps' own reader has the map, which has to be exact."""
    seconds = []
    for _ in range(2):
        window = Window(since - timedelta(seconds=2), datetime.now(UTC) + timedelta(seconds=2))
        began = time.perf_counter()
        found = open_backend(backend, settings).read_map(window)
        seconds.append(time.perf_counter() - began)
    counted = sum(edge.requests or 0 for edge in found.edges)
    if counted != expected:
        raise ValueError(f"the map counts {counted:,} calls instead of {expected:,}")
    return min(seconds)


def tell_maps(
    report: Report, name: str, maps: dict[int, float], goals: Mapping[int, str] = GOAL_SECONDS
) -> None:
    for size, seconds in maps.items():
        report.add(f"{name}: map over {size:,}", seconds, "s", goals.get(size, ""))
    sizes = list(maps)
    report.add(
        f"{name}: {sizes[-1] // sizes[0]} times as many take", maps[sizes[-1]] / maps[sizes[0]], "× as long"
    )


def tell_disk(report: Report, name: str, settings: Settings, count: int) -> None:
    report.add(f"{name}: disk", sum(map(size_of, settings.data.iterdir())) / count, "bytes each")


def size_of(file: Path) -> int:
    return file.stat().st_size
