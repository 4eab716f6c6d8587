"""PutMetricData: what a client says of metrics becomes samples."""

from typing import Any

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch import sample
from threemaps.standins.cloudwatch.questions import HOUR_MS, checked_dimensions, invalid, ms_of
from threemaps.standins.cloudwatch.sample import Sample

OLDEST_MS = 14 * 24 * HOUR_MS
NEWEST_MS = 2 * HOUR_MS
MAX_DATA = 1_000
MAX_VALUES = 150
LARGEST = 2.0**360


def samples_of(request: dict[str, Any], now: int) -> list[Sample]:
    """Raises CloudWatch's refusal of the first that is wrong."""
    namespace = request["Namespace"]
    data = request.get("MetricData", []) + [
        one for each in request.get("EntityMetricData", []) for one in each.get("MetricData", [])
    ]
    if not data:
        raise AwsError("MissingParameter", "The parameter MetricData is required.")
    if len(data) > MAX_DATA:
        raise invalid(f"MetricData has {len(data)} members; at most {MAX_DATA} are allowed.")
    return [_sample(namespace, one, f"MetricData.member.{i + 1}", now) for i, one in enumerate(data)]


def _sample(namespace: str, one: dict[str, Any], where: str, now: int) -> Sample:
    measured = _measured(one, where)
    moment = ms_of(one["Timestamp"]) if one.get("Timestamp") is not None else now
    if not now - OLDEST_MS <= moment <= now + NEWEST_MS:
        raise invalid(
            f"The parameter {where}.Timestamp must specify a time within the past two weeks "
            "and no more than two hours into the future."
        )
    if one.get("StorageResolution", 60) not in (1, 60):
        raise invalid(f"The parameter {where}.StorageResolution has to be 1 or 60.")
    dimensions = checked_dimensions(one.get("Dimensions", []))
    return Sample(namespace, one["MetricName"], dimensions, moment, one.get("Unit", "None"), *measured)


def _measured(one: dict[str, Any], where: str) -> sample.Told:
    """Exactly one of a value, values with counts, and a statistic set."""
    given = [name for name in ("Value", "Values", "StatisticValues") if one.get(name) is not None]
    if not given:
        raise AwsError("MissingParameter", f"{where} needs one of Value, Values and StatisticValues.")
    if len(given) > 1:
        code = "InvalidParameter" + ("Combination" if "StatisticValues" in given else "Value")
        both = " and ".join(f"{where}.{name}" for name in given[:2])
        raise AwsError(code, f"The parameters {both} are mutually exclusive and you have specified both.")
    if len(one.get("Counts", [])) not in (0, len(one.get("Values", []))):
        raise invalid(f"The parameters {where}.Values and {where}.Counts must be of the same size.")
    if len(one.get("Values", [])) > MAX_VALUES:
        raise invalid(f"{where}.Values has more than {MAX_VALUES} members.")
    if given == ["Value"]:
        measured = sample.valued([one["Value"]], [1.0])
    elif given == ["Values"]:
        measured = sample.valued(one["Values"], one.get("Counts") or [1.0] * len(one["Values"]))
    else:
        fields = one["StatisticValues"]
        measured = sample.summed(*(fields[name] for name in ("SampleCount", "Sum", "Minimum", "Maximum")))
    if measured is None or not all(abs(n) <= LARGEST for n in (*measured[0], *measured[1], *measured[2:])):
        shown = one[given[0]] if given == ["Value"] else "given"
        raise invalid(f"The value {shown} for parameter {where}.{given[0]} is invalid.")
    return measured
