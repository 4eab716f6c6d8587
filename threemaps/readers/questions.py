"""Honeycomb's own questions through its Query Data API: COUNT, HEATMAP and P90.

Honeycomb gives ten query results a minute, so an answer is asked for once and waited for patiently.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from threemaps.model.difference import Window
from threemaps.readers.base import Shape, UnreadableError
from threemaps.readers.honeycomb import Honeycomb
from threemaps.readers.http import Api
from threemaps.settings import Settings

DATASET = "__all__"
WAIT_SECONDS = 30.0
TITLES = {"count": "COUNT by trace.trace_id", "heatmap": "HEATMAP(duration_ms)", "p90": "P90(duration_ms)"}
CALCULATIONS = {
    "count": {"op": "COUNT"},
    "heatmap": {"op": "HEATMAP", "column": "duration_ms"},
    "p90": {"op": "P90", "column": "duration_ms"},
}
# Honeycomb cuts the ends of a range down to a step, and the longer the range, the longer the step.
LONGEST = timedelta(days=7)
STEPS = (
    (timedelta(hours=6), timedelta(minutes=1)),
    (timedelta(days=2), timedelta(minutes=5)),
    (LONGEST, timedelta(minutes=30)),
)
MOST_TRACES = 20
MOST = 1e15  # no duration and no count is more


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` are the groups, `series` the points in time, both as Honeycomb names their columns."""

    rows: tuple[Mapping[str, Any], ...] = ()
    series: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=())
    url: str = ""


def ask(
    settings: Settings,
    question: str,
    window: Window,
    service: str | None,
    on_wait: Callable[[float], None] | None = None,
) -> Answer:
    """One of the three questions, over the whole window and, for P90 and the heatmap, over time.

    With `on_wait`, which is told for how long, one question too many waits up to a minute.
    """
    calculation = CALCULATIONS[question]
    body: dict[str, Any] = {"calculations": [calculation], **asked_range(window)}
    if service:
        body["filters"] = [{"column": "service.name", "op": "=", "value": service}]
    if question == "count":
        body |= {
            "breakdowns": ["trace.trace_id"],
            "orders": [{"op": "COUNT", "order": "descending"}],
            "limit": MOST_TRACES,
        }
    api = Honeycomb.of(settings).api
    api.on_wait = on_wait
    return answer(api, body, series=question != "count")


def asked_range(window: Window) -> dict[str, int]:
    """Times of a query that takes in the window's newest spans, too."""
    length = window.end - window.start
    if length > LONGEST:
        raise UnreadableError(
            f"Honeycomb answers questions over {LONGEST.days} days at most, not over {length.days}",
            hint=f"ask over {LONGEST.days}d or less",
        )
    step = next((step for longest, step in STEPS if length + step <= longest), STEPS[-1][1])
    end = window.end + step
    start = max(window.start, end - LONGEST)
    return {"start_time": int(start.timestamp()), "end_time": int(end.timestamp())}


def answer(api: Api, question: Mapping[str, Any], *, series: bool, limit: int | None = None) -> Answer:
    """`limit` may be up to 10,000 rows where no series is asked for."""
    shape = Shape("Honeycomb")
    made = shape.mapping(api.post(f"/1/queries/{DATASET}", dict(question)), "the query")
    asked = {"query_id": shape.text(made.get("id"), "id"), "disable_series": not series}
    asked |= {"limit": limit} if limit else {}
    run = shape.mapping(api.post(f"/1/query_results/{DATASET}", asked), "the query result")
    run_id = shape.text(run.get("id"), "id")
    deadline = time.monotonic() + WAIT_SECONDS
    pause = 0.1
    while not run.get("complete"):
        if time.monotonic() > deadline:
            raise UnreadableError(
                f"Honeycomb is still working on the query after {WAIT_SECONDS:.0f} s",
                hint="take a shorter --since",
            )
        time.sleep(pause)
        pause = min(1.0, pause * 1.5)
        run = shape.mapping(api.get(f"/1/query_results/{DATASET}/{run_id}"), "the query result")
    return _taken_apart(shape, run)


def _taken_apart(shape: Shape, run: Mapping[str, Any]) -> Answer:
    data = shape.mapping(run.get("data") or {}, "data")
    rows = [
        shape.mapping(shape.mapping(row, "a result").get("data") or {}, "a result's data")
        for row in shape.sequence(data.get("results") or [], "results")
    ]
    points = [_point(shape, point) for point in shape.sequence(data.get("series") or [], "series")]
    links = run.get("links")
    url = links.get("query_url", "") if isinstance(links, Mapping) else ""
    return Answer(tuple(rows), tuple(points), str(url))


def _point(shape: Shape, given: Any) -> tuple[str, Mapping[str, Any]]:
    """A point in time, with nothing in it that a chart could stumble over."""
    point = shape.mapping(given, "a point")
    time_text = shape.text(point.get("time"), "a point's time")
    try:
        moment = datetime.fromisoformat(time_text)
    except ValueError as error:
        raise shape.wrong("a point's time", time_text) from error
    if moment.tzinfo is None:
        raise shape.wrong("a point's time", time_text)
    values = shape.mapping(point.get("data") or {}, "a point's data")
    for bucket in shape.sequence(values.get(TITLES["heatmap"]) or [], TITLES["heatmap"]):
        for name in ("min", "max", "count"):
            value = shape.mapping(bucket, "a bucket").get(name)
            if not isinstance(value, int | float) or abs(value) > MOST:
                raise shape.wrong(f"a bucket's {name}", value)
    return time_text, values
