"""Call trees of services that do not exist: their spans, and what each backend has to draw of them.

The calls are made first, spans follow from them; the true edges are counted from the calls alone.
"""

import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

INTERNAL, SERVER, CLIENT = Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT
PRODUCER, CONSUMER = Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER
MS = 1_000_000
OUTSIDE = "outside"
# Addresses of callees without spans, and the names they have in a map.
REMOTES = {
    "http://pay.example:8443/charge?card=1": "pay.example:8443",
    "https://mail.example/": "mail.example",
    "https://mail.example:443/send": "mail.example",
    "http://geo.example:80/": "geo.example",
}

End = tuple[str, str]  # name, kind
Edge = tuple[End, End]


@dataclass
class Truth:
    """Calls and faults per edge; `received` are messages, by consumer and queue."""

    calls: Counter[Edge] = field(default_factory=Counter)
    faults: Counter[Edge] = field(default_factory=Counter)
    received: Counter[Edge] = field(default_factory=Counter)

    def count(self, source: End, target: End, fault: bool) -> None:
        self.calls[source, target] += 1
        self.faults[source, target] += fault

    def drawn_by(self, backend: str) -> dict[Edge, tuple[int, int | None]]:
        """What this backend's map has to be: Honeycomb draws calls between two services, and no errors;
        Application Signals takes a consumer for a caller of its queue."""
        if backend != "honeycomb":
            calls = self.calls + self.received if backend == "cloudwatch" else self.calls
            return {edge: (count, self.faults[edge]) for edge, count in calls.items()}
        return {
            edge: (count, None)
            for edge, count in self.calls.items()
            if edge[0] != edge[1] and {kind for _, kind in edge} == {"service"}
        }


