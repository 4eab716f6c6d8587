"""What AWS's distro sends: spans as they are, and Application Signals' metrics added up."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from werkzeug.wrappers import Request, Response

PATIENCE_SECONDS = 60
KEYS = ("aws.local.service", "aws.local.operation", "aws.remote.service", "aws.remote.operation")

Key = tuple[str, ...]
Figures = dict[Key, tuple[int, int, int]]


@dataclass
class Recorder:
    """An OTLP endpoint. Figures are (calls, faults, errors) by the names of `KEYS` that there are."""

    traces: list[ExportTraceServiceRequest] = field(default_factory=list)
    _sums: dict[str, Counter[Key]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        with self._changed:
            if request.path == "/v1/traces":
                self.traces.append(ExportTraceServiceRequest.FromString(request.get_data()))
            else:
                self._add(ExportMetricsServiceRequest.FromString(request.get_data()))
            self._changed.notify_all()
        return Response(b"", content_type="application/x-protobuf")(environ, start_response)

    def _add(self, message: Any) -> None:
        metrics = (
            metric
            for one in message.resource_metrics
            for scope in one.scope_metrics
            for metric in scope.metrics
        )
        for metric in metrics:
            for point in metric.exponential_histogram.data_points:
                said = {pair.key: pair.value.string_value for pair in point.attributes}
                key = tuple(said[name] for name in KEYS if name in said)
                amount = point.count if metric.name == "Latency" else round(point.sum)
                self._sums.setdefault(metric.name, Counter())[key] += amount

    def figures(self) -> Figures:
        calls, faults, errors = (self._sums.get(name, Counter()) for name in ("Latency", "Fault", "Error"))
        return {key: (calls[key], faults[key], errors[key]) for key in calls}

    def spans(self) -> int:
        return sum(
            len(scope.spans)
            for one in self.traces
            for resource in one.resource_spans
            for scope in resource.scope_spans
        )

    def wait(self, condition: Callable[["Recorder"], bool]) -> None:
        with self._changed:
            came = self._changed.wait_for(lambda: condition(self), PATIENCE_SECONDS)
        assert came, f"never came: {self.spans()} spans, {self.figures()}"
