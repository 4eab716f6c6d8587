"""The local AWS: spans through its OTLP endpoint, X-Ray's service graph over them; then segment documents.

As many spans a call as the collector sends, not compressed, as Zipkin gets its own; fifty documents a call,
which look like those of the collector's exporter, a segment or subsegment a span. The calls are made
beforehand, so that only the server is measured.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench import spans
from bench.intake import SIZES, TOLD_AT, WARM_UP, Intake, read_map, tell_disk, tell_maps
from bench.processes import settings_at, standin
from bench.report import Report
from threemaps.settings import (
    LOCAL_AWS_ACCESS_KEY_ID,
    LOCAL_AWS_REGION,
    LOCAL_AWS_SECRET_ACCESS_KEY,
    Settings,
)

ABOUT = "the local AWS: spans and segments in, service graphs out"
DOCUMENTS_PER_CALL = 50
SPANS_PER_CALL = 1_000  # 0.45 MB
SENDERS = 8
# (service, called by the document with this number): a triangle with some work inside and a dead callee.
TRACE: tuple[tuple[str, int | None, str], ...] = (
    ("frontend_api", None, "segment"),
    ("activities:8001", 0, "remote"),
    ("activities", 1, "segment"),
    ("home-activities", 2, "local"),
    ("users:8002", 3, "remote"),
    ("users", 4, "segment"),
    ("users:8002", 0, "remote"),
    ("users", 6, "segment"),
    ("ads:8009", 0, "remote"),
    ("render", 0, "local"),
)
EDGES_PER_DOCUMENT = 5 / len(TRACE)
EDGES_PER_SPAN = (spans.CALLS_PER_TRACE + 1) / len(spans.HOPS)
GOALS = {200_000: "≤ 0.3 s", 1_000_000: "≤ 1 s"}
TEMPLATES = 100
MARK = b"feedfacefeedface"  # what the trace ids of a template end with

Call = tuple[bytes, dict[str, str]]
SIGNER = SigV4Auth(
    Credentials(LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY), "xray", LOCAL_AWS_REGION
)


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spans_in_graphs_out(report, settings_at(Path(folder) / "spans"))
        documents_in_graphs_out(report, settings_at(Path(folder) / "documents"))


def spans_in_graphs_out(report: Report, settings: Settings) -> None:
    def send(count: int) -> Callable[[], None]:
        calls = list(make_otlp_calls(settings.url("aws"), count))
        return lambda: send_all(settings.ports["aws"], calls, "/v1/traces", b"")

    taken_in(report, settings, "AWS by OTLP", SIZES, send, EDGES_PER_SPAN)


def documents_in_graphs_out(report: Report, settings: Settings) -> None:
    def send(count: int) -> Callable[[], None]:
        calls = list(make_calls(settings.url("aws"), count))
        return lambda: send_all(settings.ports["aws"], calls)

    taken_in(report, settings, "AWS by segments", SIZES[:2], send, EDGES_PER_DOCUMENT)


def taken_in(
    report: Report,
    settings: Settings,
    name: str,
    sizes: Sequence[int],
    send: Callable[[int], Callable[[], None]],
    edges_each: float,
) -> None:
    began = datetime.now(UTC)
    views: dict[str, dict[int, float]] = {"xray": {}, "cloudwatch": {}}
    with standin("aws", settings) as process:
        intake = Intake(process, WARM_UP)
        for size in sizes:
            while intake.count < size:  # signatures hold for five minutes: not all at once
                count = min(size - intake.count, SIZES[0])
                intake.timed(count, send(count))
            if size in (TOLD_AT, sizes[-1]) and intake.timed_count <= TOLD_AT:
                intake.write(report, name)
            for view, maps in views.items():
                maps[size] = read_map(view, settings, began, round(size * edges_each))
        for view, maps in views.items():
            tell_maps(report, f"{name}, {view}", maps, GOALS)
        intake.tell_memory(report, name)
        tell_disk(report, name, settings, intake.count)


def send_all(
    port: int,
    calls: list[Call],
    path: str = "/TraceSegments",
    taken: bytes = b'{"UnprocessedTraceSegments":[]}',
) -> None:
    def send(share: list[Call]) -> None:
        connection = HTTPConnection("127.0.0.1", port)
        for body, headers in share:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert (answer.status, text) == (200, taken), text[:500]
        connection.close()

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, [calls[index::SENDERS] for index in range(SENDERS)]))


def make_calls(url: str, documents: int) -> Iterator[Call]:
    """A few calls are made in full; the others are the same with other trace ids, and signed anew."""
    numbers = random.Random(time.time_ns())
    templates = [make_body(numbers) for _ in range(TEMPLATES)]
    for number in range(documents // DOCUMENTS_PER_CALL):
        body = templates[number % TEMPLATES].replace(MARK, b"%016x" % numbers.getrandbits(64))
        yield signed(f"{url}/TraceSegments", body)


def make_otlp_calls(url: str, count: int) -> Iterator[Call]:
    numbers = random.Random(time.time_ns())
    for _ in range(count // SPANS_PER_CALL):
        body = spans.body(numbers, SPANS_PER_CALL)
        yield signed(f"{url}/v1/traces", body, {"Content-Type": "application/x-protobuf"})


def signed(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Call:
    request = AWSRequest("POST", url, data=body, headers=headers)
    SIGNER.add_auth(request)
    return body, dict(request.headers)


def make_body(numbers: random.Random) -> bytes:
    texts = [text for _ in range(DOCUMENTS_PER_CALL // len(TRACE)) for text in make_trace(numbers)]
    return orjson.dumps({"TraceSegmentDocuments": texts})


def make_trace(numbers: random.Random) -> Iterator[str]:
    trace_id = f"1-{int(time.time()):08x}-{numbers.getrandbits(32):08x}{MARK.decode()}"
    ids = [f"{numbers.getrandbits(64):016x}" for _ in TRACE]
    for number, (name, parent, kind) in enumerate(TRACE):
        started = time.time()
        document = {
            "name": name,
            "id": ids[number],
            "start_time": started,
            "trace_id": trace_id,
            "end_time": started + numbers.expovariate(100),
            "http": {
                "request": {
                    "method": "GET",
                    "url": f"http://{name}/api/activities/home",
                    "client_ip": "127.0.0.1",
                },
                "response": {"status": 200, "content_length": 0},
            },
            "fault": False,
            "error": False,
            "throttle": False,
            "aws": {
                "xray": {
                    "sdk": "opentelemetry for python",
                    "sdk_version": "1.40.0",
                    "auto_instrumentation": True,
                }
            },
            "metadata": {
                "default": {
                    "http.flavor": "1.1",
                    "http.route": "/api/activities/home",
                    "net.peer.port": 40112,
                }
            },
            "namespace": "remote" if kind == "remote" else "",
            "parent_id": "" if parent is None else ids[parent],
            "type": "" if kind == "segment" else "subsegment",
        }
        yield orjson.dumps(document).decode()
