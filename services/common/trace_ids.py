"""The ids of the current trace, as people look them up in each product."""

from opentelemetry import trace

NO_TRACE = trace.format_trace_id(trace.INVALID_TRACE_ID)


def trace_id() -> str:
    """32 hex digits; all zeros where nothing is traced, as in a health check."""
    return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)


def span_id() -> str:
    return trace.format_span_id(trace.get_current_span().get_span_context().span_id)


def as_xray(trace_id: str) -> str:
    """The same id as X-Ray writes it: 1-8hex-24hex."""
    return f"1-{trace_id[:8]}-{trace_id[8:]}"
