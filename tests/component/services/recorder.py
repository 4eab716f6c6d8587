"""A collector that only remembers, so that tests see what really left a service."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, request
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

PATIENCE_SECONDS = 20.0
SERVER, CLIENT, INTERNAL = 2, 3, 1


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    attributes: dict[str, Any]
    events: tuple[str, ...]


@dataclass(frozen=True)
class Log:
    service: str
    body: str
    trace_id: str
    span_id: str
    attributes: dict[str, Any]


@dataclass
class Recorder:
    spans: list[Span] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def app(self) -> Flask:
        app = Flask("recorder")
        app.post("/v1/traces")(self._take_traces)
        app.post("/v1/logs")(self._take_logs)
        # CloudWatch too, for services that write their records there: whatever it is asked, all is well.
        app.post("/")(dict)
        return app

    def wait(self, condition: Callable[["Recorder"], Any]) -> Any:
        """What the condition gives as soon as that is not empty."""
        with self._changed:
            found = self._changed.wait_for(lambda: condition(self), PATIENCE_SECONDS)
        assert found, f"never came; spans: {[(s.service, s.name) for s in self.spans]}"
        return found

    def trace(self, trace_id: str, count: int) -> list[Span]:
        """The trace, once it has this many spans."""

        def whole(recorder: Recorder) -> list[Span]:
            found = [span for span in recorder.spans if span.trace_id == trace_id]
            return found if len(found) >= count else []

        found: list[Span] = self.wait(whole)
        assert len(found) == count, [(span.service, span.name) for span in found]
        return found

    def _take_traces(self) -> Response:
        told = ExportTraceServiceRequest.FromString(request.get_data())
        spans = [
            Span(
                service=attributes(resource.resource.attributes)["service.name"],
                name=span.name,
                kind=span.kind,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                failed=span.status.code == 2,
                attributes=attributes(span.attributes),
                events=tuple(event.name for event in span.events),
            )
            for resource in told.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        self._add(self.spans, spans)
        return protobuf(ExportTraceServiceResponse())

    def _take_logs(self) -> Response:
        told = ExportLogsServiceRequest.FromString(request.get_data())
        logs = [
            Log(
                service=attributes(resource.resource.attributes)["service.name"],
                body=log.body.string_value,
                trace_id=log.trace_id.hex(),
                span_id=log.span_id.hex(),
                attributes=attributes(log.attributes),
            )
            for resource in told.resource_logs
            for scope in resource.scope_logs
            for log in scope.log_records
        ]
        self._add(self.logs, logs)
        return protobuf(ExportLogsServiceResponse())

    def _add(self, to: list[Any], new: list[Any]) -> None:
        with self._changed:
            to.extend(new)
            self._changed.notify_all()


def attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in pairs if isinstance(pair, KeyValue)}


def plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None


def protobuf(message: Any) -> Response:
    return Response(message.SerializeToString(), content_type="application/x-protobuf")
