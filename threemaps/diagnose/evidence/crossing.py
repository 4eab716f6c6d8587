"""Long calls of which the window holds one end only, by the times that X-Ray has of them.

A call of a moment at the window's edge is one of those that `passed_at_edges` counts.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from threemaps.diagnose.evidence.model import CrossingCall
from threemaps.diagnose.evidence.shapes import CLOUDWATCH, HONEYCOMB, XRAY
from threemaps.diagnose.evidence.spans import spans_of
from threemaps.diagnose.evidence.vendors import filter_of, traces
from threemaps.model.difference import Window
from threemaps.model.servicemap import Node
from threemaps.readers.aws import reasons
from threemaps.readers.cloudwatch import LAG
from threemaps.readers.xray import XRay, pieces

LONG = timedelta(seconds=3)
# So long after the window's end a call may have ended that the maps were read with: they are waited for.
AFTER = timedelta(seconds=90)
MOST_PAGES = 20
MOST_TRACES = 100

LONG_ONES = f"duration >= {LONG.total_seconds():g}"


def crossing_calls(xray: XRay, window: Window, services: Collection[str]) -> tuple[CrossingCall, ...]:
    """As many as can be found in some pages: what is not found is not excused."""
    ids = list(dict.fromkeys(crossing_traces(xray, window, services)))[:MOST_TRACES]
    return tuple(call for trace in traces(xray, ids) for call in crossing_in(trace, window))


def crossing_traces(xray: XRay, window: Window, services: Collection[str]) -> Iterator[str]:
    arguments = {"FilterExpression": filter_of(services, LONG_ONES), "TimeRangeType": "Event"}
    pages = 0
    for piece in pieces(Window(window.start, window.end + AFTER)):
        token: str | None = None
        while pages < MOST_PAGES:
            pages += 1
            more = {"NextToken": token} if token else {}
            with reasons(xray.settings, "X-Ray", "xray:GetTraceSummaries"):
                answer = xray.client.get_trace_summaries(
                    StartTime=piece.start, EndTime=piece.end, **arguments, **more
                )
            yield from (str(one["Id"]) for one in answer["TraceSummaries"] if crosses(one, window))
            token = answer.get("NextToken")
            if not token:
                break


def crosses(summary: Mapping[str, Any], window: Window) -> bool:
    began = summary.get("StartTime")
    if not isinstance(began, datetime):
        return True  # not told: the trace will tell
    return began < window.start or began + timedelta(seconds=summary.get("Duration") or 0) >= window.end


def crossing_in(trace: Mapping[str, Any], window: Window) -> Iterator[CrossingCall]:
    services = {span.id: span.service for span in spans_of(trace)}
    for document in segments_of(trace):
        began, ended = moment(document.get("start_time")), moment(document.get("end_time"))
        if began is None or ended is None or ended - began < LONG:
            continue
        caller = services.get(str(document.get("parent_id") or ""))
        ends = Node(caller) if caller else Node.outside(), Node(str(document.get("name")))
        counted, perhaps = counted_by(began, ended, window)
        if perhaps or len(counted) in (1, 2):
            yield CrossingCall(ends, str(trace.get("Id")), began, ended, counted, perhaps)


def segments_of(trace: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for segment in trace.get("Segments") or []:
        try:
            document = orjson.loads(segment.get("Document") or "{}")
        except orjson.JSONDecodeError:
            continue
        made_up = document.get("inferred") or document.get("type") == "subsegment"
        if not made_up:
            yield document


def moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int | float) else None


def counted_by(began: datetime, ended: datetime, window: Window) -> tuple[frozenset[str], frozenset[str]]:
    """Who counts such a call in this window, and who may, by when the flush comes."""
    counted: set[str] = set()
    if window.start <= began < window.end:
        counted.add(HONEYCOMB)
    if window.start <= ended < window.end:
        return frozenset(counted | {XRAY, CLOUDWATCH}), frozenset()
    may_be_flushed = window.start - LAG <= ended < window.end + LAG
    return frozenset(counted), frozenset({CLOUDWATCH} if may_be_flushed else ())
