"""Honeycomb's Query Data API: a query is made, run, and its result waited for.

It gives ten results a minute, and one with relational fields: the map is read with one query, once.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge
from threemaps.readers.base import Shape, UnreadableError, widened
from threemaps.readers.honeycomb_results import ERROR, MOST_ROWS, Answer, Row, edges_of, map_question, rows_of
from threemaps.readers.http import Api

DATASET = "__all__"
WAIT_SECONDS = 30.0
# Honeycomb cuts the ends of a range down to a step, and the longer the range, the longer the step.
LONGEST = timedelta(days=7)
STEPS = (
    (timedelta(hours=6), timedelta(minutes=1)),
    (timedelta(days=2), timedelta(minutes=5)),
    (LONGEST, timedelta(minutes=30)),
)
HEATMAP = "HEATMAP(duration_ms)"
MOST = 1e15  # no duration and no count is more


def step_of(window: Window) -> timedelta:
    length = window.end - window.start
    return next((step for longest, step in STEPS if length + 2 * step <= longest), STEPS[-1][1])


def covered(window: Window) -> Window:
    """What a query over this window covers: whole steps."""
    return widened(window, step_of(window))


def times_of(window: Window) -> dict[str, int]:
    """The whole steps that hold the window, within the longest range that there is."""
    length = window.end - window.start
    if length > LONGEST:
        raise UnreadableError(
            f"Honeycomb answers questions over {LONGEST.days} days at most, not over {length.days}",
            hint=f"ask over {LONGEST.days}d or less",
        )
    whole = covered(window)
    start = max(whole.start, whole.end - LONGEST)
    return {"start_time": int(start.timestamp()), "end_time": int(whole.end.timestamp())}


class QueryData:
    name = "query"
    grain = STEPS[0][1]
    poll = timedelta(seconds=61)
    remarks = ("Honeycomb was asked once: it runs one query a minute that relates spans to their parents",)

    def __init__(self, api: Api) -> None:
        self.api = api
        self._shape = Shape("Honeycomb")

    def edges(self, window: Window) -> list[Edge]:
        """One question for calls and errors; the percentile of an edge with both is not known."""
        self.api.on_wait = self.api.on_wait or (lambda seconds: None)
        rows = self.answer(map_question(ERROR) | times_of(window), series=False).rows
        return edges_of(self._shape, complete(rows))

    def covers(self, window: Window) -> Window:
        return covered(window)

    def answer(self, question: Mapping[str, Any], *, series: bool, limit: int | None = None) -> Answer:
        """`limit` may be up to 10,000 rows where no series is asked for."""
        shape = self._shape
        made = shape.mapping(self.api.post(f"/1/queries/{DATASET}", dict(question)), "the query")
        asked = {"query_id": shape.text(made.get("id"), "id"), "disable_series": not series}
        asked |= {"limit": limit} if limit else {}
        run = shape.mapping(self.api.post(f"/1/query_results/{DATASET}", asked), "the query result")
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
            run = shape.mapping(self.api.get(f"/1/query_results/{DATASET}/{run_id}"), "the query result")
        return taken_apart(shape, run)


def complete(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    if len(rows) >= MOST_ROWS:
        raise UnreadableError(
            f"Honeycomb gives {MOST_ROWS:,} rows a query, and this map has as many or more",
            hint="take a shorter --since",
        )
    return rows


def taken_apart(shape: Shape, run: Row) -> Answer:
    """A query result, from the API or from the address that MCP gives."""
    failure = run.get("error")
    if isinstance(failure, str) and failure:
        raise UnreadableError(f"Honeycomb could not run the query ({failure[:160]})", hint="try again")
    data = shape.mapping(run.get("data", run) or {}, "data")
    points = [_point(shape, point) for point in shape.sequence(data.get("series") or [], "series")]
    links = run.get("links")
    url = links.get("query_url", "") if isinstance(links, Mapping) else ""
    return Answer(tuple(rows_of(shape, data.get("results") or [])), tuple(points), str(url))


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
    for bucket in shape.sequence(values.get(HEATMAP) or [], HEATMAP):
        for name in ("min", "max", "count"):
            value = shape.mapping(bucket, "a bucket").get(name)
            if not isinstance(value, int | float) or abs(value) > MOST:
                raise shape.wrong(f"a bucket's {name}", value)
    return time_text, values
