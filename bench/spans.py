"""Requests full of spans, as three services behind each other send them."""

import random
import time
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

# (service, kind): outside → frontend → activities → users.
HOPS = (("frontend", 2), ("frontend", 3), ("activities", 2), ("activities", 3), ("users", 2))
CALLS_PER_TRACE = 2


def body(numbers: random.Random, spans: int, made_at: int | None = None, mark: bytes = b"") -> bytes:
    """An OTLP request of so many spans of ten attributes, begun at `made_at` (nanoseconds) or now.

    `mark` is what trace ids end with.
    """
    request = ExportTraceServiceRequest()
    scopes = {name: add_scope(request, name) for name in dict(HOPS)}
    for _ in range(spans // len(HOPS)):
        start = made_at or time.time_ns()
        # X-Ray reads the time out of the trace id.
        trace_id, parent = (start // 10**9).to_bytes(4) + numbers.randbytes(12 - len(mark)) + mark, b""
        for name, kind in HOPS:
            parent = add_span(scopes[name], numbers, trace_id, parent, kind, start)
    return request.SerializeToString()


def add_scope(request: Any, service: str) -> Any:
    resource_spans = request.resource_spans.add()
    set_attributes(
        resource_spans.resource.attributes,
        {"service.name": service, "telemetry.sdk.language": "python", "host.name": "bench", "process.pid": 7},
    )
    scope = resource_spans.scope_spans.add()
    scope.scope.name = "opentelemetry.instrumentation.flask"
    return scope


def add_span(
    scope: Any, numbers: random.Random, trace_id: bytes, parent: bytes, kind: int, start: int
) -> bytes:
    span = scope.spans.add(
        trace_id=trace_id,
        span_id=numbers.randbytes(8),
        parent_span_id=parent,
        name="GET /api/activities/home",
        kind=kind,
        start_time_unix_nano=start,
        end_time_unix_nano=start + numbers.randrange(10**8),
    )
    set_attributes(span.attributes, attributes(numbers))
    return bytes(span.span_id)


def attributes(numbers: random.Random) -> dict[str, str | int]:
    return {
        "http.request.method": "GET",
        "url.scheme": "http",
        "server.address": "localhost",
        "http.route": "/api/activities/home",
        "url.path": f"/api/activities/home/{numbers.randrange(1_000_000)}",
        "http.response.status_code": 200,
        "server.port": 8000,
        "client.address": "127.0.0.1",
        "network.peer.port": numbers.randrange(1 << 16),
        "network.protocol.version": "1.1",
    }


def set_attributes(attributes: Any, values: dict[str, str | int]) -> None:
    for name, value in values.items():
        attribute = attributes.add(key=name)
        if isinstance(value, int):
            attribute.value.int_value = value
        else:
            attribute.value.string_value = value
