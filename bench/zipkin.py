"""Zipkin, the peer: its server from Maven Central; its store in memory keeps half a million spans."""

import contextlib
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil
import requests

from bench import spans
from bench.intake import SIZES, TOLD_AT, WARM_UP, Intake, in_parallel, tell_maps
from bench.processes import started, wait_for_url
from bench.report import Report
from tests.running import free_ports

ABOUT = "Zipkin 3.5.1, with the same spans"
SPANS_PER_REQUEST = 1_000
KINDS = {2: "SERVER", 3: "CLIENT"}

VERSION = "3.5.1"
ARTIFACT = f"io.zipkin:zipkin-server:{VERSION}:jar:exec"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "threemaps" / "zipkin"
FETCH_SECONDS = 240


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder, Zipkin.started(folder) as peer:
        intake = Intake(peer.process, WARM_UP)
        maps = {}
        for size in SIZES[: SIZES.index(TOLD_AT) + 1]:
            made = list(bodies(size - intake.count))
            intake.timed(size - intake.count, lambda made=made: in_parallel(made, peer.post))
            maps[size] = peer.read_map()
        intake.write(report, "Zipkin")
        tell_maps(report, "Zipkin", maps, {})
        intake.tell_memory(report, "Zipkin")


def bodies(count: int) -> Iterator[bytes]:
    """The same traces in Zipkin's own JSON."""
    numbers = random.Random(time.time_ns())
    traces = SPANS_PER_REQUEST // len(spans.HOPS)
    for _ in range(count // SPANS_PER_REQUEST):
        yield orjson.dumps([span for _ in range(traces) for span in trace(numbers)])


def trace(numbers: random.Random) -> Iterator[dict[str, object]]:
    trace_id, parent = numbers.randbytes(16).hex(), {}
    for service, kind in spans.HOPS:
        span_id = numbers.randbytes(8).hex()
        yield {
            "traceId": trace_id,
            "id": span_id,
            **parent,
            "name": "get /api/activities/home",
            "kind": KINDS[kind],
            "timestamp": time.time_ns() // 1000,
            "duration": numbers.randrange(1, 10**5),
            "localEndpoint": {"serviceName": service},
            "tags": {name: str(value) for name, value in spans.attributes(numbers).items()},
        }
        parent = {"parentId": span_id}


@dataclass(frozen=True, slots=True)
class Zipkin:
    url: str
    process: psutil.Process

    @classmethod
    @contextlib.contextmanager
    def started(cls, folder: str) -> Iterator["Zipkin"]:
        java = shutil.which("java")
        if java is None:
            raise LookupError("java is not installed")
        server = jar()
        (port,) = free_ports(1)
        environment = {
            **os.environ,
            "QUERY_PORT": str(port),
            "STORAGE_TYPE": "mem",
            "SELF_TRACING_ENABLED": "false",
        }
        with started((java, "-jar", str(server)), environment, Path(folder) / "zipkin.log") as process:
            url = f"http://127.0.0.1:{port}"
            wait_for_url(f"{url}/health")
            yield cls(url, process)

    def post(self, session: requests.Session, body: bytes) -> requests.Response:
        headers = {"Content-Type": "application/json"}
        return session.post(f"{self.url}/api/v2/spans", body, headers=headers, timeout=60)

    def read_map(self) -> float:
        """Seconds for the dependencies of everything it holds; the better of two."""
        seconds = []
        for _ in range(2):
            began = time.perf_counter()
            query = {"endTs": time.time_ns() // 10**6 + 60_000, "lookback": 86_400_000}
            answer = requests.get(f"{self.url}/api/v2/dependencies", query, timeout=120)
            answer.raise_for_status()
            if not answer.json():
                raise ValueError("Zipkin drew an empty map")
            seconds.append(time.perf_counter() - began)
        return min(seconds)


def jar() -> Path:
    found = CACHE / f"zipkin-server-{VERSION}-exec.jar"
    if found.exists():
        return found
    maven = shutil.which("mvn")
    if maven is None:
        raise LookupError(f"{found} is missing, and there is no mvn to fetch it with")
    print(f"  fetching {ARTIFACT}", flush=True)
    subprocess.run(
        [maven, "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={CACHE}"],
        check=True,
        timeout=FETCH_SECONDS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    return found
