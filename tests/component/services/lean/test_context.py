"""The short way reads and writes what the propagators would."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.aws import AwsXRayPropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from threemaps.tracing.lean.context import ENVIRON, context_of, known_propagators, send_along

XRAY, W3C, BAGGAGE = AwsXRayPropagator(), TraceContextTextMapPropagator(), W3CBaggagePropagator()


@pytest.fixture(autouse=True, scope="module")
def as_configured() -> Any:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(CompositePropagator([XRAY, W3C, BAGGAGE]))
    yield
    propagate.set_global_textmap(before)


HEX = st.text("0123456789abcdef", min_size=1, max_size=33)
TRACE_IDS = st.sampled_from(["0" * 32, "5" * 32, "a" * 16 + "0" * 16, "A" * 32]) | HEX
SPAN_IDS = st.sampled_from(["0" * 16, "6" * 16]) | HEX
TRACEPARENTS = (
    st.builds(
        "{}-{}-{}-{}{}".format,
        st.sampled_from(["00", "01", "ff", "0", ""]),
        TRACE_IDS,
        SPAN_IDS,
        st.sampled_from(["00", "01", "02", "03", "ff", "1", ""]),
        st.sampled_from(["", "-", "-ab", " ", "\n"]),
    )
    | st.text()
)
XRAY_HEADERS = st.sampled_from(
    [
        "Root=1-55555555-555555555555555555555555;Parent=6666666666666666;Sampled=1",
        "Root=1-77777777-555555555555555555555555;Parent=6666666666666666;Sampled=0",
        "Root=1-55555555-555555555555555555555555",
        "Sampled=?",
        "",
    ]
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "HTTP_TRACEPARENT": TRACEPARENTS,
        "HTTP_X_AMZN_TRACE_ID": XRAY_HEADERS,
        "HTTP_TRACESTATE": st.sampled_from(["a=1,b=2", "", "=", "a"]),
        "HTTP_BAGGAGE": st.sampled_from(["user=1", "", "a b"]),
    },
)


def told(found: context.Context) -> Any:
    return dict(baggage.get_all(found)), repr(trace.get_current_span(found).get_span_context())


@given(HEADERS)
def test_what_comes_in(headers: dict[str, Any]) -> None:
    assert told(context_of(headers, known=True)) == told(propagate.extract(headers, getter=ENVIRON))


@given(
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 3),
    st.sampled_from([(), (("a", "1"),)]),
    st.sampled_from([(), (("user", "1"),)]),
)
def test_what_goes_out(trace_id: int, span_id: int, flags: int, state: Any, luggage: Any) -> None:
    made = SpanContext(
        trace_id, span_id, is_remote=False, trace_flags=TraceFlags(flags), trace_state=TraceState(state)
    )
    span = NonRecordingSpan(made)
    around = trace.set_span_in_context(span, context.Context())
    for name, value in luggage:
        around = baggage.set_baggage(name, value, around)
    token = context.attach(around)
    try:
        ours: dict[str, str] = {}
        theirs: dict[str, str] = {}
        send_along(span, ours, known=True)
        propagate.inject(theirs)
    finally:
        context.detach(token)
    assert ours == theirs


@pytest.mark.parametrize("others", [[W3C, BAGGAGE], [W3C, XRAY, BAGGAGE], [XRAY], []])
def test_other_propagators_are_asked(others: list[Any]) -> None:
    propagate.set_global_textmap(CompositePropagator(others))
    known = known_propagators()
    propagate.set_global_textmap(CompositePropagator([XRAY, W3C, BAGGAGE]))
    assert (known, known_propagators()) == (False, True)
