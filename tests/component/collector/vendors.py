"""The vendors as the collector sees them: they remember what came, and misbehave when told."""

import gzip
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, request
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

Fault = Callable[[], Response | None]
X_RAY_SPAN_BYTES = 200 * 1024
BACKENDS = ("honeycomb", "xray", "logs")
GROUP, STREAM = "/threemaps/services", "collector"


def plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(one) for one in value.array_value.values]
    return getattr(value, kind) if kind else None


def spans_of(body: bytes) -> Iterator[dict[str, Any]]:
    """Each span with its service, its times and its attributes side by side."""
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        about = {pair.key: plain(pair.value) for pair in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {
                    **{pair.key: plain(pair.value) for pair in span.attributes},
                    "resource": about,
                    "service": about.get("service.name"),
                    "name": span.name,
                    "trace": span.trace_id.hex(),
                    "id": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "status": span.status.code,
                    "start": span.start_time_unix_nano,
                    "nanoseconds": span.end_time_unix_nano - span.start_time_unix_nano,
                }


def has_large_span(body: bytes) -> bool:
    """More than X-Ray takes: it refuses the whole request."""
    resources = ExportTraceServiceRequest.FromString(body).resource_spans
    spans = (span for resource in resources for scope in resource.scope_spans for span in scope.spans)
    return any(span.ByteSize() > X_RAY_SPAN_BYTES for span in spans)


def records_of(body: bytes) -> Iterator[dict[str, Any]]:
    for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
        about = {pair.key: plain(pair.value) for pair in resource.resource.attributes}
        for scope in resource.scope_logs:
            for record in scope.log_records:
                yield {
                    "service": about.get("service.name"),
                    "body": plain(record.body),
                    "severity": record.severity_text,
                    "trace": record.trace_id.hex(),
                    "time": record.time_unix_nano,
                    "attributes": {pair.key: plain(pair.value) for pair in record.attributes},
                }


def points_of(body: bytes) -> list[str]:
    """The name of a metric for each of its points."""
    found = []
    for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                data = getattr(metric, metric.WhichOneof("data") or "gauge")
                found += [metric.name] * len(data.data_points)
    return found


@dataclass
class Vendors:
    """One app for all of them. `faults[backend]` makes what answers there instead."""

    spans: list[dict[str, Any]] = field(default_factory=list)  # at Honeycomb
    xray_spans: list[dict[str, Any]] = field(default_factory=list)  # at X-Ray's OTLP endpoint
    segments: list[dict[str, Any]] = field(default_factory=list)  # at PutTraceSegments
    lines: list[dict[str, Any]] = field(default_factory=list)
    points: dict[str, list[list[str]]] = field(default_factory=lambda: {"honeycomb": [], "monitoring": []})
    raw: list[bytes] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    faults: dict[str, Fault] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def app(self) -> Flask:
        app = Flask("vendors")
        app.post("/v1/traces")(self._traces)
        app.post("/v1/logs")(self._logs)
        app.post("/v1/metrics")(self._metrics)
        app.post("/TraceSegments")(self._segments)
        app.post("/GetSamplingRules")(lambda: {"SamplingRuleRecords": []})
        return app

    def fail(self, status: int, *backends: str, error: str = "") -> None:
        """These (all if none is named) answer with this status until `heal`."""
        headers = {"x-amzn-errortype": error} if error else {}
        for backend in backends or BACKENDS:
            self.faults[backend] = lambda: Response("{}", status, headers, mimetype="application/json")

    def heal(self) -> None:
        self.faults.clear()

    def everything(self) -> bytes:
        with self._lock:
            return b"\n".join(self.raw)

    def _refusal(self, backend: str) -> Response | None:
        fault = self.faults.get(backend)
        answer = fault() if fault else None
        if answer is not None:
            self.refused[backend] += 1
        return answer

    def _body(self) -> bytes:
        data = request.get_data()
        data = gzip.decompress(data) if request.headers.get("Content-Encoding") == "gzip" else data
        with self._lock:
            self.raw.append(data)
        return data

    def _traces(self) -> Response:
        """Honeycomb's, and X-Ray's: who comes with a signature of AWS' means the second."""
        backend = "xray" if signed_for() else "honeycomb"
        refusal = self._refusal(backend)
        if refusal:
            return refusal
        assert signed_for() in ("", "xray")
        body = self._body()
        if backend == "xray" and has_large_span(body):
            return Response("{}", 400, mimetype="application/json")
        if backend == "honeycomb":
            self.keys.add(request.headers.get("x-honeycomb-team"))
        (self.xray_spans if backend == "xray" else self.spans).extend(spans_of(body))
        return Response(b"", mimetype="application/x-protobuf")

    def _logs(self) -> Response:
        refusal = self._refusal("logs")
        if refusal:
            return refusal
        assert signed_for() == "logs"
        assert (request.headers["x-aws-log-group"], request.headers["x-aws-log-stream"]) == (GROUP, STREAM)
        self.lines += records_of(self._body())
        return Response(b"", mimetype="application/x-protobuf")

    def _metrics(self) -> Response:
        refusal = self._refusal("metrics")
        if refusal:
            return refusal
        self.points[signed_for() or "honeycomb"].append(points_of(self._body()))
        return Response(b"", mimetype="application/x-protobuf")

    def _segments(self) -> Response:
        refusal = self._refusal("xray")
        if refusal:
            return refusal
        documents = json.loads(self._body())["TraceSegmentDocuments"]
        self.segments += [json.loads(document) for document in documents]
        return Response('{"UnprocessedTraceSegments": []}', mimetype="application/json")


def signed_for() -> str:
    """The service in AWS' signature, or nothing."""
    signature = request.headers.get("Authorization", "")
    return signature.split("/us-east-1/")[1].split("/")[0] if signature.startswith("AWS4-") else ""
