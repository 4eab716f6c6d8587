"""How fast Honeycomb's stand-in takes spans in and draws its map: `python bench/ingest_honeycomb.py [SPANS]`.

The stand-in runs as a process of its own; spans come over HTTP, protobuf and gzip, 1,000 a request, five to a
trace, ten attributes each. The bodies are made beforehand, so that only the server is measured.
"""

import gzip
import os
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen

import psutil
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from threemaps.settings import LOCAL_CONFIGURATION_KEY, LOCAL_INGEST_KEY

SPANS = 200_000
SPANS_PER_REQUEST = 1_000
SENDERS = 4
HOPS = (("frontend", 2), ("frontend", 3), ("activities", 2), ("activities", 3), ("users", 2))
SEND = {
    "X-Honeycomb-Team": LOCAL_INGEST_KEY,
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "gzip",
}
READ = {"X-Honeycomb-Team": LOCAL_CONFIGURATION_KEY}


def main(spans: int) -> None:
    bodies = [make_body(random.Random(number)) for number in range(spans // SPANS_PER_REQUEST)]
    port = free_port()
    with tempfile.TemporaryDirectory() as state:
        environ = {**os.environ, "THREEMAPS_STATE": state, "THREEMAPS_PORT_HONEYCOMB": str(port)}
        server = Popen([sys.executable, "-m", "threemaps.standins", "honeycomb"], env=environ)
        try:
            report(f"http://127.0.0.1:{port}", bodies, server.pid, Path(state))
        finally:
            server.terminate()
            server.wait()


def report(url: str, bodies: list[bytes], pid: int, state: Path) -> None:
    wait_until_healthy(url)
    process = psutil.Process(pid)
    began, cpu = time.perf_counter(), cpu_seconds(process)
    send_all(url, bodies)
    seconds = time.perf_counter() - began
    spans = len(bodies) * SPANS_PER_REQUEST
    user_and_system = cpu_seconds(process) - cpu
    print(f"{spans:,} spans in {seconds:.2f} s: {spans / seconds:,.0f} spans/s")
    print(f"CPU of the stand-in: {user_and_system / spans * 1e6:.1f} µs a span")
    for attempt in ("first", "again"):
        seconds, calls = read_map(url)
        print(f"map, {attempt}: {seconds:.3f} s, {calls:,} calls")
        assert calls == spans // len(HOPS) * 2
    memory = sum(one.memory_full_info().pss for one in with_children(process))
    print(f"memory of the stand-in: {memory / 1e6:,.0f} MB")
    size = sum(file.stat().st_size for file in (state / "data").iterdir())
    print(f"on disk: {size / 1e6:,.1f} MB, {size / spans:.0f} bytes a span")


def wait_until_healthy(url: str) -> None:
    for _ in range(200):
        try:
            if requests.get(f"{url}/healthz", timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise SystemExit("the stand-in did not start")


def send_all(url: str, bodies: list[bytes]) -> None:
    def send(share: list[bytes]) -> None:
        with requests.Session() as session:
            for body in share:
                session.post(f"{url}/v1/traces", data=body, headers=SEND, timeout=30).raise_for_status()

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, [bodies[index::SENDERS] for index in range(SENDERS)]))


def with_children(process: psutil.Process) -> list[psutil.Process]:
    """Large requests are translated in a process beside the stand-in."""
    return [process, *process.children()]


def cpu_seconds(process: psutil.Process) -> float:
    return sum(times.user + times.system for times in (one.cpu_times() for one in with_children(process)))


def read_map(url: str) -> tuple[float, int]:
    began = time.perf_counter()
    created = requests.post(f"{url}/1/maps/dependencies/requests", json={}, headers=READ, timeout=60)
    answer = requests.get(created.headers["Location"], headers=READ, timeout=60).json()
    return time.perf_counter() - began, sum(edge["call_count"] for edge in answer["dependencies"])


def make_body(numbers: random.Random) -> bytes:
    request = ExportTraceServiceRequest()
    scopes = {name: add_scope(request, name) for name, _ in HOPS}
    for _ in range(SPANS_PER_REQUEST // len(HOPS)):
        trace_id, parent = numbers.randbytes(16), b""
        for name, kind in HOPS:
            parent = add_span(scopes[name], numbers, trace_id, parent, kind)
    return gzip.compress(request.SerializeToString(), 1)


def add_scope(request: ExportTraceServiceRequest, service: str) -> object:
    for known in request.resource_spans:
        if known.resource.attributes[0].value.string_value == service:
            return known.scope_spans[0]
    resource_spans = request.resource_spans.add()
    set_attributes(
        resource_spans.resource.attributes,
        {"service.name": service, "telemetry.sdk.language": "python", "host.name": "bench", "process.pid": 7},
    )
    scope = resource_spans.scope_spans.add()
    scope.scope.name = "opentelemetry.instrumentation.flask"
    return scope


def add_span(scope: object, numbers: random.Random, trace_id: bytes, parent: bytes, kind: int) -> bytes:
    start = time.time_ns()
    span = scope.spans.add(
        trace_id=trace_id,
        span_id=numbers.randbytes(8),
        parent_span_id=parent,
        name="GET /api/activities/home",
        kind=kind,
        start_time_unix_nano=start,
        end_time_unix_nano=start + numbers.randrange(10**8),
    )
    set_attributes(
        span.attributes,
        {
            "http.method": "GET",
            "http.scheme": "http",
            "http.host": "localhost:8000",
            "http.route": "/api/activities/home",
            "http.target": f"/api/activities/home?{numbers.randrange(1_000_000)}",
            "http.status_code": 200,
            "net.host.port": 8000,
            "net.peer.ip": "127.0.0.1",
            "net.peer.port": numbers.randrange(1 << 16),
            "http.flavor": "1.1",
        },
    )
    return span.span_id


def set_attributes(attributes: object, values: dict[str, str | int]) -> None:
    for name, value in values.items():
        attribute = attributes.add(key=name)
        if isinstance(value, int):
            attribute.value.int_value = value
        else:
            attribute.value.string_value = value


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SPANS)
