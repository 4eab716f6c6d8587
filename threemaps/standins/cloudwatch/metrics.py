"""CloudWatch's metrics: put, listed, and read as statistics over periods."""

import re
from datetime import UTC, datetime
from typing import Any

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch import emf
from threemaps.standins.cloudwatch.emf import Dimensions, Sample
from threemaps.standins.cloudwatch.groups import now_ms
from threemaps.standins.cloudwatch.paging import offset_from, to_token
from threemaps.standins.cloudwatch.samples import Samples, Wanted
from threemaps.standins.cloudwatch.statistics import by_period, check_period, check_statistic
from threemaps.standins.described import moment_of
from threemaps.standins.store import Store

HOUR_MS = 3_600_000
OLDEST_MS = 14 * 24 * HOUR_MS
NEWEST_MS = 2 * HOUR_MS
RECENT_MS = 3 * HOUR_MS
LISTED = 500
MAX_DATA = 1_000
MAX_VALUES = 150
MAX_DATAPOINTS = 1_440
MAX_QUERIES = 500
MAX_PAGE = 100_800
LARGEST = 2.0**360
QUERY_ID = re.compile("[a-z][a-zA-Z0-9_]*")


class Metrics:
    def __init__(self, store: Store) -> None:
        self._samples = Samples(store)

    def put_metric_data(self, request: dict[str, Any]) -> dict[str, Any]:
        namespace = request["Namespace"]
        if namespace.startswith(":"):
            raise invalid(f"The value {namespace[:60]!r} for parameter Namespace is invalid.")
        entities = request.get("EntityMetricData", [])
        data = request.get("MetricData", []) + [
            one for each in entities for one in each.get("MetricData", [])
        ]
        if not data:
            raise AwsError("MissingParameter", "The parameter MetricData is required.")
        if len(data) > MAX_DATA:
            raise invalid(f"MetricData has {len(data)} members; at most {MAX_DATA} are allowed.")
        now = now_ms()
        self._samples.put(
            [_sample(namespace, one, f"MetricData.member.{i + 1}", now) for i, one in enumerate(data)]
        )
        return {}

    def list_metrics(self, request: dict[str, Any]) -> dict[str, Any]:
        start = offset_from(request["NextToken"], "InvalidParameterValue") if request.get("NextToken") else 0
        since = now_ms() - RECENT_MS if request.get("RecentlyActive") else 0
        wanted = Wanted(request.get("Namespace"), request.get("MetricName"), start_ms=since)
        asked = [(one["Name"], one.get("Value")) for one in request.get("Dimensions", [])]
        found = sorted(
            {
                (sample.namespace, sample.name, sample.dimensions)
                for sample in self._samples.find(wanted)
                if _has_dimensions(sample.dimensions, asked)
            }
        )
        metrics = [
            {"Namespace": namespace, "MetricName": name, "Dimensions": _told(dimensions)}
            for namespace, name, dimensions in found[start : start + LISTED]
        ]
        more = {"NextToken": to_token(start + LISTED)} if len(found) > start + LISTED else {}
        return {"Metrics": metrics, **more}

    def get_metric_statistics(self, request: dict[str, Any]) -> dict[str, Any]:
        simple, extended = request.get("Statistics", []), request.get("ExtendedStatistics", [])
        if not simple and not extended:
            raise AwsError("MissingParameter", "Statistics or ExtendedStatistics has to be given.")
        for name in (*simple, *extended):
            check_statistic(name)
        period = request["Period"]
        check_period(period)
        start, end = _span(request)
        if (end - start) / (period * 1000) > MAX_DATAPOINTS:
            raise AwsError(
                "InvalidParameterCombination",
                f"You have requested up to {-((start - end) // (period * 1000)):,} datapoints, which exceeds "
                f"the limit of {MAX_DATAPOINTS:,}. You may reduce them by increasing Period, "
                "or decreasing the time range.",
            )
        points = []
        for moment, unit, statistics in self._series(request, request.get("Unit"), period, start, end):
            point: dict[str, Any] = {"Timestamp": _time(moment), "Unit": unit}
            point |= {name: statistics.value(name) for name in simple}
            told = {name: value for name in extended if (value := statistics.value(name)) is not None}
            points.append({**point, "ExtendedStatistics": told} if told else point)
        return {"Label": request["MetricName"], "Datapoints": points}

    def get_metric_data(self, request: dict[str, Any]) -> dict[str, Any]:
        queries = request["MetricDataQueries"]
        _check_queries(queries)
        start, end = _span(request)
        offset = offset_from(request["NextToken"], "InvalidNextToken") if request.get("NextToken") else 0
        page = request.get("MaxDatapoints", MAX_PAGE)
        if not 1 <= page <= MAX_PAGE:
            raise invalid(f"MaxDatapoints is {page}; it has to be between 1 and {MAX_PAGE}.")
        each = max(1, page // len(queries))
        descending = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        results, more = [], False
        for query in queries:
            if query.get("ReturnData") is False:
                continue
            points = self._points(query["MetricStat"], start, end)
            ordered = points[::-1] if descending else points
            rest = len(ordered) > offset + each
            results.append(_result(query, ordered[offset : offset + each], rest))
            more = more or rest
        return {
            "MetricDataResults": results,
            "Messages": [],
            **({"NextToken": to_token(offset + each)} if more else {}),
        }

    def _points(self, asked: dict[str, Any], start: int, end: int) -> list[tuple[int, float]]:
        series = self._series(asked["Metric"], asked.get("Unit"), asked["Period"], start, end)
        told = ((moment, statistics.value(asked["Stat"])) for moment, _, statistics in series)
        return [(moment, value) for moment, value in told if value is not None]

    def _series(self, metric: dict[str, Any], unit: str | None, period: int, start: int, end: int) -> Any:
        wanted = Wanted(
            metric.get("Namespace"),
            metric.get("MetricName"),
            _dimensions(metric.get("Dimensions", [])),
            start,
            end,
        )
        found = self._samples.find(wanted)
        return by_period((sample for sample in found if unit in (None, sample.unit)), period)


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)


