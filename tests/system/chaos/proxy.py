"""Stands before a vendor's stand-in: passes on what comes, and misbehaves pipeline by pipeline on demand."""

import gzip
import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PIPELINES = ("honeycomb", "xray", "logs")
NOT_PASSED_ON = {"connection", "transfer-encoding", "content-length", "server", "date"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Exchange:
    """One request on its way; `forward` brings it to the stand-in."""

    pipeline: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    forward: "Callable[[Exchange], Answer]"

    @property
    def plain(self) -> bytes:
        zipped = self.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(self.body) if zipped else self.body

    @property
    def is_otlp(self) -> bool:
        """Spans for Honeycomb's endpoint, or X-Ray's."""
        return self.path == "/v1/traces"

    def items(self) -> list[str]:
        """The ids of the spans and segments, the texts of the log lines."""
        if self.is_otlp:
            found = ExportTraceServiceRequest.FromString(self.plain)
            scopes = [scope for resource in found.resource_spans for scope in resource.scope_spans]
            return [span.span_id.hex() for scope in scopes for span in scope.spans]
        if self.pipeline == "xray":
            return [json.loads(text)["id"] for text in json.loads(self.plain)["TraceSegmentDocuments"]]
        if self.path != "/v1/logs":
            return []
        lines = ExportLogsServiceRequest.FromString(self.plain)
        scopes = [scope for resource in lines.resource_logs for scope in resource.scope_logs]
        return [record.body.string_value for scope in scopes for record in scope.log_records]


# None: the connection is closed without an answer.
Fault = Callable[[Exchange], Answer | None]


@dataclass
class Ledger:
    """What a stand-in has taken, by pipeline: item → when it first came, and how often."""

    first: dict[str, dict[str, float]] = field(
        default_factory=lambda: {pipeline: {} for pipeline in PIPELINES}
    )
    times: dict[str, Counter[str]] = field(
        default_factory=lambda: {pipeline: Counter() for pipeline in PIPELINES}
    )
    swallowed: dict[str, set[str]] = field(
        default_factory=lambda: {pipeline: set() for pipeline in PIPELINES}
    )
    hit: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, pipeline: str, items: list[str]) -> None:
        now = time.time()
        with self._lock:
            for item in items:
                self.first[pipeline].setdefault(item, now)
                self.times[pipeline][item] += 1


class Proxy:
    def __init__(
        self, upstream_port: int, only_pipeline: str, faults: dict[str, Fault], ledger: Ledger
    ) -> None:
        self._upstream = upstream_port
        self._only_pipeline = only_pipeline
        self._faults = faults
        self.ledger = ledger
        self._connections: set[socket.socket] = set()
        self.port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = _Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Connections are refused from now on, and those that are open are cut."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in list(self._connections):
            cut(connection)

    def pipeline_of(self, path: str) -> str:
        if self._only_pipeline:
            return self._only_pipeline
        if path in ("/TraceSegments", "/v1/traces"):
            return "xray"
        return "logs" if path == "/v1/logs" else "other"

    def answer(self, exchange: Exchange) -> Answer | None:
        fault = self._faults.get(exchange.pipeline)
        if fault is None:
            return exchange.forward(exchange)
        self.ledger.hit[exchange.pipeline] += 1
        return fault(exchange)

    def forward(self, exchange: Exchange) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=60)
        try:
            connection.request(exchange.method, exchange.path, exchange.body, exchange.headers)
            got = connection.getresponse()
            answer = Answer(got.status, dict(got.getheaders()), got.read())
        finally:
            connection.close()
        if answer.status < 300 and exchange.pipeline in PIPELINES:
            self.ledger.note(exchange.pipeline, exchange.items())
        return answer


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Proxy

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.owner._connections.add(self.connection)

    def finish(self) -> None:
        self.owner._connections.discard(self.connection)
        super().finish()

    def _pass(self) -> None:
        headers = dict(self.headers.items())
        body = self.rfile.read(int(headers.get("Content-Length", 0)))
        pipeline = self.owner.pipeline_of(self.path)
        exchange = Exchange(pipeline, self.command, self.path, headers, body, self.owner.forward)
        try:
            answer = self.owner.answer(exchange)
        except OSError:  # nobody behind us
            answer = None
        if answer is None:
            self.close_connection = True
            cut(self.connection)
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = _pass  # noqa: N815

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


def cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def every_other(items: list[Any]) -> Iterator[tuple[bool, Any]]:
    for number, item in enumerate(items):
        yield number % 2 == 0, item
