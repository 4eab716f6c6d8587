"""What is asked of metrics, in GetMetricData's form and in GetMetricStatistics'; and what is refused."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch.sample import MAX_DIMENSIONS, Dimensions
from threemaps.standins.cloudwatch.statistics import check_period, check_statistic
from threemaps.standins.described import moment_of

HOUR_MS = 3_600_000
MAX_DATAPOINTS = 1_440
MAX_QUERIES = 500
# ASCII without control characters, and not only spaces; a name does not begin with a colon.
DIMENSION_NAME = re.compile("(?!:)[ -~]*[!-~][ -~]*")
DIMENSION_VALUE = re.compile("[ -~]*[!-~][ -~]*")
QUERY_ID = re.compile("[a-z][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Question:
    """One statistic of one metric, over periods of so many seconds; without a unit all units count."""

    namespace: str | None
    name: str | None
    dimensions: Dimensions
    period: int
    statistic: str
    unit: str | None = None


def of_statistics(request: dict[str, Any]) -> list[Question]:
    """GetMetricStatistics: one for each statistic, all of one metric."""
    simple, extended = request.get("Statistics", []), request.get("ExtendedStatistics", [])
    if bool(simple) == bool(extended):
        raise AwsError("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
    period = request["Period"]
    check_period(period)
    start, end = span_of(request, period)
    if (end - start) / (period * 1000) > MAX_DATAPOINTS:
        raise AwsError(
            "InvalidParameterCombination",
            f"You have requested up to {-((start - end) // (period * 1000)):,} datapoints, which exceeds "
            f"the limit of {MAX_DATAPOINTS:,}. You may reduce them by increasing Period, "
            "or decreasing the time range.",
        )
    return [_question(request, request.get("Unit"), period, name) for name in (*simple, *extended)]


def of_queries(queries: Sequence[dict[str, Any]]) -> list[Question]:
    """GetMetricData."""
    ids = [query["Id"] for query in queries]
    if not 1 <= len(queries) <= MAX_QUERIES or len(set(ids)) < len(ids):
        raise invalid(f"MetricDataQueries needs 1 to {MAX_QUERIES} members with an Id of their own.")
    return [_asked(query) for query in queries]


def _asked(query: dict[str, Any]) -> Question:
    if not QUERY_ID.fullmatch(query["Id"]):
        raise invalid(f"The value {query['Id'][:60]!r} for parameter Id is not matching {QUERY_ID.pattern}.")
    asked = query.get("MetricStat")
    if asked is not None and query.get("Expression") is not None:
        raise AwsError(
            "InvalidParameterCombination",
            f"Query {query['Id'][:60]!r} has a MetricStat and an Expression; one of them has to be given.",
        )
    if asked is None:
        raise invalid(f"Query {query['Id'][:60]!r} has no MetricStat; expressions are not answered here.")
    check_period(asked["Period"])
    return _question(asked["Metric"], asked.get("Unit"), asked["Period"], asked["Stat"])


def _question(metric: dict[str, Any], unit: str | None, period: int, statistic: str) -> Question:
    check_statistic(statistic)
    dimensions = checked_dimensions(metric.get("Dimensions", []))
    return Question(metric.get("Namespace"), metric.get("MetricName"), dimensions, period, statistic, unit)


def default_labels(questions: Sequence[Question]) -> list[str]:
    """The metric's name of each, then in what they differ: dimensions' values, statistic, period."""
    parts = [
        (" ".join(value for _, value in one.dimensions), one.statistic, str(one.period)) for one in questions
    ]
    differing = [len(set(values)) > 1 for values in zip(*parts, strict=True)]
    return [
        " ".join(filter(None, (one.name, *itertools.compress(own, differing))))
        for one, own in zip(questions, parts, strict=True)
    ]


def checked_dimensions(given: list[dict[str, str]]) -> Dimensions:
    if len(given) > MAX_DIMENSIONS:
        raise invalid(f"{len(given)} dimensions are more than {MAX_DIMENSIONS}.")
    for one in given:
        if not DIMENSION_NAME.fullmatch(one["Name"]):
            raise invalid(f"The value {one['Name'][:60]!r} for the name of a dimension is invalid.")
        if not DIMENSION_VALUE.fullmatch(one["Value"]):
            raise invalid(f"The value {one['Value'][:60]!r} of dimension {one['Name'][:60]!r} is invalid.")
    return tuple(sorted((one["Name"], one["Value"]) for one in given))


def span_of(request: dict[str, Any], period: int = 1) -> tuple[int, int]:
    """Start and end in ms; CloudWatch rounds the start down to the period, and compares whole seconds."""
    start, end = ms_of(request["StartTime"]), ms_of(request["EndTime"])
    if start // 1000 >= end // 1000:
        if "MetricDataQueries" in request:
            wrong = "StartTime must not equal parameter EndTime."
            if start // 1000 > end // 1000:
                wrong = "EndTime must be greater than StartTime."
            raise AwsError("ValidationError", f"The parameter {wrong}")
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    return start - start % (period * 1000), end


def ms_of(moment: Any) -> int:
    return int(moment_of(moment).timestamp() * 1000)


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)
