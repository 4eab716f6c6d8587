"""Another application in the account: two services that call each other, a sampling rule, a log group."""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

CALLER, CALLEE = "tenant-shop", "tenant-stock"
EVERY = 1.0  # seconds between two of its requests
RULE = {
    "RuleName": "tenant",
    "ResourceARN": "*",
    "Priority": 1,
    "FixedRate": 0.01,
    "ReservoirSize": 0,
    "ServiceName": "tenant-*",
    "ServiceType": "*",
    "Host": "*",
    "HTTPMethod": "*",
    "URLPath": "*",
    "Version": 1,
}
GROUP = "/threemaps/services-of-a-tenant"


class Tenants:
    """`take` keeps spans, `settle` makes what is there from the start."""

    def __init__(self, take: Callable[[bytes], object], settle: Callable[[], object]) -> None:
        self._take = take
        self._settle = settle
        self._last = 0.0
        self._lock = threading.Lock()

    def live(self) -> None:
        """A request, where the last one was a moment ago."""
        with self._lock:
            now = time.time()
            if now - self._last < EVERY:
                return
            if not self._last:
                self._settle()
            self._last = now
        self._take(request_at(now))


def request_at(second: float) -> bytes:
    trace = int(second).to_bytes(4, "big") + secrets.token_bytes(12)
    end = int(second * 1e9)
    entry = span(trace, b"", Span.SPAN_KIND_SERVER, end, 30)
    call = span(trace, entry.span_id, Span.SPAN_KIND_CLIENT, end, 20, {"peer.service": CALLEE})
    served = span(trace, call.span_id, Span.SPAN_KIND_SERVER, end, 10)
    message = ExportTraceServiceRequest(
        resource_spans=[of_service(CALLER, [entry, call]), of_service(CALLEE, [served])]
    )
    body: bytes = message.SerializeToString()
    return body


def span(
    trace: bytes, parent: bytes, kind: Any, end: int, ms: int, said: dict[str, str] | None = None
) -> Span:
    return Span(
        trace_id=trace,
        span_id=secrets.token_bytes(8),
        parent_span_id=parent,
        name="GET /stock",
        kind=kind,
        start_time_unix_nano=end - ms * 1_000_000,
        end_time_unix_nano=end,
        attributes=attributes(said or {}),
    )


def of_service(name: str, spans: list[Span]) -> ResourceSpans:
    resource = Resource(attributes=attributes({"service.name": name}))
    return ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])


def attributes(said: dict[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in said.items()]
