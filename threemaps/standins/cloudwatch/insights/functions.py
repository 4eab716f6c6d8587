"""The functions of Logs Insights, on single values and on groups of records."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from threemaps.standins.cloudwatch.insights.values import Moment, number, order_key, text

Value = Any


def numeric(function: Callable[..., float]) -> Callable[..., Value]:
    """No number in, or no number out: no value."""

    def call(*values: Value) -> Value:
        numbers = [number(value) for value in values]
        if not numbers or None in numbers:
            return None
        try:
            result = function(*numbers)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None
        return result if not isinstance(result, complex) else None

    return call


def textual(function: Callable[..., Value]) -> Callable[..., Value]:
    def call(*values: Value) -> Value:
        return None if not values or None in values else function(*map(text, values))

    return call


def _substring(value: str, start: str, length: str | None = None) -> str | None:
    first, size = number(start), number(length) if length is not None else len(value)
    if first is None or size is None:
        return None
    return value[max(0, int(first)) :][: max(0, int(size))]


def _floor(moment: Value, period: Value) -> Value:
    at = number(moment)
    return Moment(at - at % period) if at is not None else None


def _ceiling(moment: Value, period: Value) -> Value:
    at = number(moment)
    return Moment(math.ceil(at / period) * period) if at is not None else None


def _as_moment(value: Value) -> Value:
    at = number(value)
    return Moment(at) if at is not None else None


def _whole(value: Value) -> Value:
    at = number(value)
    return int(at) if at is not None else None


# name → (function, least number of arguments, most)
FUNCTIONS: dict[str, tuple[Callable[..., Value], int, int]] = {
    "abs": (numeric(abs), 1, 1),
    "ceil": (numeric(math.ceil), 1, 1),
    "floor": (numeric(math.floor), 1, 1),
    "greatest": (numeric(max), 1, 20),
    "least": (numeric(min), 1, 20),
    "log": (numeric(math.log), 1, 1),
    "sqrt": (numeric(math.sqrt), 1, 1),
    "datefloor": (_floor, 2, 2),
    "dateceil": (_ceiling, 2, 2),
    "frommillis": (_as_moment, 1, 1),
    "tomillis": (_whole, 1, 1),
    "ispresent": (lambda value: int(value is not None), 1, 1),
    "isempty": (lambda value: int(value is None or value == ""), 1, 1),
    "isblank": (lambda value: int(value is None or not text(value).strip()), 1, 1),
    "coalesce": (lambda *values: next((value for value in values if value is not None), None), 1, 20),
    "concat": (lambda *values: "".join(text(value) for value in values if value is not None), 1, 20),
    "strlen": (textual(len), 1, 1),
    "toupper": (textual(str.upper), 1, 1),
    "tolower": (textual(str.lower), 1, 1),
    "trim": (textual(str.strip), 1, 2),
    "ltrim": (textual(str.lstrip), 1, 2),
    "rtrim": (textual(str.rstrip), 1, 2),
    "replace": (textual(str.replace), 3, 3),
    "strcontains": (textual(lambda value, part: int(part in value)), 2, 2),
    "substr": (textual(_substring), 2, 3),
}

Aggregate = Callable[[Sequence[Value]], Value]


def _numbers(values: Sequence[Value]) -> list[float]:
    return [found for value in values if (found := number(value)) is not None]


def _sum(values: Sequence[Value]) -> Value:
    numbers = _numbers(values)
    whole = all(isinstance(value, int) for value in numbers)
    return sum(numbers) if whole else math.fsum(numbers)


def _average(values: Sequence[Value]) -> Value:
    numbers = _numbers(values)
    return math.fsum(numbers) / len(numbers) if numbers else None


def _deviation(values: Sequence[Value]) -> Value:
    numbers, mean = _numbers(values), _average(values)
    if mean is None:
        return None
    return math.sqrt(math.fsum((value - mean) ** 2 for value in numbers) / len(numbers))


def percentile(percent: float) -> Aggregate:
    """The least value that so many percent do not exceed."""

    def of(values: Sequence[Value]) -> Value:
        numbers = sorted(_numbers(values))
        return numbers[max(0, math.ceil(len(numbers) * percent / 100) - 1)] if numbers else None

    return of


def _present(values: Sequence[Value]) -> list[Value]:
    return [value for value in values if value is not None]


def _extreme(choose: Callable[..., Value], prefer: Callable[..., list[Value]] = _present) -> Aggregate:
    return lambda values: choose(prefer(values) or _present(values), key=order_key, default=None)


# The records come newest first.
AGGREGATES: dict[str, Aggregate] = {
    "count": lambda values: sum(value is not None for value in values),
    "count_distinct": lambda values: len({text(value) for value in values if value is not None}),
    "sum": _sum,
    "avg": _average,
    "min": _extreme(min, prefer=_numbers),
    "max": _extreme(max, prefer=_numbers),
    "stddev": _deviation,
    "median": percentile(50),
    "sortsfirst": _extreme(min),
    "sortslast": _extreme(max),
    "latest": lambda values: next((value for value in values if value is not None), None),
    "earliest": lambda values: next((value for value in reversed(values) if value is not None), None),
}
