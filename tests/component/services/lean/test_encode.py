"""The encoder says the same as OpenTelemetry's, whatever the spans and log records."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common import _log_encoder, trace_encoder
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from threemaps.tracing.lean.encode import LONGEST_REMEMBERED, REMEMBERED, encode_logs, encode_spans

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
SIGNED = st.integers(-(2**63), 2**63 - 1)
SCALARS = st.one_of(
    TEXTS, SIGNED, st.booleans(), st.floats(allow_nan=False), st.binary(max_size=9), st.none()
)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(TEXTS.filter(bool), SCALARS, max_size=3)
)
# Each twice or more: what is remembered must not be mixed up.
BODIES: st.SearchStrategy[Any] = VALUES
NAMES = st.one_of(st.sampled_from(["a", "http.route", "é" * 70]), TEXTS.filter(bool))
FEW = st.sampled_from(
    [True, 1, 1.0, False, 0, 0.0, "1", "", "x" * LONGEST_REMEMBERED, "x" * 201, -1, (1, 1.0)]
)
ATTRIBUTES: st.SearchStrategy[dict[str, Any]] = st.dictionaries(NAMES, st.one_of(FEW, VALUES), max_size=12)
TIMES = st.integers(0, 2**63)
IDS = st.tuples(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))
RESOURCES = st.sampled_from([Resource({"service.name": name}, url) for name, url in (("a", ""), ("b", "u"))])
SCOPES = st.sampled_from([InstrumentationScope("s"), InstrumentationScope("t", "1", "url", {"k": 1})])


@st.composite
def contexts(draw: st.DrawFn) -> SpanContext:
    state = draw(st.sampled_from([TraceState(), TraceState([("a", "1"), ("b", "2")])]))
    return SpanContext(*draw(IDS), draw(st.booleans()), TraceFlags(draw(st.integers(0, 3))), state)


@st.composite
def bounded(draw: st.DrawFn) -> BoundedAttributes:
    return BoundedAttributes(draw(st.sampled_from([None, 3])), draw(ATTRIBUTES), immutable=False)


@st.composite
def spans(draw: st.DrawFn) -> ReadableSpan:
    events = [Event(draw(TEXTS), draw(bounded()), draw(TIMES)) for _ in range(draw(st.integers(0, 1)))]
    links = [Link(draw(contexts()), draw(bounded())) for _ in range(draw(st.integers(0, 1)))]
    code = draw(st.sampled_from(StatusCode))
    return ReadableSpan(
        name=draw(TEXTS),
        context=draw(contexts()),
        parent=draw(st.none() | contexts()),
        resource=draw(RESOURCES),
        attributes=draw(bounded()),
        events=events,
        links=links,
        kind=draw(st.sampled_from(SpanKind)),
        status=Status(code, draw(st.none() | TEXTS) if code is StatusCode.ERROR else None),
        start_time=draw(TIMES),
        end_time=draw(TIMES),
        instrumentation_scope=draw(SCOPES),
    )


@st.composite
def records(draw: st.DrawFn) -> ReadableLogRecord:
    record = LogRecord(
        timestamp=draw(st.none() | TIMES),
        observed_timestamp=draw(TIMES),
        severity_text=draw(st.none() | TEXTS),
        severity_number=draw(st.none() | st.sampled_from(SeverityNumber)),
        body=draw(BODIES),
        attributes=draw(st.none() | bounded() | ATTRIBUTES),
        event_name=draw(st.none() | TEXTS),
    )
    if draw(st.booleans()):
        record.trace_id, record.span_id = draw(IDS)
        record.trace_flags = TraceFlags(draw(st.integers(0, 3)))
    return ReadableLogRecord(record, draw(RESOURCES), draw(SCOPES))


def in_any_order(request: Any, scoped: str, items: str) -> list[tuple[bytes, ...]]:
    """OpenTelemetry groups by what is equal, we by what is the same."""
    found = []
    for (part,) in ((part,) for part in getattr(request, f"resource_{scoped}")):
        for scope in getattr(part, f"scope_{scoped}"):
            around = (part.resource, scope.scope)
            told = tuple(message.SerializeToString(deterministic=True) for message in around)
            found += [
                (
                    *told,
                    part.schema_url.encode(),
                    scope.schema_url.encode(),
                    item.SerializeToString(deterministic=True),
                )
                for item in getattr(scope, items)
            ]
    return sorted(found)


@given(st.lists(spans(), max_size=6))
def test_spans(batch: list[ReadableSpan]) -> None:
    ours = ExportTraceServiceRequest.FromString(encode_spans(batch).SerializePartialToString())
    theirs = trace_encoder.encode_spans(batch)
    assert in_any_order(ours, "spans", "spans") == in_any_order(theirs, "spans", "spans")


@given(st.lists(records(), max_size=6))
def test_log_records(batch: list[ReadableLogRecord]) -> None:
    ours = ExportLogsServiceRequest.FromString(encode_logs(batch).SerializeToString())
    theirs = _log_encoder.encode_logs(batch)
    assert in_any_order(ours, "logs", "log_records") == in_any_order(theirs, "logs", "log_records")


def test_more_values_than_are_remembered() -> None:
    numbers = [*range(REMEMBERED * 2), *range(REMEMBERED * 2)]
    batch = [span_with({"port": number}) for number in numbers]
    request = ExportTraceServiceRequest.FromString(encode_spans(batch))
    (scope,) = request.resource_spans[0].scope_spans
    assert [span.attributes[0].value.int_value for span in scope.spans] == numbers


def test_a_text_that_is_no_unicode_costs_nothing_else() -> None:
    request = ExportTraceServiceRequest.FromString(
        encode_spans([span_with({"half": "\ud800", "whole": "1"})])
    )
    (span,) = request.resource_spans[0].scope_spans[0].spans
    assert [(one.key, one.value.string_value) for one in span.attributes] == [("half", "?"), ("whole", "1")]


def span_with(attributes: dict[str, Any]) -> ReadableSpan:
    return ReadableSpan(
        name="s",
        context=SpanContext(1, 2, False),
        resource=Resource.get_empty(),
        attributes=BoundedAttributes(attributes=attributes),
        start_time=1,
        end_time=2,
    )
