"""Whole traces, span by span, of the services on which the maps differ: from Honeycomb, else from X-Ray."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

import orjson

from threemaps.diagnose.evidence.absent import Traces
from threemaps.diagnose.evidence.shapes import SERVERS, TracedSpan
from threemaps.diagnose.evidence.vendors import LOOKED_AT, recent_trace_ids, traces
from threemaps.model.difference import Comparison, Window
from threemaps.model.servicemap import Kind
from threemaps.readers.batch import xray_id
from threemaps.readers.honeycomb import Honeycomb
from threemaps.readers.xray import XRay

MOST_TRACES = 200
MOST_ENTERED = 100
MOST_SPANS = 10_000  # rows that Honeycomb gives
# Parents may have begun before the window. A range's end is cut down to a step: a minute, or half an hour.
BEFORE = timedelta(minutes=10)
LONG, LONG_STEP, STEP = timedelta(hours=5), 1800, 60
COLUMNS = ("trace.trace_id", "trace.span_id", "trace.parent_id", "service.name", "span.kind")


def services_in_question(comparison: Comparison) -> set[str]:
    """Of edges the callee, too: it may be the only one that has spans."""
    return {
        end.name
        for one in comparison.differences
        if not one.expected
        for end in (one.source, one.target)
        if end and end.kind is Kind.SERVICE
    }


def from_honeycomb(honeycomb: Honeycomb, services: Collection[str], window: Window) -> tuple[Traces, bool]:
    """The spans by trace, and whether these are all traces in which the services have spans."""
    times = {
        "start_time": int((window.start - BEFORE).timestamp()),
        "end_time": int(window.end.timestamp()) + (LONG_STEP if window.end - window.start > LONG else STEP),
    }
    touching = {"column": "service.name", "op": "in", "value": sorted(services)}
    ids = [row[COLUMNS[0]] for row in rows(honeycomb, COLUMNS[:1], touching, times, MOST_TRACES)]
    wanted = [one for one in ids if isinstance(one, str)]
    complete = len(ids) < MOST_TRACES
    while wanted:
        of_these = {"column": COLUMNS[0], "op": "in", "value": wanted}
        found = rows(honeycomb, COLUMNS, of_these, times, MOST_SPANS)
        if len(found) < MOST_SPANS:
            return by_trace(map(span_of, found)), complete
        # What is cut off may be a parent: fewer traces, but whole ones.
        wanted, complete = wanted[: len(wanted) // 8], False
    return {}, complete


def rows(
    honeycomb: Honeycomb, columns: Iterable[str], only: Any, times: Mapping[str, int], limit: int
) -> list[Mapping[str, Any]]:
    question = {"calculations": [{"op": "COUNT"}], "breakdowns": list(columns), "filters": [only], **times}
    return list(honeycomb.answer(question, series=False, limit=limit).rows)


def span_of(row: Mapping[str, Any]) -> TracedSpan:
    trace, own, parent, service, kind = (str(row.get(column) or "") for column in COLUMNS)
    return TracedSpan(trace, own, parent, service, kind)


def by_trace(spans: Iterable[TracedSpan]) -> Traces:
    found: dict[str, list[TracedSpan]] = {}
    for span in spans:
        if span.id:  # events and links of spans have none
            found.setdefault(span.trace, []).append(span)
    return found


def from_xray(xray: XRay, window: Window, services: Collection[str]) -> tuple[Traces, bool]:
    """As much as segments tell: whose span a subsegment was is not among it."""
    ids = recent_trace_ids(xray, window, services)
    spans = (span for trace in traces(xray, ids) for span in spans_of(trace))
    return by_trace(spans), len(ids) < LOOKED_AT


def spans_of(trace: Mapping[str, Any]) -> Iterator[TracedSpan]:
    for segment in trace.get("Segments") or []:
        try:
            document = orjson.loads(segment.get("Document") or "{}")
        except orjson.JSONDecodeError:
            continue
        if isinstance(document, dict) and not document.get("inferred"):
            kind = "server" if document.get("type") != "subsegment" else kind_of(document)
            yield from parts(document, str(trace.get("Id")), str(document.get("name")), kind)


def parts(document: Mapping[str, Any], trace: str, service: str, kind: str) -> Iterator[TracedSpan]:
    waiting: list[tuple[Any, str, str]] = [(document, str(document.get("parent_id") or ""), kind)]
    while waiting:
        part, parent, kind = waiting.pop()
        own = str(part.get("id") or "")
        yield TracedSpan(trace, own, parent, service, kind)
        inner = part.get("subsegments")
        children = inner if isinstance(inner, list) else []
        waiting += [(child, own, kind_of(child)) for child in children if isinstance(child, dict)]


def kind_of(subsegment: Mapping[str, Any]) -> str:
    return "client" if subsegment.get("namespace") else "internal"


def in_xray(xray: XRay, held: Traces) -> Traces:
    """The same traces as X-Ray has them, by the same ids."""
    found = by_trace(span for trace in traces(xray, map(xray_id, held)) for span in spans_of(trace))
    return {one: found.get(xray_id(one), []) for one in held}


def of_services(held: Traces, services: Collection[str]) -> Traces:
    there = {one: spans for one, spans in held.items() if any(span.service in services for span in spans)}
    return dict(islice(there.items(), LOOKED_AT))


def perhaps_entered(held: Traces) -> Traces:
    """Traces in which a service seems to begin with a span of another kind than a server's."""
    services = {span.id: span.service for spans in held.values() for span in spans}
    odd = {
        one: spans
        for one, spans in held.items()
        if any(
            span.parent and span.kind not in SERVERS and services.get(span.parent) != span.service
            for span in spans
        )
    }
    return dict(islice(odd.items(), MOST_ENTERED))


def with_entered(held: Traces, there: Traces) -> Traces:
    """X-Ray tells what it made a segment for: nothing else keeps a span's flags."""
    marked = dict(held)
    for one, spans in there.items():
        parents = {span.id: span.parent for span in spans}
        segments = {span.id for span in spans if span.kind == "server"}
        marked[one] = [
            replace(span, entered=span.id in segments or parents.get(span.id, span.parent) != span.parent)
            for span in held[one]
        ]
        marked[one] = [*(replace(twin, trace=one) for twin in twins(held[one], spans)), *marked[one]]
    return marked


def twins(held: Iterable[TracedSpan], there: Iterable[TracedSpan]) -> Iterator[TracedSpan]:
    """Segments of X-Ray's with the id of another span: each backend shows one of the two."""
    parents = {span.id: span.parent for span in held if span.kind in SERVERS}
    return (
        span for span in there if span.kind == "server" and parents.get(span.id, span.parent) != span.parent
    )
