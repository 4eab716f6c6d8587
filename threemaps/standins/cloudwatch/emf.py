"""The embedded metric format: which metrics a log event is."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

import orjson

MARK = '"_aws"'
MAX_DIMENSIONS = 30
MAX_DIRECTIVE_METRICS = 100

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was told of one metric at one moment: values with counts, or only what they add up to."""

    namespace: str
    name: str
    dimensions: Dimensions
    time_ms: int
    unit: str
    values: tuple[float, ...]
    counts: tuple[float, ...]
    total: float
    least: float
    most: float

    @property
    def count(self) -> float:
        return math.fsum(self.counts)


def moment_of(message: str, time_ms: int) -> int | None:
    """When the metrics of an event were measured; None if it has none."""
    if MARK not in message:
        return None
    try:
        event = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    described = event.get("_aws") if isinstance(event, dict) else None
    if not isinstance(described, dict) or not _maps(described.get("CloudWatchMetrics")):
        return None
    moment = described.get("Timestamp", time_ms)
    return moment if is_integer(moment) else None


def samples_of(message: str, moment: int) -> Iterator[Sample]:
    """Every metric in every set of dimensions; what is malformed is left out, as CloudWatch does silently."""
    event = orjson.loads(message)
    for directive in _maps(event["_aws"]["CloudWatchMetrics"]):
        namespace = directive.get("Namespace")
        if isinstance(namespace, str) and namespace:
            yield from _directed(event, directive, namespace, moment)


def _directed(
    event: dict[str, Any], directive: dict[str, Any], namespace: str, moment: int
) -> Iterator[Sample]:
    sets = list(_dimension_sets(event, directive.get("Dimensions", [[]])))
    for metric in _maps(directive.get("Metrics"))[:MAX_DIRECTIVE_METRICS]:
        name, unit = metric.get("Name"), metric.get("Unit", "None")
        told = measured(event.get(name)) if isinstance(name, str) and name else None
        if told is not None and isinstance(unit, str):
            for dimensions in sets:
                yield Sample(namespace, str(name), dimensions, moment, unit or "None", *told)


def _dimension_sets(event: dict[str, Any], sets: object) -> Iterator[Dimensions]:
    """A set counts only if the event has a text for each of its names."""
    for names in sets if isinstance(sets, list) else []:
        if not isinstance(names, list) or len(names) > MAX_DIMENSIONS:
            continue
        values = [(name, event.get(name)) for name in names if isinstance(name, str)]
        if len(values) == len(names) and all(isinstance(value, str) and value for _, value in values):
            yield tuple(sorted((name, str(value)) for name, value in values))


Told = tuple[tuple[float, ...], tuple[float, ...], float, float, float]


def measured(value: object) -> Told | None:
    """A number, a list of numbers, values with counts, or a statistic set."""
    if is_number(value):
        value = [value]
    if isinstance(value, list):
        return valued(value, [1.0] * len(value))
    if not isinstance(value, dict):
        return None
    if "Values" in value:
        values = value["Values"]
        counts = value.get("Counts", [1.0] * len(values) if isinstance(values, list) else None)
        return valued(values, counts)
    return summed(*(value.get(name) for name in ("Count", "Sum", "Min", "Max")))


def valued(values: object, counts: object) -> Told | None:
    numbers, weights = _numbers(values), _numbers(counts)
    if not numbers or len(numbers) != len(weights) or min(weights) < 0:
        return None
    total = math.fsum(value * count for value, count in zip(numbers, weights, strict=True))
    return numbers, weights, total, min(numbers), max(numbers)


def summed(count: object, total: object, least: object, most: object) -> Told | None:
    """Some writers give no least and most: then the mean stands for both."""
    if not is_number(count) or not is_number(total) or count <= 0:
        return None
    mean = total / count
    low, high = (float(edge) if is_number(edge) else mean for edge in (least, most))
    return (), (float(count),), float(total), low, high


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _numbers(values: object) -> tuple[float, ...]:
    """All of them, or none if one of them is no number."""
    if not isinstance(values, list) or not all(is_number(value) for value in values):
        return ()
    return tuple(float(value) for value in values)


def _maps(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
