"""The stand-ins at 100,000, 200,000 and a million spans, and Zipkin beside them.

Bodies are made beforehand: a few are made in full, the others are the same with other trace ids.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import orjson
import psutil
import requests
import zstandard

from bench import ingest_xray, spans
from bench.processes import cpu_seconds, settings_at, standin
from bench.report import Report, median
from bench.zipkin import Zipkin
from threemaps.backends import open_backend
from threemaps.compare import Source, Window, compare
from threemaps.servicemap import Edge, Node, ServiceMap
from threemaps.settings import (
    LOCAL_AWS_ACCESS_KEY_ID,
    LOCAL_AWS_REGION,
    LOCAL_AWS_SECRET_ACCESS_KEY,
    LOCAL_INGEST_KEY,
    MAP_LOG_GROUP,
    Settings,
)

ABOUT = "spans in, maps out; each stand-in is a process of its own"
SIZES = (100_000, 200_000, 1_000_000)
GOAL_SECONDS = {200_000: "≤ 0.5 s", 1_000_000: "≤ 1 s"}
SPANS_PER_REQUEST = 1_000
TEMPLATES = 20
SENDERS = 4
MARK = b"\xab" * 4 + b"mark"
# An hour of the collector's map: two flushes a second, three edges.
HOUR_OF_EVENTS = 21_600
EVENTS_PER_CALL = 1_200
EDGES = 5_000


def measure(report: Report) -> None:
    with report.attempting("Honeycomb"), tempfile.TemporaryDirectory() as folder:
        honeycomb(report, settings_at(Path(folder)))
    with (
        report.attempting("Zipkin 3.5.1"),
        tempfile.TemporaryDirectory() as folder,
        Zipkin.started(folder) as peer,
    ):
        zipkin(report, peer)
    with report.attempting("X-Ray"), tempfile.TemporaryDirectory() as folder:
        xray(report, settings_at(Path(folder)))
    with report.attempting("CloudWatch"), tempfile.TemporaryDirectory() as folder:
        cloudwatch(report, settings_at(Path(folder)))
    with report.attempting("compare"):
        comparing(report)


@dataclass(slots=True)
class Intake:
    """How long and how much CPU it took so far."""

    spans: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def timed(self, process: psutil.Process, count: int, send: Callable[[], None]) -> None:
        began, cpu = time.perf_counter(), cpu_seconds([process])
        send()
        self.seconds += time.perf_counter() - began
        self.cpu += cpu_seconds([process]) - cpu
        self.spans += count


def honeycomb(report: Report, settings: Settings) -> None:
    url, began = f"{settings.url('honeycomb')}/v1/traces", datetime.now(UTC)
    maps: dict[int, float] = {}
    with standin("honeycomb", settings) as process:
        intake = Intake()
        for size in SIZES:
            bodies = otlp_bodies(size - intake.spans)
            intake.timed(process, size - intake.spans, lambda bodies=bodies: post_all(url, bodies))
            if size == 200_000:
                tell_intake(report, "Honeycomb", intake, process, "≥ 55,000 spans/s")
            maps[size] = read_map("honeycomb", settings, began, size // len(spans.HOPS) * 2)
        tell_maps(report, "Honeycomb", maps)
        report.add("Honeycomb: memory after a million", process.memory_info().rss / 1e6, "MB")
        report.add("Honeycomb: disk after a million", folder_bytes(settings.data) / SIZES[-1], "bytes/span")


def otlp_bodies(count: int) -> list[bytes]:
    """Compressed, as the collector sends them by default; zstd because it is quick to make."""
    now = time.time_ns()
    made = []
    for number in range(TEMPLATES):
        numbers = random.Random(number)
        made.append(spans.body(numbers, SPANS_PER_REQUEST, now, mark=MARK))
    pack = zstandard.ZstdCompressor(1).compress
    bodies = range(count // SPANS_PER_REQUEST)
    return [pack(made[one % TEMPLATES].replace(MARK, random.randbytes(len(MARK)))) for one in bodies]


def post_all(url: str, bodies: Sequence[bytes]) -> None:
    headers = {
        "X-Honeycomb-Team": LOCAL_INGEST_KEY,
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "zstd",
    }
    in_parallel(bodies, lambda session, body: session.post(url, body, headers=headers, timeout=60))


def in_parallel(
    bodies: Sequence[bytes], post: Callable[[requests.Session, bytes], requests.Response]
) -> None:
    def send(share: Sequence[bytes]) -> None:
        with requests.Session() as session:
            for body in share:
                post(session, body).raise_for_status()

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, [bodies[index::SENDERS] for index in range(SENDERS)]))


def zipkin(report: Report, peer: Zipkin) -> None:
    """Its in-memory store keeps half a million spans, so it is asked at 100,000 and 200,000."""
    post = peer.post
    in_parallel(list(zipkin_bodies(20_000)), post)  # the compiler gets warm
    intake = Intake()
    maps = {}
    for size in SIZES[:2]:
        bodies = list(zipkin_bodies(size - intake.spans))
        intake.timed(peer.process, size - intake.spans, lambda bodies=bodies: in_parallel(bodies, post))
        maps[size] = peer.read_map()
    tell_intake(report, "Zipkin 3.5.1", intake, peer.process)
    tell_maps(report, "Zipkin 3.5.1", maps, {})
    report.add("Zipkin 3.5.1: memory", peer.process.memory_info().rss / 1e6, "MB")


def zipkin_bodies(count: int) -> Iterator[bytes]:
    """The same traces in Zipkin's own JSON."""
    kinds = {2: "SERVER", 3: "CLIENT"}
    numbers = random.Random(time.time_ns())
    for _ in range(count // SPANS_PER_REQUEST):
        told = []
        for _ in range(SPANS_PER_REQUEST // len(spans.HOPS)):
            trace_id, parent = numbers.randbytes(16).hex(), None
            for service, kind in spans.HOPS:
                span = {
                    "traceId": trace_id,
                    "id": numbers.randbytes(8).hex(),
                    "name": "get /api/activities/home",
                    "kind": kinds[kind],
                    "timestamp": time.time_ns() // 1000,
                    "duration": numbers.randrange(1, 10**5),
                    "localEndpoint": {"serviceName": service},
                    "tags": {name: str(value) for name, value in spans.attributes(numbers).items()},
                }
                told.append(span if parent is None else {**span, "parentId": parent})
                parent = span["id"]
        yield orjson.dumps(told)


def xray(report: Report, settings: Settings) -> None:
    port, began = settings.ports["aws"], datetime.now(UTC)
    maps: dict[int, float] = {}
    with standin("aws", settings) as process:
        intake = Intake()
        for size in SIZES:
            while intake.spans < size:  # signatures hold for five minutes: not all at once
                count = min(size - intake.spans, SIZES[0])
                calls = list(ingest_xray.make_calls(settings.url("aws"), count))
                intake.timed(process, count, lambda calls=calls: ingest_xray.send_all(port, calls))
            if size == 200_000:
                tell_intake(report, "X-Ray", intake, process)
            per_trace = ingest_xray.EDGES_PER_TRACE
            maps[size] = read_map("xray", settings, began, size // len(ingest_xray.TRACE) * per_trace)
        tell_maps(report, "X-Ray", maps)
        report.add("X-Ray: memory after a million", process.memory_info().rss / 1e6, "MB")
        report.add("X-Ray: disk after a million", folder_bytes(settings.data) / SIZES[-1], "bytes/document")


def cloudwatch(report: Report, settings: Settings) -> None:
    began = datetime.now(UTC) - timedelta(hours=1)
    with standin("aws", settings) as process:
        client = boto3.client(
            "logs",
            endpoint_url=settings.url("aws"),
            region_name=LOCAL_AWS_REGION,
            aws_access_key_id=LOCAL_AWS_ACCESS_KEY_ID,
            aws_secret_access_key=LOCAL_AWS_SECRET_ACCESS_KEY,
        )
        client.create_log_group(logGroupName=MAP_LOG_GROUP)
        client.create_log_stream(logGroupName=MAP_LOG_GROUP, logStreamName="bench")
        start = int(began.timestamp() * 1000)
        intake = Intake()
        maps = {}
        for size in (HOUR_OF_EVENTS // 10, HOUR_OF_EVENTS):
            calls = list(event_batches(start, intake.spans, size))

            def send(batches: list[list[dict[str, object]]] = calls) -> None:
                for batch in batches:
                    client.put_log_events(logGroupName=MAP_LOG_GROUP, logStreamName="bench", logEvents=batch)

            intake.timed(process, size - intake.spans, send)
            maps[size] = read_map("cloudwatch", settings, began, size)
        tell_intake(report, "CloudWatch (map events)", intake, process)
        tell_maps(report, "CloudWatch (map events)", maps)
        report.add("CloudWatch: memory", process.memory_info().rss / 1e6, "MB")


def event_batches(start: int, first: int, last: int) -> Iterator[list[dict[str, object]]]:
    """As the collector's EMF exporter writes them: one call of one edge each."""
    calls = (("frontend", "activities"), ("frontend", "users"), ("activities", "users"))
    for offset in range(first, last, EVENTS_PER_CALL):
        batch = []
        for number in range(offset, min(offset + EVENTS_PER_CALL, last)):
            caller, called = calls[number % 3]
            moment = start + number * 3_600_000 // HOUR_OF_EVENTS
            message = {
                "_aws": {"Timestamp": moment, "CloudWatchMetrics": []},
                "client": caller,
                "server": called,
                "connection_type": "",
                "number": number,
                "traces_service_graph_request_total": 1,
            }
            batch.append({"timestamp": moment, "message": orjson.dumps(message).decode()})
        yield batch


def comparing(report: Report) -> None:
    """Three maps of 5,000 edges, one edge in a hundred counted differently."""
    numbers = random.Random(1)
    pairs = set()
    while len(pairs) < EDGES:
        pairs.add((f"service-{numbers.randrange(500)}", f"service-{numbers.randrange(500)}"))
    window = Window(datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC))

    def seconds(share: int) -> float:
        some = sorted(pairs)[:share]
        maps = [ServiceMap.of((), (edge(pair, index) for pair in some)) for index in range(3)]
        sources = [
            Source(name, name, window, m)
            for name, m in zip(("honeycomb", "xray", "cloudwatch"), maps, strict=True)
        ]
        began = time.process_time()
        compare(window, sources, lambda difference: difference)
        return time.process_time() - began

    def edge(pair: tuple[str, str], index: int) -> Edge:
        requests = 100 + (index == 2 and hash(pair) % 100 == 0)
        return Edge(Node(pair[0]), Node(pair[1]), requests, 1, 10.0, None)

    whole, tenth = (median(seconds(share) for _ in range(5)) for share in (EDGES, EDGES // 10))
    report.add("compare: three maps of 5,000 edges", whole * 1000, "ms CPU", "≤ 200 ms")
    report.add("compare: ten times the edges take", whole / tenth, "× as long")


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


def tell_intake(report: Report, name: str, intake: Intake, process: psutil.Process, goal: str = "") -> None:
    report.add(f"{name}: taken in", intake.spans / intake.seconds, "/s", goal)
    report.add(f"{name}: CPU of the process", intake.cpu / intake.spans * 1e6, "µs each")


def tell_maps(
    report: Report, name: str, maps: dict[int, float], goals: Mapping[int, str] = GOAL_SECONDS
) -> None:
    for size, seconds in maps.items():
        report.add(f"{name}: map over {size:,}", seconds, "s", goals.get(size, ""))
    sizes = list(maps)
    report.add(
        f"{name}: {sizes[-1] // sizes[0]} times as many take", maps[sizes[-1]] / maps[sizes[0]], "× as long"
    )


def folder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