def _sample(namespace: str, one: dict[str, Any], where: str, now: int) -> Sample:
    told = _measured(one, where)
    moment = _ms(one["Timestamp"]) if one.get("Timestamp") is not None else now
    if not now - OLDEST_MS <= moment <= now + NEWEST_MS:
        raise invalid(
            f"The parameter {where}.Timestamp must specify a time within the past two weeks "
            "and no more than two hours into the future."
        )
    if one.get("StorageResolution", 60) not in (1, 60):
        raise invalid(f"The parameter {where}.StorageResolution has to be 1 or 60.")
    dimensions = _dimensions(one.get("Dimensions", []))
    return Sample(namespace, one["MetricName"], dimensions, moment, one.get("Unit", "None"), *told)


def _measured(one: dict[str, Any], where: str) -> emf.Told:
    """Exactly one of a value, values with counts, and a statistic set."""
    given = [name for name in ("Value", "Values", "StatisticValues") if one.get(name) is not None]
    if len(given) != 1:
        code = "InvalidParameterCombination" if given else "MissingParameter"
        raise AwsError(code, f"{where} needs exactly one of Value, Values and StatisticValues.")
    if len(one.get("Values", [])) > MAX_VALUES:
        raise invalid(f"{where}.Values has more than {MAX_VALUES} members.")
    if given == ["Value"]:
        told = emf.measured(one["Value"])
    elif given == ["Values"]:
        told = emf.valued(one["Values"], one.get("Counts") or [1.0] * len(one["Values"]))
    else:
        fields = one["StatisticValues"]
        told = emf.summed(*(fields[name] for name in ("SampleCount", "Sum", "Minimum", "Maximum")))
    if told is None or not all(abs(number) <= LARGEST for number in (*told[0], *told[1], *told[2:])):
        raise invalid(f"The value of {where} is no finite number from -2^360 to 2^360, or lacks its counts.")
    return told


def _dimensions(given: list[dict[str, str]]) -> Dimensions:
    if len(given) > emf.MAX_DIMENSIONS:
        raise invalid(f"{len(given)} dimensions are more than {emf.MAX_DIMENSIONS}.")
    return tuple(sorted((one["Name"], one["Value"]) for one in given))


def _has_dimensions(dimensions: Dimensions, asked: list[tuple[str, str | None]]) -> bool:
    had = dict(dimensions)
    return all(name in had and value in (None, had[name]) for name, value in asked)


def _told(dimensions: Dimensions) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions]


def _check_queries(queries: list[dict[str, Any]]) -> None:
    ids = [query["Id"] for query in queries]
    if not 1 <= len(queries) <= MAX_QUERIES or len(set(ids)) < len(ids):
        raise invalid(f"MetricDataQueries needs 1 to {MAX_QUERIES} members with an Id of their own.")
    for query in queries:
        if not QUERY_ID.fullmatch(query["Id"]):
            raise invalid(
                f"The value {query['Id'][:60]!r} for parameter Id is not matching {QUERY_ID.pattern}."
            )
        if query.get("MetricStat") is None:
            raise invalid(f"Query {query['Id'][:60]!r} has no MetricStat; expressions are not answered here.")
        check_statistic(query["MetricStat"]["Stat"])
        check_period(query["MetricStat"]["Period"])


def _result(query: dict[str, Any], points: list[tuple[int, float]], rest: bool) -> dict[str, Any]:
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or query["MetricStat"]["Metric"].get("MetricName", query["Id"]),
        "Timestamps": [_time(moment) for moment, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "PartialData" if rest else "Complete",
    }


def _span(request: dict[str, Any]) -> tuple[int, int]:
    start, end = _ms(request["StartTime"]), _ms(request["EndTime"])
    if start >= end:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    return start, end


def _ms(moment: Any) -> int:
    return int(moment_of(moment).timestamp() * 1000)


def _time(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1000, UTC)
