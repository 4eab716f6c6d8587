"""The context of a request that comes in and of a call that goes out, without asking every propagator.

Nearly every request has a `traceparent` or nothing at all, and nearly every call needs the headers that
`OTEL_PROPAGATORS=xray,tracecontext,baggage` writes. Those are read and written here at once; anything else
(tracestate, baggage, only X-Ray's header, other propagators) is left to the propagators that are configured.
"""

import re
from collections.abc import MutableMapping
from typing import Any
from wsgiref.types import WSGIEnvironment

from opentelemetry import baggage, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.aws import AwsXRayPropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

# The later one wins: where both are there, traceparent does.
KNOWN = [AwsXRayPropagator, TraceContextTextMapPropagator, W3CBaggagePropagator]
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
NO_TRACE, NO_SPAN = "0" * 32, "0" * 16


class EnvironGetter(Getter[WSGIEnvironment]):
    def get(self, carrier: WSGIEnvironment, key: str) -> list[str] | None:
        value = carrier.get("HTTP_" + key.upper().replace("-", "_"))
        return None if value is None else [value]

    def keys(self, carrier: WSGIEnvironment) -> list[str]:
        return [name[5:].lower().replace("_", "-") for name in carrier if name.startswith("HTTP_")]


ENVIRON = EnvironGetter()


def known_propagators() -> bool:
    configured = propagate.get_global_textmap()
    return (
        isinstance(configured, CompositePropagator)
        and [type(one) for one in configured._propagators] == KNOWN
    )


def context_of(environ: WSGIEnvironment, known: bool) -> Context:
    """What the caller sent along."""
    if not known or "HTTP_TRACESTATE" in environ or "HTTP_BAGGAGE" in environ:
        return propagate.extract(environ, getter=ENVIRON)
    traceparent = environ.get("HTTP_TRACEPARENT")
    if traceparent is None and "HTTP_X_AMZN_TRACE_ID" not in environ:
        return Context()
    parent = _parent_of(traceparent or "")
    if parent is None:
        return propagate.extract(environ, getter=ENVIRON)
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def _parent_of(traceparent: str) -> SpanContext | None:
    match = TRACEPARENT.fullmatch(traceparent)
    if match is None:
        return None
    trace_id, span_id, flags = match.groups()
    if trace_id == NO_TRACE or span_id == NO_SPAN:
        return None
    return SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)))


def send_along(span: Span, headers: MutableMapping[str, Any], known: bool) -> None:
    """Writes what the callee is to know: `span` is its parent, and current."""
    made = span.get_span_context()
    if not known or made.trace_state or baggage.get_all():
        propagate.inject(headers)
        return
    trace_id, span_id = f"{made.trace_id:032x}", f"{made.span_id:016x}"
    sampled = made.trace_flags & TraceFlags.SAMPLED
    headers["X-Amzn-Trace-Id"] = f"Root=1-{trace_id[:8]}-{trace_id[8:]};Parent={span_id};Sampled={sampled}"
    headers["traceparent"] = f"00-{trace_id}-{span_id}-{made.trace_flags:02x}"
