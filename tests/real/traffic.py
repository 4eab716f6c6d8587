"""Spans of two services that do not exist, made the same for a stand-in and for an account."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tests.system.trees import CLIENT, MS, SERVER, Span, attributes, request_of

CALLS, FAULTS = 5, 1
MOST_SPANS = 10_000
# host:port, by which nobody who has no trace can tell the service.
ADDRESS = ("127.0.0.1", 18_092)


@dataclass(frozen=True)
class Traffic:
    """CALLS requests to a caller, each with one call to a callee; the first FAULTS calls fail."""

    mark: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def caller(self) -> str:
        return f"threemaps-real-{self.mark}-caller"

    @property
    def callee(self) -> str:
        return f"threemaps-real-{self.mark}-callee"

    @property
    def log_group(self) -> str:
        return f"/threemaps/test-real-{self.mark}"

    def spans(self) -> list[tuple[str, Span]]:
        end = time.time_ns() - 1000 * MS
        found = []
        for number in range(CALLS):
            trace = int(time.time()).to_bytes(4, "big") + secrets.token_bytes(12)
            status = 500 if number < FAULTS else 200
            entry = span(trace, b"", SERVER, end, 30, 200)
            call = span(trace, entry.span_id, CLIENT, end - MS, 20, status)
            call.attributes.extend(attributes({"server.address": ADDRESS[0], "server.port": ADDRESS[1]}))
            found += [(self.caller, entry), (self.caller, call)]
            found.append((self.callee, span(trace, call.span_id, SERVER, end - 2 * MS, 10, status)))
        return found

    def traces(self) -> bytes:
        return request_of(self.spans())

    def too_many(self) -> bytes:
        one = span(secrets.token_bytes(16), b"", SERVER, time.time_ns(), 1, 200)
        return request_of([(self.caller, one)] * (MOST_SPANS + 1))

    def logs(self) -> bytes:
        record = LogRecord(
            time_unix_nano=time.time_ns(),
            severity_number=9,
            body=AnyValue(string_value="threemaps test-real"),
        )
        held = ResourceLogs(resource=self._resource(), scope_logs=[ScopeLogs(log_records=[record])])
        return bytes(ExportLogsServiceRequest(resource_logs=[held]).SerializeToString())

    def metrics(self) -> bytes:
        point = NumberDataPoint(time_unix_nano=time.time_ns(), as_int=1)
        metric = Metric(name="threemaps.test_real", gauge=Gauge(data_points=[point]))
        held = ResourceMetrics(resource=self._resource(), scope_metrics=[ScopeMetrics(metrics=[metric])])
        return bytes(ExportMetricsServiceRequest(resource_metrics=[held]).SerializeToString())

    def _resource(self) -> Resource:
        return Resource(attributes=attributes({"service.name": self.caller}))


def span(trace: bytes, parent: bytes, kind: Any, end: int, ms: int, status: int) -> Span:
    return Span(
        trace_id=trace,
        span_id=secrets.token_bytes(8),
        parent_span_id=parent,
        name="GET /test-real",
        kind=kind,
        start_time_unix_nano=end - ms * MS,
        end_time_unix_nano=end,
        attributes=attributes({"http.request.method": "GET", "http.response.status_code": status}),
    )
