"""OpenTelemetry's own `Span`, made and ended with less work, for the spans of instrument.py.

Stock spans are copied when they end, hold lists for events and links that few have, and look at each
attribute twice. These are handed on as they are, make the lists when somebody asks for them, and take
attributes that need no cleaning. Whatever else is done to a span is OpenTelemetry's code.
"""

import threading
from time import time_ns
from typing import Any

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.sdk.trace._tracer_metrics import NoOpTracerMetrics
from opentelemetry.trace import (
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
)

MOST_ATTRIBUTES_OF_OURS = 32

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
SAMPLED_AT_RANDOM = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)
NO_STATE = TraceState()
UNSET = Status(StatusCode.UNSET)
EVERYTHING = str(sampling.DEFAULT_ON.get_description())  # type: ignore[no-untyped-call]

Attributes = dict[str, Any]


class ReadyAttributes(BoundedAttributes):
    """Begins as the dict it is given; what is added later is cleaned and counted as ever."""

    def __init__(self, attributes: Attributes, most: int | None) -> None:
        self._dict = attributes
        self._lock = threading.Lock()
        self._immutable = False
        self.maxlen = most
        self.max_value_len = None
        self.dropped = 0


class LeanSpan(SdkSpan):
    _end_time: int | None = None
    _status = UNSET
    _trace_config = None
    _record_exception = True
    _set_status_on_exception = True
    _record_end_metrics = None

    def __init__(
        self,
        tracer: SdkTracer,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Attributes,
    ) -> None:
        self._name = name
        self._context = context
        self._parent = parent
        self._kind = kind
        self._attributes = ReadyAttributes(attributes, tracer._span_limits.max_span_attributes)
        self._resource = tracer.resource
        self._instrumentation_info = tracer.instrumentation_info
        self._instrumentation_scope = tracer._instrumentation_scope
        self._sampler = tracer.sampler
        self._span_processor = tracer.span_processor
        self._limits = tracer._span_limits
        self._lock = threading.Lock()
        self._start_time = time_ns()

    def __getattr__(self, name: str) -> Any:
        """Only asked for what is not there yet."""
        if name == "_events":
            self._events = self._new_events()  # type: ignore[no-untyped-call]
        elif name == "_links":
            self._links = self._new_links(())
        else:
            raise AttributeError(name)
        return self.__dict__[name]

    def end(self, end_time: int | None = None) -> None:
        if self._end_time is not None:
            super().end(end_time)  # says that it is a mistake
            return
        self._end_time = end_time if end_time is not None else time_ns()
        self._attributes._immutable = True  # type: ignore[union-attr]
        self._span_processor._on_ending(self)
        self._span_processor.on_end(self)


class LeanTracer:
    """Starts a `LeanSpan` where all is recorded; where a sampler decides, OpenTelemetry's tracer does it."""

    def __init__(self, tracer: Tracer, provider: Any) -> None:
        self._tracer = tracer
        self._records_all = _records_all(provider) and _is_counted_by_nobody(tracer)

    def start(
        self, name: str, kind: SpanKind, attributes: Attributes, context: Context | None = None
    ) -> Span:
        parent = trace.get_current_span(context).get_span_context()
        if not self._records_all or (parent.is_valid and not parent.trace_flags & TraceFlags.SAMPLED):
            return self._tracer.start_span(name, context, kind, attributes)
        tracer: Any = self._tracer
        ids = tracer.id_generator
        if parent.is_valid:
            at_random = parent.trace_flags & TraceFlags.RANDOM_TRACE_ID
            trace_id, state = parent.trace_id, parent.trace_state
        else:
            at_random = ids.is_trace_id_random()
            trace_id, state = ids.generate_trace_id(), NO_STATE
        flags = SAMPLED_AT_RANDOM if at_random else SAMPLED
        made = SpanContext(trace_id, ids.generate_span_id(), False, flags, state)
        span = LeanSpan(tracer, name, made, parent if parent.is_valid else None, kind, attributes)
        tracer.span_processor.on_start(span, parent_context=context)
        return span


def _records_all(provider: Any) -> bool:
    """Whether our attributes fit, and only the caller could have decided against recording."""
    if type(provider) is not TracerProvider or provider._disabled:
        return False
    limits = provider._span_limits
    most = limits.max_span_attributes
    return (
        str(provider.sampler.get_description()) == EVERYTHING
        and limits.max_span_attribute_length is None
        and (most is None or most >= MOST_ATTRIBUTES_OF_OURS)
    )


def _is_counted_by_nobody(tracer: Any) -> bool:
    """OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED counts spans as OpenTelemetry's tracer starts them."""
    return isinstance(tracer._tracer_metrics, NoOpTracerMetrics)


def describe(span: Span, attributes: Attributes, name: str | None = None) -> None:
    """Adds attributes that need no cleaning."""
    if type(span) is LeanSpan:
        span._attributes._dict.update(attributes)  # type: ignore[union-attr]
        span._name = name or span._name
        return
    span.set_attributes(attributes)
    if name is not None:
        span.update_name(name)