@dataclass
class Forest:
    """Traces through a few services, made by chance. `spans` are (service, span)."""

    chance: random.Random
    services: list[str]
    remotes: bool = True
    messages: bool = True
    error_rate: float = 0.2
    depth: int = 5
    fan_out: int = 3
    limit: int = 1_000  # spans; what has begun is finished
    truth: Truth = field(default_factory=Truth)
    spans: list[tuple[str, Span]] = field(default_factory=list)

    def grow(self, traces: int) -> "Forest":
        for _ in range(traces):
            # X-Ray wants the time in the first eight digits.
            trace = int(time.time()).to_bytes(4, "big") + secrets.token_bytes(12)
            for _ in range(self.chance.choice((1, 1, 1, 2))):
                service = self.chance.choice(self.services)
                status = self._status()
                self.truth.count((OUTSIDE, "outside"), (service, "service"), status >= 500)
                self._visit(trace, service, b"", time.time_ns() - 800 * MS, status, 0)
        return self

    def _visit(self, trace: bytes, service: str, parent: bytes, start: int, status: int, depth: int) -> None:
        """One request served: the server's span, spans inside, and the calls it makes."""
        span = self.span(trace, service, SERVER, parent, start, 400 >> depth)
        self._say(span, status, self._server_words(status))
        goes_on = depth < self.depth and len(self.spans) < self.limit
        made = self.chance.randint(0, self.fan_out) if goes_on else 0
        for _ in range(made):
            inner = span
            for _ in range(self.chance.choice((0, 0, 1, 2))):
                inner = self.span(trace, service, INTERNAL, inner.span_id, start + MS, 300 >> depth)
            self._call(trace, service, inner.span_id, start + 2 * MS, depth)

    def _call(self, trace: bytes, service: str, parent: bytes, start: int, depth: int) -> None:
        kinds: list[Callable[[bytes, str, bytes, int, int], None]] = [self._call_service] * 6
        kinds += [self._call_remote] if self.remotes else []
        kinds += [self._send_message] if self.messages else []
        self.chance.choice(kinds)(trace, service, parent, start, depth)

    def _call_service(self, trace: bytes, service: str, parent: bytes, start: int, depth: int) -> None:
        callee = self.chance.choice(self.services)
        status = self._status()
        span = self.span(trace, service, CLIENT, parent, start, 200 >> depth)
        self._say(span, status, self._client_words(f"http://{callee}.internal:8000/x", status))
        self.truth.count((service, "service"), (callee, "service"), status >= 500)
        self._visit(trace, callee, span.span_id, start + MS, status, depth + 1)

    def _call_remote(self, trace: bytes, service: str, parent: bytes, start: int, depth: int) -> None:
        url = self.chance.choice(list(REMOTES))
        status = self.chance.choice((0, self._status()))  # 0: no answer at all
        span = self.span(trace, service, CLIENT, parent, start, 200 >> depth)
        word = self.chance.choice(("url.full", "http.url"))
        known = {"url.full": "http.response.status_code", "http.url": "http.status_code"}
        self._say(span, status, {word: url, **({known[word]: status} if status else {})})
        self.truth.count((service, "service"), (REMOTES[url], "remote"), status >= 500 or not status)

    def _send_message(self, trace: bytes, service: str, parent: bytes, start: int, depth: int) -> None:
        callee = self.chance.choice(self.services)
        words = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
        sent = self.span(trace, service, PRODUCER, parent, start, 100 >> depth, words)
        self.span(trace, callee, CONSUMER, sent.span_id, start + MS, 100 >> depth, words)
        self.truth.count((service, "service"), (callee, "service"), False)
        self.truth.received[(callee, "service"), ("kafka", "remote")] += 1

    def span(
        self, trace: bytes, service: str, kind: Any, parent: bytes, start: int, ms: int, words: Any = None
    ) -> Span:
        span = Span(
            trace_id=trace,
            span_id=secrets.token_bytes(8),
            parent_span_id=parent,
            name=self.chance.choice(("GET", "GET /x", "work")),
            kind=kind,
            start_time_unix_nano=start,
            end_time_unix_nano=start + max(1, ms) * MS,
            attributes=attributes(words or {}),
        )
        self.spans.append((service, span))
        return span

    def _status(self) -> int:
        if self.chance.random() < self.error_rate:
            return self.chance.choice((500, 503))
        return self.chance.choice((200, 200, 201, 404, 429))

    def _say(self, span: Span, status: int, words: dict[str, Any]) -> None:
        span.attributes.extend(attributes(words))
        # A caller's span with a 4xx is an error in OpenTelemetry, a server's is not.
        if status >= 500 or not status or (status >= 400 and span.kind == CLIENT):
            span.status.code = Status.STATUS_CODE_ERROR

    def _server_words(self, status: int) -> dict[str, Any]:
        return self.chance.choice(
            (
                {"http.request.method": "GET", "url.path": "/x", "http.response.status_code": status},
                {"http.method": "GET", "http.target": "/x", "http.status_code": status},
            )
        )

    def _client_words(self, url: str, status: int) -> dict[str, Any]:
        host, port = url.split("/")[2].split(":")
        return self.chance.choice(
            (
                {"url.full": url, "http.response.status_code": status},
                {"http.url": url, "http.status_code": status},
                {"server.address": host, "server.port": int(port), "http.response.status_code": status},
                {"rpc.system": "grpc", "rpc.service": "a.B", "rpc.method": "Get", "server.address": host}
                if status not in (404, 429)
                else {"net.peer.name": host, "net.peer.port": int(port), "http.status_code": status},
            )
        )


def attributes(words: dict[str, Any]) -> list[KeyValue]:
    return [
        KeyValue(
            key=key,
            value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value),
        )
        for key, value in words.items()
    ]


def batches(chance: random.Random, spans: list[tuple[str, Span]], size: int) -> Iterator[bytes]:
    """Requests of some spans each, in any order: parents come late, halves of calls come apart."""
    mixed = list(spans)
    chance.shuffle(mixed)
    for first in range(0, len(mixed), size):
        yield request_of(mixed[first : first + size])


def request_of(spans: Iterable[tuple[str, Span]]) -> bytes:
    by_service: dict[str, list[Span]] = {}
    for service, span in spans:
        by_service.setdefault(service, []).append(span)
    request = ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(attributes=attributes({"service.name": service})),
                scope_spans=[ScopeSpans(spans=held)],
            )
            for service, held in by_service.items()
        ]
    )
    body: bytes = request.SerializeToString()
    return body


def send(otlp_http: str, bodies: Iterable[bytes]) -> None:
    with requests.Session() as session:
        for body in bodies:
            answer = session.post(
                f"{otlp_http}/v1/traces",
                data=body,
                headers={"Content-Type": "application/x-protobuf"},
                timeout=20,
            )
            answer.raise_for_status()
