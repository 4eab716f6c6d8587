"""Traces of a window, recent, slowest or failing, as X-Ray's summaries list them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from threemaps.model.difference import Window
from threemaps.model.servicemap import Kind, Node
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.batch import batch_get_traces, plain_id
from threemaps.readers.traces import Span, segment_spans
from threemaps.readers.xray import XRay
from threemaps.settings import Settings

MOST_SAMPLES = 20
MOST_SUMMARIES = 200  # that are looked through; X-Ray lists a window's traces in no order
LONGEST_FILTER = 1_500  # characters of an expression
LONGEST = timedelta(hours=6)  # that X-Ray answers for

Order = Literal["recent", "slowest", "failing"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A trace in a list. `spans` is None where they were not counted; `failed_in`: who failed."""

    trace_id: str
    moment: datetime
    duration_ms: float
    failed: bool
    root: str = ""
    spans: int | None = None
    failed_in: tuple[str, ...] = ()


def recent_traces(
    settings: Settings, window: Window, wanted: str = "", order: Order = "recent"
) -> list[Sample]:
    """Up to MOST_SAMPLES traces that match X-Ray's filter expression, with their spans counted."""
    client = aws_client(settings, "xray")
    with reasons(settings, "X-Ray", "xray:GetTraceSummaries"):
        samples = [_sample(one) for one in _summaries(client, window, wanted)]
    key = (lambda one: one.duration_ms) if order == "slowest" else (lambda one: one.moment.timestamp())
    samples.sort(key=key, reverse=True)
    chosen = samples[:MOST_SAMPLES]
    found = batch_get_traces(client, settings, [one.trace_id for one in chosen])
    with reasons(settings, "X-Ray", "xray:BatchGetTraces"):
        spans = {plain_id(str(trace["Id"])): _spans(trace) for trace in found}
    return [_with_spans(one, spans[one.trace_id]) if one.trace_id in spans else one for one in chosen]


def _spans(trace: Mapping[str, Any]) -> list[Span]:
    return [span for one in trace.get("Segments") or [] for span in segment_spans(one.get("Document"))]


def _with_spans(sample: Sample, spans: list[Span]) -> Sample:
    """X-Ray's summary speaks of the root alone; a caller may have coped with what failed below it."""
    services = tuple(sorted({span.service for span in spans if span.failed}))
    return replace(sample, spans=len(spans), failed=sample.failed or bool(services), failed_in=services)


def listed(settings: Settings, window: Window, wanted: str) -> list[Sample]:
    """Up to MOST_SUMMARIES traces that match, in no order; failed are those in which this part failed."""
    client = aws_client(settings, "xray")
    with reasons(settings, "X-Ray", "xray:GetTraceSummaries"):
        failed = _summaries(client, window, f"{wanted} {{ fault }}")
        others = _summaries(client, window, wanted)
    failures = {one["Id"] for one in failed}
    found = {one["Id"]: one for one in failed + others}
    return [replace(_sample(one), failed=one["Id"] in failures) for one in found.values()]


def _summaries(client: Any, window: Window, wanted: str) -> list[Any]:
    arguments = {"FilterExpression": wanted} if wanted else {}
    pages = client.get_paginator("get_trace_summaries").paginate(
        StartTime=max(window.start, window.end - LONGEST),
        EndTime=window.end,
        PaginationConfig={"MaxItems": MOST_SUMMARIES},
        **arguments,
    )
    return [one for page in pages for one in page["TraceSummaries"]]


def edge_filter(source: Node, target: Node) -> str:
    """X-Ray knows an edge by two names; the callers from outside are no service to it."""
    if source.kind is Kind.OUTSIDE:
        return service_filter(target.name)
    return f"edge({_quoted(source.name)}, {_quoted(target.name)})"


def filter_of(
    settings: Settings,
    window: Window,
    service: str = "",
    least_ms: float | None = None,
    most_ms: float | None = None,
    *,
    failing: bool = False,
) -> str:
    """X-Ray's filter expression: traces that touch a service (or in which it failed) and took so long."""
    parts = [failing_filter(settings, window, service)] if failing else []
    parts += [service_filter(service)] if service and not failing else []
    parts += [f"responsetime >= {least_ms / 1000:.6f}"] if least_ms is not None else []
    parts += [f"responsetime <= {most_ms / 1000:.6f}"] if most_ms is not None else []
    return " AND ".join(parts)


def failing_filter(settings: Settings, window: Window, service: str) -> str:
    """Traces in which the service failed, or, without one, any call on X-Ray's map that has failures.

    The keyword `fault` alone asks for the answer of the root.
    """
    if service:
        return f"{service_filter(service)} {{ fault }}"
    edges = [one for one in XRay.of(settings).read_map(window).edges if one.errors]
    edges.sort(key=lambda one: one.errors or 0, reverse=True)
    expression = "fault"
    for one in edges:
        longer = f"{expression} OR {edge_filter(one.source, one.target)} {{ fault }}"
        expression = longer if len(longer) <= LONGEST_FILTER else expression
    return f"({expression})" if edges else expression


def service_filter(name: str) -> str:
    return f"service({_quoted(name)})"


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _sample(summary: Mapping[str, Any]) -> Sample:
    trace_id = plain_id(str(summary["Id"]))
    started = summary.get("StartTime")
    moment = started if isinstance(started, datetime) else datetime.fromtimestamp(int(trace_id[:8], 16), UTC)
    duration = float(summary.get("ResponseTime") or summary.get("Duration") or 0.0) * 1000
    entry = summary.get("EntryPoint")
    root = str(entry.get("Name") or "") if isinstance(entry, Mapping) else ""
    return Sample(trace_id, moment, duration, summary.get("HasFault") is True, root)
