"""Traces of a window, recent, slowest or failing, as X-Ray's summaries list them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from threemaps.model.difference import Window
from threemaps.model.servicemap import Kind, Node
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.batch import batch_get_traces, plain_id
from threemaps.readers.traces import segment_spans
from threemaps.settings import Settings

MOST_SAMPLES = 20
MOST_SUMMARIES = 200  # that are looked through; X-Ray lists a window's traces in no order
LONGEST = timedelta(hours=6)  # that X-Ray answers for

Order = Literal["recent", "slowest", "failing"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A trace in a list. `spans` is None where they were not counted."""

    trace_id: str
    moment: datetime
    duration_ms: float
    failed: bool
    root: str = ""
    spans: int | None = None


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
        counts = {plain_id(str(trace["Id"])): _count(trace) for trace in found}
    failed = order == "failing"  # X-Ray tells of the whole trace; here a part of it was asked for
    return [replace(one, spans=counts.get(one.trace_id), failed=failed or one.failed) for one in chosen]


def _count(trace: Mapping[str, Any]) -> int:
    return sum(len(list(segment_spans(one.get("Document")))) for one in trace.get("Segments") or [])


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
    service: str = "", least_ms: float | None = None, most_ms: float | None = None, *, failing: bool = False
) -> str:
    """X-Ray's filter expression: traces that touch a service (or in which it failed) and took so long."""
    fault = " { fault }" if failing else ""
    parts = [service_filter(service) + fault] if service else ["fault"] if failing else []
    parts += [f"responsetime >= {least_ms / 1000:.6f}"] if least_ms is not None else []
    parts += [f"responsetime <= {most_ms / 1000:.6f}"] if most_ms is not None else []
    return " AND ".join(parts)


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
