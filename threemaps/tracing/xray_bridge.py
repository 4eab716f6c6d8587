"""The OpenTelemetry API on top of the X-Ray recorder: a service asks for its ids and spans in one way only.

What `trace.get_tracer(…).start_as_current_span(…)` opens becomes a subsegment, without any OpenTelemetry SDK.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from aws_xray_sdk.core import AWSXRayRecorder
from aws_xray_sdk.core.utils import stacktrace
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import Attributes, AttributeValue

KEPT_FRAMES = 10


class XRaySpan(trace.Span):
    """A segment or subsegment, as the API knows spans. Its beginning and end are the recorder's."""

    def __init__(self, entity: Any) -> None:
        self._entity = entity
        self._context = span_context(entity)

    def get_span_context(self) -> SpanContext:
        return self._context

    def is_recording(self) -> bool:
        return bool(self._entity.sampled)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        # X-Ray takes letters, digits and underscores: `app.now` is `app_now`, as the collector writes it.
        name = "".join(c if c.isascii() and c.isalnum() else "_" for c in key)
        self._entity.put_annotation(
            name, value if isinstance(value, str | int | float | bool) else str(value)
        )

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        self._entity.put_metadata(name, dict(attributes or {}), "events")

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        self._entity.add_exception(exception, stacktrace.get_stacktrace(limit=KEPT_FRAMES))

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        code = status.status_code if isinstance(status, Status) else status
        if code is StatusCode.ERROR:
            self._entity.add_fault_flag()

    def update_name(self, name: str) -> None:
        self._entity.name = name

    def end(self, end_time: int | None = None) -> None:
        """Nothing: the recorder ends it."""


class XRayTracer(trace.Tracer):
    def __init__(self, recorder: AWSXRayRecorder) -> None:
        self._recorder = recorder

    def start_span(self, name: str, *args: Any, **kwargs: Any) -> trace.Span:
        """The current one: subsegments are a stack, so one that is not made current has no place in it."""
        return trace.get_current_span()

    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Any:
        """A context manager and decorator: OpenTelemetry's name for this type is private."""
        return self._subsegment(name, attributes, record_exception)

    @contextmanager
    def _subsegment(self, name: str, attributes: Attributes, record_exception: bool) -> Iterator[trace.Span]:
        subsegment = self._recorder.begin_subsegment(name)
        if subsegment is None:
            yield trace.INVALID_SPAN
            return
        span = XRaySpan(subsegment)
        span.set_attributes(attributes or {})
        try:
            with trace.use_span(span, record_exception=record_exception):
                yield span
        finally:
            self._recorder.end_subsegment()


class XRayTracerProvider(trace.TracerProvider):
    def __init__(self, recorder: AWSXRayRecorder) -> None:
        self._recorder = recorder

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        return XRayTracer(self._recorder)


def span_context(entity: Any) -> SpanContext:
    try:
        trace_id, span_id = int(entity.trace_id[2:].replace("-", ""), 16), int(entity.id, 16)
    except ValueError:
        return trace.INVALID_SPAN_CONTEXT
    flags = TraceFlags(TraceFlags.SAMPLED if entity.sampled else TraceFlags.DEFAULT)
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags)
