"""CloudWatch's metrics: put, listed, and read as statistics over periods."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from threemaps.standins.application_signals.metrics import NAMESPACE, SignalMetrics
from threemaps.standins.application_signals.records import Window
from threemaps.standins.cloudwatch.groups import now_ms
from threemaps.standins.cloudwatch.paging import offset_from, to_token
from threemaps.standins.cloudwatch.putting import samples_of
from threemaps.standins.cloudwatch.questions import (
    HOUR_MS,
    default_labels,
    invalid,
    of_queries,
    of_statistics,
    span_of,
)
from threemaps.standins.cloudwatch.sample import Dimensions
from threemaps.standins.cloudwatch.samples import Samples, Wanted
from threemaps.standins.cloudwatch.series import Series, Value
from threemaps.standins.cloudwatch.statistics import SIMPLE
from threemaps.standins.store import Store

WRITABLE_NAMESPACE = re.compile(r"(?!:|AWS/)[0-9A-Za-z.\-_/#: ]*[0-9A-Za-z.\-_/#][0-9A-Za-z.\-_/#: ]*")
RECENT_MS = 3 * HOUR_MS
LISTED_MS = 14 * 24 * HOUR_MS
LISTED = 500
MAX_PAGE = 100_800

Listed = tuple[str, str, Dimensions]


class Metrics:
    def __init__(self, store: Store, signals: SignalMetrics) -> None:
        self._samples = Samples(store)
        self._signals = signals
        self._series = Series(self._samples, signals)

    def put_metric_data(self, request: dict[str, Any]) -> dict[str, Any]:
        namespace = request["Namespace"]
        if not WRITABLE_NAMESPACE.fullmatch(namespace):
            raise invalid(f"The value {namespace[:60]!r} for parameter Namespace is invalid.")
        if namespace == NAMESPACE:
            raise invalid(f"The namespace {NAMESPACE} is computed from spans here, and takes no metrics.")
        self._samples.put(samples_of(request, now_ms()))
        return {}

    def list_metrics(self, request: dict[str, Any]) -> dict[str, Any]:
        start = offset_from(request["NextToken"], "InvalidParameterValue") if request.get("NextToken") else 0
        asked = [(one["Name"], one.get("Value")) for one in request.get("Dimensions", [])]
        found = sorted({one for one in self._listed(request) if _has_dimensions(one[2], asked)})
        metrics = [
            {"Namespace": namespace, "MetricName": name, "Dimensions": _in_json(dimensions)}
            for namespace, name, dimensions in found[start : start + LISTED]
        ]
        more = {"NextToken": to_token(start + LISTED)} if len(found) > start + LISTED else {}
        return {"Metrics": metrics, **more}

    def _listed(self, request: dict[str, Any]) -> Iterator[Listed]:
        namespace, wanted, now = request.get("Namespace"), request.get("MetricName"), now_ms()
        since = now - (RECENT_MS if request.get("RecentlyActive") else LISTED_MS)
        for sample in self._samples.find(Wanted(namespace, wanted, start_ms=since)):
            yield sample.namespace, sample.name, sample.dimensions
        if namespace in (None, NAMESPACE):
            for name, dimensions in self._signals.metrics(Window(since, now + HOUR_MS)):
                if wanted in (None, name):
                    yield NAMESPACE, name, dimensions

    def get_metric_statistics(self, request: dict[str, Any]) -> dict[str, Any]:
        questions = of_statistics(request)
        points: dict[tuple[int, str], dict[str, Any]] = {}
        answers = self._series.values(questions, *span_of(request, request["Period"]))
        for question, values in zip(questions, answers, strict=True):
            for moment, unit, value in values:
                point = points.setdefault((moment, unit), {"Timestamp": _time(moment), "Unit": unit})
                place = point if question.statistic in SIMPLE else point.setdefault("ExtendedStatistics", {})
                place[question.statistic] = value
        return {"Label": request["MetricName"], "Datapoints": [points[key] for key in sorted(points)]}

    def get_metric_data(self, request: dict[str, Any]) -> dict[str, Any]:
        queries = request["MetricDataQueries"]
        questions = of_queries(queries)
        offset = offset_from(request["NextToken"], "InvalidNextToken") if request.get("NextToken") else 0
        page = request.get("MaxDatapoints", MAX_PAGE)
        if not 1 <= page <= MAX_PAGE:
            raise invalid(f"MaxDatapoints is {page}; it has to be between 1 and {MAX_PAGE}.")
        each = max(1, page // len(queries))
        answers = self._series.values(questions, *span_of(request))
        descending = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        results, more = [], False
        for query, values, label in zip(queries, answers, default_labels(questions), strict=True):
            if query.get("ReturnData") is False:
                continue
            ordered = values[::-1] if descending else values
            rest = len(ordered) > offset + each
            results.append(_result(query, label, ordered[offset : offset + each], rest))
            more = more or rest
        return {
            "MetricDataResults": results,
            "Messages": [],
            **({"NextToken": to_token(offset + each)} if more else {}),
        }


def _has_dimensions(dimensions: Dimensions, asked: Iterable[tuple[str, str | None]]) -> bool:
    had = dict(dimensions)
    return all(name in had and value in (None, had[name]) for name, value in asked)


def _in_json(dimensions: Dimensions) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions]


def _result(query: dict[str, Any], label: str, values: list[Value], rest: bool) -> dict[str, Any]:
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or label,
        "Timestamps": [_time(one.start_ms) for one in values],
        "Values": [one.value for one in values],
        "StatusCode": "PartialData" if rest else "Complete",
    }


def _time(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1000, UTC)
