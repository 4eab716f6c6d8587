"""The figures of a service or an edge over time, as each backend reports them."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from threemaps.model.difference import Window
from threemaps.readers.application_signals import ApplicationSignals
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.base import UnreadableError
from threemaps.readers.cloudwatch import CALLED, OWN
from threemaps.readers.metric_data import LATENCY, PERMISSION, Reference, whole_minutes, widest
from threemaps.readers.pages import pages
from threemaps.readers.questions import ask_own, of_service
from threemaps.readers.xray import percentile
from threemaps.settings import Settings

LONGEST = timedelta(hours=6)  # that X-Ray answers for
FINE = timedelta(hours=1)  # above it a period has five minutes
SHARES = (0.5, 0.95)
NAMES = ("P50", "P95")


@dataclass(frozen=True, slots=True)
class Period:
    """`faults` are 5xx, `errors` 4xx; the latencies are those of the calls of this period."""

    moment: datetime
    requests: int
    faults: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None


Point = tuple[datetime, float | None, float | None]  # moment, p50 and p95 in milliseconds


@dataclass(frozen=True, slots=True)
class Course:
    """Latency over time in one backend; `problem` says why it has none."""

    backend: str
    points: tuple[Point, ...] = ()
    problem: str = ""


def over_time(settings: Settings, window: Window, entity: str) -> list[Period]:
    """`entity` is X-Ray's expression for one service or edge. Periods without calls are left out."""
    client = aws_client(settings, "xray")
    start = max(window.start, window.end - LONGEST)
    with reasons(settings, "X-Ray", "xray:GetTimeSeriesServiceStatistics"):
        found = client.get_paginator("get_time_series_service_statistics").paginate(
            StartTime=start,
            EndTime=window.end,
            EntitySelectorExpression=entity,
            Period=60 if window.end - start <= FINE else 300,
        )
        entries = [one for page in found for one in page.get("TimeSeriesServiceStatistics") or []]
        return sorted((_period(one) for one in entries), key=lambda one: one.moment)


def _period(entry: Mapping[str, Any]) -> Period:
    found = entry.get("EdgeSummaryStatistics") or entry.get("ServiceSummaryStatistics") or {}
    faults, errors = (
        int((found.get(name) or {}).get("TotalCount") or 0) for name in ("FaultStatistics", "ErrorStatistics")
    )
    histogram: dict[float, int] = {}
    for one in entry.get("ResponseTimeHistogram") or []:
        histogram[float(one.get("Value") or 0)] = int(one.get("Count") or 0)
    latencies = [percentile(histogram, share) for share in SHARES]
    return Period(entry["Timestamp"], int(found.get("TotalCount") or 0), faults, errors, *latencies)


def courses(
    settings: Settings, window: Window, periods: list[Period], source: str, target: str
) -> list[Course]:
    """Of the calls from `source` to `target`, or of all to `target` where there is no source.

    `periods` are X-Ray's, which have been read before.
    """
    asked: dict[str, Callable[[], list[Point]]] = {
        "honeycomb": lambda: list(_in_honeycomb(settings, window, source, target)),
        "xray": lambda: [(one.moment, one.p50_ms, one.p95_ms) for one in periods],
        "cloudwatch": lambda: list(_in_cloudwatch(settings, window, source, target)),
    }
    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(lambda one: _course(*one), asked.items()))


def _course(backend: str, read: Callable[[], list[Point]]) -> Course:
    try:
        points = sorted(read())
    except UnreadableError as error:
        return Course(backend, problem=error.message)
    return Course(backend, tuple(points), "" if points else "reports no latency of it in this window")


def _in_honeycomb(settings: Settings, window: Window, source: str, target: str) -> Iterator[Point]:
    """The callee's spans; those of one caller by a relational filter, one such question a minute."""
    caller = [{"column": "parent.service.name", "op": "=", "value": source}] if source else []
    question = {
        "calculations": [{"op": name, "column": "duration_ms"} for name in NAMES],
        "breakdowns": [],
        "filters": [of_service(target), *caller],
    }
    for time, data in ask_own(settings, question, window, None).series:
        values = [data.get(f"{name}(duration_ms)") for name in NAMES]
        if any(isinstance(value, int | float) for value in values):
            p50, p95 = (float(value) if isinstance(value, int | float) else None for value in values)
            yield datetime.fromisoformat(time).astimezone(UTC), p50, p95


def _in_cloudwatch(settings: Settings, window: Window, source: str, target: str) -> Iterator[Point]:
    """Percentiles do not add up: only what Application Signals keeps in one metric has any."""
    minutes = whole_minutes(window)
    signals = ApplicationSignals(aws_client(settings, "application-signals"), settings)
    found = signals.discover(minutes)
    if source:
        held = [one.references for one in found.dependencies if (one.source, one.name) == (source, target)]
        references = widest(frozenset().union(*held), CALLED)
    else:
        references = widest(found.services.get(target, frozenset()), OWN)
    latencies = [one for one in references if one.kind == LATENCY]
    if len(latencies) == 1:
        yield from _percentiles(settings, latencies[0], minutes)


def _percentiles(settings: Settings, metric: Reference, window: Window) -> Iterator[Point]:
    period = 60 if window.seconds <= FINE.total_seconds() else 300
    questions = [metric.query(name.lower(), name.lower(), period) for name in NAMES]
    found: dict[datetime, dict[str, float]] = {}
    with reasons(settings, "CloudWatch's metrics", PERMISSION):
        for page in pages(
            aws_client(settings, "cloudwatch").get_metric_data,
            "NextToken",
            "CloudWatch's answer of metrics",
            MetricDataQueries=questions,
            StartTime=window.start,
            EndTime=window.end,
        ):
            for one in page.get("MetricDataResults") or []:
                for moment, value in zip(one.get("Timestamps") or [], one.get("Values") or [], strict=False):
                    found.setdefault(moment, {})[str(one["Id"])] = float(value)
    for moment, values in found.items():
        yield moment, values.get("p50"), values.get("p95")
