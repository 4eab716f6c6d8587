"""Spans as they were sent, read back."""

from collections.abc import Sequence
from typing import Any

import orjson

from threemaps.standins.spans.ids import hex_span_id, hex_trace_id
from threemaps.standins.spans.span import Event, Link, Resource, Span
from threemaps.standins.store import Store

TraceKey = tuple[int, int]

# In the order in which they came.
RECORDS = """
SELECT trace_hi, trace_lo, document, span, parent, spans.name, kind, flags, start_ns, end_ns, status,
    spans.attributes, details, held.attributes, held.scope
FROM spans LEFT JOIN span_resources AS held ON held.id = resource
WHERE {condition} AND (document IS NOT NULL OR resource IS NOT NULL)
ORDER BY received, spans.rowid
"""
OF_TRACES = """(trace_hi, trace_lo) IN (
    SELECT (hi, lo) FROM (SELECT unnest(?::UBIGINT[]) AS hi, unnest(?::UBIGINT[]) AS lo)
)"""


def read_traces(store: Store, keys: Sequence[TraceKey]) -> dict[TraceKey, list[str | Span]]:
    """Of each trace that there is its spans, and the segment documents that were sent."""
    found: dict[TraceKey, list[str | Span]] = {}
    resources: dict[tuple[str, str], Resource] = {}
    parameters = [[hi for hi, _ in keys], [lo for _, lo in keys]]
    for hi, lo, document, *row in store.rows(RECORDS.format(condition=OF_TRACES), parameters):
        record = span_of(hi, lo, row, resources) if document is None else document
        found.setdefault((hi, lo), []).append(record)
    return found


def span_of(hi: int, lo: int, row: Sequence[Any], resources: dict[tuple[str, str], Resource]) -> Span:
    span, parent, name, kind, flags, start, end, status, attributes, details, *about = row
    more = orjson.loads(details) if details else {}
    return Span(
        resource=_resource(about[0] or "{}", about[1] or "{}", resources),
        trace_id=hex_trace_id(hi, lo),
        span_id=hex_span_id(span),
        parent_id="" if parent is None else hex_span_id(parent),
        name=name,
        kind=kind,
        flags=flags or 0,
        start_ns=start,
        end_ns=end,
        attributes=_without_nothing(orjson.loads(attributes)),
        status=status,
        message=more.get("message", ""),
        state=more.get("state", ""),
        events=[Event(one["name"], one["timeUnixNano"], one["attributes"]) for one in more.get("events", ())],
        links=[Link(one["traceId"], one["spanId"], one["attributes"]) for one in more.get("links", ())],
    )


def _without_nothing(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _resource(attributes: str, scope: str, known: dict[tuple[str, str], Resource]) -> Resource:
    key = (attributes, scope)
    if key not in known:
        known[key] = Resource(orjson.loads(attributes), orjson.loads(scope))
    return known[key]
