"""Runs a query over the window that Honeycomb would take, and shapes the answer."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import orjson

from threemaps.standins.honeycomb.exceptions import HoneycombError
from threemaps.standins.honeycomb.query_spec import DEFAULT_LIMIT, DEFAULT_RANGE, Query
from threemaps.standins.honeycomb.query_sql import BUCKET, HEATMAP_BUCKETS, Plan, Scale, Statement
from threemaps.standins.store import Store

SECOND = 1_000_000_000
HOUR, DAY = 3_600, 86_400
LONGEST_RANGE = 7 * DAY
# A range up to so long is cut to whole steps of so many seconds.
_STEPS = (6 * HOUR, 60), (2 * DAY, 300), (LONGEST_RANGE, 1_800)
_GRANULARITIES = (1, 5, 10, 15, 30, 60, 300, 900, 1_800, 3_600, 7_200, 21_600)
_POINTS = 120


@dataclass(frozen=True, slots=True)
class Options:
    series: bool
    totals: bool
    limit: int | None


def window(query: Query, now: float) -> tuple[int, int]:
    """Seconds; both ends are cut down to a whole step."""
    length = query.time_range or DEFAULT_RANGE
    if query.start_time is not None:
        start = query.start_time
        end = query.end_time if query.end_time is not None else start + length
    else:
        end = query.end_time if query.end_time is not None else int(now)
        start = end - length
    if end - start > LONGEST_RANGE:
        raise HoneycombError(400, f"the time range has {end - start} seconds, more than 7 days")
    step = next(step for longest, step in _STEPS if end - start <= longest)
    return max(0, start - start % step), end - end % step


def run(store: Store, query: Query, dataset: str | None, options: Options) -> dict[str, Any]:
    """The `data` of a query result."""
    start, end = window(query, time.time())
    plan = Plan(query, dataset, start * SECOND, end * SECOND)
    with store.snapshot() as cursor:
        ((rate,),) = _fetch(cursor, plan.largest_rate())
        plan.is_sampled = (rate or 1) > 1
        scales = _scales(plan, cursor)
        results = _fetch(cursor, plan.groups(_limit(query, options), scales))
        data: dict[str, Any] = {
            "series": [],
            "results": [{"data": _shaped(plan, row, scales)} for row in results],
        }
        if options.series:
            data["series"] = _series(plan, cursor, scales, results, query, end - start)
        if options.totals:
            data["total_by_aggregate"] = {"data": _totals(plan, cursor, scales)}
    return data


def _limit(query: Query, options: Options) -> int:
    if not options.series and options.limit is not None:
        return options.limit
    return query.limit or (DEFAULT_LIMIT if options.series else 1_000)


def _fetch(cursor: duckdb.DuckDBPyConnection, statement: Statement) -> list[tuple[Any, ...]]:
    return cursor.execute(statement.sql, statement.parameters).fetchall()


def _scales(plan: Plan, cursor: duckdb.DuckDBPyConnection) -> list[Scale | None]:
    if all(calculation.op != "HEATMAP" for calculation in plan.query.calculations):
        return [None] * len(plan.query.calculations)
    (row,) = _fetch(cursor, plan.ranges())
    return [_scale(low, high) for low, high in zip(row[::2], row[1::2], strict=True)]


def _scale(low: float | None, high: float | None) -> Scale | None:
    if low is None or high is None:
        return None
    return Scale(low, high / HEATMAP_BUCKETS - low / HEATMAP_BUCKETS or 1.0)


def _series(
    plan: Plan,
    cursor: duckdb.DuckDBPyConnection,
    scales: Sequence[Scale | None],
    results: list[tuple[Any, ...]],
    query: Query,
    length: int,
) -> list[dict[str, Any]]:
    """Only of the groups that are among the results."""
    step = query.granularity or granularity(length)
    width = len(plan.breakdowns)
    shown = {row[:width] for row in results}
    return [
        {"time": _rfc3339(moment), "data": _shaped(plan, row, scales)}
        for moment, *rest in _fetch(cursor, plan.series(step * SECOND, scales))
        if (row := tuple(rest))[:width] in shown
    ]


def granularity(length: int) -> int:
    return next((step for step in _GRANULARITIES if length / step <= _POINTS), _GRANULARITIES[-1])


def _totals(plan: Plan, cursor: duckdb.DuckDBPyConnection, scales: Sequence[Scale | None]) -> dict[str, Any]:
    (row,) = _fetch(cursor, plan.totals(scales))
    empty: tuple[Any, ...] = (None,) * len(plan.breakdowns)
    shaped = _shaped(plan, (*empty, *row), scales)
    return {name: value for name, value in shaped.items() if name not in plan.query.breakdowns}


def _shaped(plan: Plan, row: tuple[Any, ...], scales: Sequence[Scale | None]) -> dict[str, Any]:
    width = len(plan.breakdowns)
    values: dict[str, Any] = {}
    for name, column, value in zip(plan.query.breakdowns, plan.breakdowns, row[:width], strict=True):
        values[name] = orjson.loads(value) if column.is_json and value is not None else value
    for calculation, scale, value in zip(plan.query.calculations, scales, row[width:], strict=True):
        values[calculation.label] = _cells(value, scale) if calculation.op == "HEATMAP" else value
    return values


def _cells(counts: dict[int, int] | None, scale: Scale | None) -> list[dict[str, Any]]:
    """A heatmap's column: the buckets that hold something."""
    if scale is None or not counts:
        return []
    weighed: Counter[int] = Counter()
    for pair, count in counts.items():
        bucket, rate = divmod(pair, BUCKET)
        weighed[bucket] += count * rate
    return [
        {
            "min": scale.low + index * scale.width,
            "max": scale.low + (index + 1) * scale.width,
            "count": count,
        }
        for index, count in sorted(weighed.items())
    ]


def _rfc3339(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
