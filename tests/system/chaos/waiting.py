"""What a request costs with the collector up, gone and hanging; what every process holds after all that."""

import socket
import statistics
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import requests

from tests.component.services.running import Services, address, silent_listener
from tests.conftest import free_port
from tests.system.chaos.world import World

REQUESTS = 300
# The exporters give up after 31 s; nobody wants to wait for that at the end.
VARIABLES = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}


def latencies(world: World, folder: Path) -> Iterable[str]:
    """`users` answers REQUESTS requests, one after the other."""
    silence = silent_listener()
    collectors = {
        "up": world.collector.otlp_http,
        "gone": f"http://127.0.0.1:{free_port()}",
        "hanging": address(silence),
    }
    yield f"{'collector':<12}{'answered':>9}{'median ms':>11}{'p99 ms':>9}{'most ms':>9}"
    for name, url in collectors.items():
        yield row(name, measured(folder / name, url))
    silence.shutdown(socket.SHUT_RDWR)
    silence.close()


def held(world: World) -> Iterable[str]:
    """Memory of each process, and what the queues take on disk."""
    pids = {"collector": world.collector.pid} | {name: one.pid for name, one in world.standins.items()}
    for name, pid in pids.items():
        yield f"{name:<12}{psutil.Process(pid).memory_info().rss / 1e6:>8.0f} MB of memory"
    files = [path.stat() for path in world.collector.settings.queue.iterdir()]
    yield f"{'queues':<12}{sum(one.st_blocks * 512 for one in files) / 1e6:>8.1f} MB on disk"


def measured(folder: Path, otlp: str) -> list[float]:
    folder.mkdir(parents=True)
    services = Services(folder, otlp, VARIABLES).start("users")
    times = []
    try:
        with requests.Session() as session:
            for _ in range(REQUESTS):
                begin = time.perf_counter()
                if session.get(f"{services['users'].url}/api/users/andrew", timeout=5).ok:
                    times.append((time.perf_counter() - begin) * 1000)
    finally:
        services.stop()
    return times


def row(name: str, times: list[float]) -> str:
    p99 = statistics.quantiles(times, n=100)[98]
    return f"{name:<12}{len(times):>9}{statistics.median(times):>11.1f}{p99:>9.1f}{max(times):>9.1f}"
