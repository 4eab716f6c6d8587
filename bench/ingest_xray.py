"""How fast X-Ray's stand-in takes segments in and draws its graph: `python bench/ingest_xray.py [DOCUMENTS]`.

The stand-in runs as a process of its own. Documents look like those of the collector's exporter: a segment or
subsegment a span, fifty a call, signed. The calls are made beforehand, so that only the server is measured.
"""

import os
import random
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from subprocess import Popen
from typing import Any

import boto3
import orjson
import psutil
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_REGION, LOCAL_AWS_SECRET_ACCESS_KEY

DOCUMENTS = 200_000
DOCUMENTS_PER_CALL = 50
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


def main(documents: int) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as state:
        environ = {**os.environ, "THREEMAPS_STATE": state, "THREEMAPS_PORT_AWS": str(port)}
        server = Popen([sys.executable, "-m", "threemaps.standins", "aws"], env=environ)
        try:
            wait_until_healthy(port)
            # Signatures hold for five minutes, and making a million calls takes longer than sending them.
            report(url, port, documents, server.pid, Path(state))
        finally:
            server.terminate()
            server.wait()


def report(url: str, port: int, documents: int, pid: int, state: Path) -> None:
    process = psutil.Process(pid)
    sent, seconds, used = 0, 0.0, 0.0
    while sent < documents:
        calls = list(make_calls(url, min(documents - sent, DOCUMENTS)))
        began, cpu = time.perf_counter(), cpu_seconds(process)
        send_all(port, calls)
        seconds += time.perf_counter() - began
        used += cpu_seconds(process) - cpu
        sent += len(calls) * DOCUMENTS_PER_CALL
    print(f"{sent:,} documents in {seconds:.2f} s: {sent / seconds:,.0f} documents/s")
    print(f"CPU of the stand-in: {used / sent * 1e6:.1f} µs a document")
    for attempt in ("first", "again"):
        began = time.perf_counter()
        calls_drawn = read_graph(url)
        print(f"graph, {attempt}: {time.perf_counter() - began:.3f} s, {calls_drawn:,} calls")
        assert calls_drawn == sent // len(TRACE) * EDGES_PER_TRACE
    print(f"memory of the stand-in: {process.memory_info().rss / 1e6:,.0f} MB")
    size = sum(file.stat().st_size for file in (state / "data").iterdir())
    print(f"on disk: {size / 1e6:,.1f} MB, {size / sent:.0f} bytes a document")


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def send_all(port: int, calls: list[Call]) -> None:
    def send(share: list[Call]) -> None:
        connection = HTTPConnection("127.0.0.1", port)
        for body, headers in share:
            connection.request("POST", "/TraceSegments", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert (answer.status, text) == (200, b'{"UnprocessedTraceSegments":[]}'), text[:500]
        connection.close()

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, [calls[index::SENDERS] for index in range(SENDERS)]))


def read_graph(url: str) -> int:
    client: Any = boto3.client(
        "xray",
        region_name=LOCAL_AWS_REGION,
        endpoint_url=url,
        aws_access_key_id=LOCAL_AWS_ACCESS_KEY_ID,
        aws_secret_access_key=LOCAL_AWS_SECRET_ACCESS_KEY,
    )
    answer = client.get_service_graph(StartTime=time.time() - 3600, EndTime=time.time() + 60)
    edges = [edge for service in answer["Services"] for edge in service["Edges"]]
    return sum(edge["SummaryStatistics"]["TotalCount"] for edge in edges)


def make_calls(url: str, documents: int) -> Iterator[Call]:
    """A few calls are made in full; the others are the same with other trace ids, and signed anew."""
    numbers = random.Random(time.time_ns())
    signer = SigV4Auth(
        Credentials(LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY), "xray", LOCAL_AWS_REGION
    )
    templates = [make_body(numbers) for _ in range(TEMPLATES)]
    for number in range(documents // DOCUMENTS_PER_CALL):
        body = templates[number % TEMPLATES].replace(MARK, b"%016x" % numbers.getrandbits(64))
        request = AWSRequest("POST", f"{url}/TraceSegments", data=body)
        signer.add_auth(request)
        yield body, dict(request.headers)


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


def wait_until_healthy(port: int) -> None:
    for _ in range(200):
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise SystemExit("the stand-in did not start")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS)
