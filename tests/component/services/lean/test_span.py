"""A lean span does what OpenTelemetry's own does; only making and ending it is less work."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.common import trace_encoder
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider, sampling
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags

from threemaps.tracing.lean.encode import encode_spans
from threemaps.tracing.lean.span import LeanSpan, LeanTracer, describe

Start = Callable[..., Span]
PARENT = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(3))


class Kept(SpanProcessor):
    def __init__(self) -> None:
        self.told: list[str] = []
        self.ended: list[ReadableSpan] = []

    def on_start(self, span: Any, parent_context: context.Context | None = None) -> None:
        self.told.append(f"{span.name} started")

    def on_end(self, span: ReadableSpan) -> None:
        self.told.append(f"{span.name} ended")
        self.ended.append(span)


def tracers(**options: Any) -> tuple[Start, Start, Kept]:
    """OpenTelemetry's and ours, and what both leave behind."""
    provider = TracerProvider(**{"sampler": sampling.DEFAULT_ON} | options)
    kept = Kept()
    provider.add_span_processor(kept)
    stock = provider.get_tracer("tests")
    lean = LeanTracer(stock, provider)

    def start_stock(kind: SpanKind, attributes: dict[str, Any], around: Any = None) -> Span:
        return stock.start_span("GET", around, kind, attributes)

    def start_lean(kind: SpanKind, attributes: dict[str, Any], around: Any = None) -> Span:
        return lean.start("GET", kind, attributes, around)

    return start_stock, start_lean, kept


def told(span: ReadableSpan) -> dict[str, Any]:
    """All of it but the times and ids that differ by nature."""
    found: dict[str, Any] = json.loads(span.to_json())
    for name in ("start_time", "end_time", "parent_id"):
        assert name in found
        del found[name]
    del found["context"]["span_id"]
    for event in found["events"]:
        del event["timestamp"]
        event["attributes"].pop("exception.stacktrace", None)
    dropped = span.dropped_attributes, span.dropped_events, span.dropped_links
    return found | {
        "kind": span.kind,
        "dropped": dropped,
        "parent": span.parent,
        "scope": span.instrumentation_scope,
    }


def plain(_: Span) -> None:
    pass


def described(span: Span) -> None:
    describe(span, {"http.response.status_code": 200, "http.route": "/x"}, "GET /x")


def filled(span: Span) -> None:
    span.set_attribute("a list", [1, 2])
    span.set_attributes({"b": "x", "none": None, "odd": object})  # type: ignore[dict-item]
    span.add_event("seen", {"at": 1})
    span.add_link(PARENT, {"why": "so"})
    span.set_status(StatusCode.OK)
    span.update_name("named")


def overfilled(span: Span) -> None:
    for number in range(200):
        span.set_attribute(f"a{number}", number)
        span.add_event(str(number))


def failed(span: Span) -> None:
    span.record_exception(ValueError("no"), {"extra": True})
    span.set_status(StatusCode.ERROR, "no")


def late(span: Span) -> None:
    span.end()
    span.set_attribute("too", "late")
    span.update_name("too late")
    span.add_event("too late")
    describe(span, {})


USES = (plain, described, filled, overfilled, failed, late)


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
@pytest.mark.parametrize("kind", [SpanKind.SERVER, SpanKind.CLIENT])
def test_the_same_span(use: Callable[[Span], None], kind: SpanKind) -> None:
    *starts, kept = tracers()
    around = trace.set_span_in_context(NonRecordingSpan(PARENT), context.Context())
    for start in starts:
        span = start(kind, {"http.request.method": "GET", "server.port": 80}, around)
        assert span.is_recording()
        use(span)
        span.end()
        assert not span.is_recording()
    stock, lean = kept.ended
    assert type(lean) is LeanSpan
    assert told(lean) == told(stock)
    assert ExportTraceServiceRequest.FromString(encode_spans([lean])) == trace_encoder.encode_spans([lean])
    assert kept.told[2:] == kept.told[:2]


def test_a_span_without_a_parent_begins_a_trace() -> None:
    *starts, _ = tracers()
    stock, lean = (start(SpanKind.SERVER, {}, context.Context()).get_span_context() for start in starts)
    assert lean.is_valid
    assert lean.trace_id != stock.trace_id
    assert (lean.trace_flags, lean.trace_state, lean.is_remote) == (
        stock.trace_flags,
        stock.trace_state,
        False,
    )


def test_the_current_span_is_the_parent() -> None:
    _, start, kept = tracers()
    outer = start(SpanKind.SERVER, {}, context.Context())
    with trace.use_span(outer):
        start(SpanKind.CLIENT, {}).end()
    assert kept.ended[0].parent == outer.get_span_context()


@pytest.mark.parametrize(
    "options",
    [
        {"sampler": sampling.ALWAYS_OFF},
        {"sampler": sampling.TraceIdRatioBased(0.5)},
        {"span_limits": SpanLimits(max_attribute_length=3)},
        {"span_limits": SpanLimits(max_span_attributes=2)},
    ],
    ids=["off", "ratio", "length", "count"],
)
def test_what_samplers_and_limits_decide_is_left_to_opentelemetry(options: dict[str, Any]) -> None:
    _, start, _ = tracers(**options)
    assert type(start(SpanKind.SERVER, {"a": "long", "b": 1, "c": 2}, context.Context())) is not LeanSpan


def test_who_counts_spans_has_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    _, start, _ = tracers()
    assert type(start(SpanKind.SERVER, {}, context.Context())) is not LeanSpan


def test_what_the_caller_does_not_record_is_not_recorded() -> None:
    _, start, kept = tracers()
    unrecorded = NonRecordingSpan(SpanContext(7, 8, is_remote=True))
    span = start(SpanKind.SERVER, {}, trace.set_span_in_context(unrecorded, context.Context()))
    describe(span, {"a": 1}, "named")
    span.end()
    assert (span.is_recording(), span.get_span_context().trace_id, kept.ended) == (False, 7, [])
