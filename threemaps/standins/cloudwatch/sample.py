"""What was measured of one metric at one moment."""

import math
from dataclasses import dataclass

MAX_DIMENSIONS = 30

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was reported of one metric at one moment: values with counts, or only what they add up to."""

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


Told = tuple[tuple[float, ...], tuple[float, ...], float, float, float]


def valued(values: object, counts: object) -> Told | None:
    numbers, weights = _numbers(values), _numbers(counts)
    if not numbers or len(numbers) != len(weights) or min(weights) < 0:
        return None
    total = math.fsum(value * count for value, count in zip(numbers, weights, strict=True))
    return numbers, weights, total, min(numbers), max(numbers)


def summed(count: object, total: object, least: object, most: object) -> Told | None:
    """A statistic set."""
    numbers = _numbers([count, total, least, most])
    if not numbers or numbers[0] <= 0:
        return None
    return (), numbers[:1], numbers[1], numbers[2], numbers[3]


def _numbers(values: object) -> tuple[float, ...]:
    """All of them, or none if one of them is no number."""
    if not isinstance(values, list) or not all(map(_is_number, values)):
        return ()
    return tuple(float(value) for value in values)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
