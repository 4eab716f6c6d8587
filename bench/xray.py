"""X-Ray's stand-in: documents through PutTraceSegments, fifty a signed call, and the service graph over them.

Then spans through its OTLP door, as many a call as the collector sends there. Documents look like those of
the collector's exporter, a segment or subsegment a span. The calls are made beforehand, so that only the
server is measured.
"""

import gzip
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
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

ABOUT = "X-Ray's stand-in: documents in, service graphs out"
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
EDGES_PER_TRACE = 5
TEMPLATES = 100
MARK = b"feedfacefeedface"  # what the trace ids of a template end with

Call = tuple[bytes, dict[str, str]]
SIGNER = SigV4Auth(
    Credentials(LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY), "xray", LOCAL_AWS_REGION
)


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        documents_in_graphs_out(report, settings_at(Path(folder) / "documents"))
        spans_in(report, settings_at(Path(folder) / "spans"))


def documents_in_graphs_out(report: Report, settings: Settings) -> None:
    port, began = settings.ports["aws"], datetime.now(UTC)
    maps: dict[int, float] = {}
    with standin("aws", settings) as process:
        intake = Intake(process, WARM_UP)
        for size in SIZES:
            while intake.count < size:  # signatures hold for five minutes: not all at once
                count = min(size - intake.count, SIZES[0])
                calls = list(make_calls(settings.url("aws"), count))
                intake.timed(count, lambda calls=calls: send_all(port, calls))
            if size == TOLD_AT:
                intake.tell(report, "X-Ray")
            maps[size] = read_map("xray", settings, began, size // len(TRACE) * EDGES_PER_TRACE)
        tell_maps(report, "X-Ray", maps)
        intake.tell_memory(report, "X-Ray")
        tell_disk(report, "X-Ray", settings, intake.count)


def spans_in(report: Report, settings: Settings) -> None:
    with standin("aws", settings) as process:
        intake = Intake(process)
        for _ in range(2):
            calls = list(make_otlp_calls(settings.url("aws"), SIZES[0]))
            intake.timed(
                SIZES[0], lambda calls=calls: send_all(settings.ports["aws"], calls, "/v1/traces", b"")
            )
        intake.tell(report, "X-Ray by OTLP")


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
        body = gzip.compress(spans.body(numbers, SPANS_PER_CALL), compresslevel=1)
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        yield signed(f"{url}/v1/traces", body, headers)


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
