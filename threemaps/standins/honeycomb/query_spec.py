"""A query as somebody sent it, checked field by field in Honeycomb's terms."""

import math
from dataclasses import dataclass
from typing import Any

from threemaps.standins.honeycomb.checks import integer
from threemaps.standins.honeycomb.exceptions import invalid

PERCENTILES = {
    "P001": 0.001,
    "P01": 0.01,
    "P05": 0.05,
    "P10": 0.1,
    "P20": 0.2,
    "P25": 0.25,
    "P50": 0.5,
    "P75": 0.75,
    "P80": 0.8,
    "P90": 0.9,
    "P95": 0.95,
    "P99": 0.99,
    "P999": 0.999,
}
OPS = ("COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX", "HEATMAP", *PERCENTILES)
NOT_LOCAL = ("CONCURRENCY", "RATE_AVG", "RATE_SUM", "RATE_MAX")
COMPARISONS = ("=", "!=", ">", ">=", "<", "<=")
TEXT_OPS = (
    "starts-with",
    "does-not-start-with",
    "ends-with",
    "does-not-end-with",
    "contains",
    "does-not-contain",
)
FILTER_OPS = (*COMPARISONS, *TEXT_OPS, "exists", "does-not-exist", "in", "not-in")

DEFAULT_LIMIT, LARGEST_LIMIT = 100, 1_000
DEFAULT_RANGE = 7_200
LARGEST_LIST = 100
RELATIONS = ("root", "parent", "child", "any", "any2", "any3", "none")


def related(name: str) -> tuple[str, str]:
    """A field's relation, or "" where it is the span's own, and its name there."""
    relation, _, own = name.partition(".")
    return (relation, own) if own and relation in RELATIONS else ("", name)


@dataclass(frozen=True, slots=True)
class Calculation:
    op: str
    column: str | None

    @property
    def label(self) -> str:
        return self.op if self.column is None else f"{self.op}({self.column})"


@dataclass(frozen=True, slots=True)
class Filter:
    column: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Order:
    label: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Having:
    label: str
    op: str
    value: float


@dataclass(frozen=True, slots=True)
class Query:
    breakdowns: tuple[str, ...]
    calculations: tuple[Calculation, ...]
    filters: tuple[Filter, ...]
    any_filter: bool
    orders: tuple[Order, ...]
    havings: tuple[Having, ...]
    limit: int | None
    granularity: int | None
    start_time: int | None
    end_time: int | None
    time_range: int | None

    @property
    def is_relational(self) -> bool:
        names = (*self.breakdowns, *(one.column for one in self.filters))
        return any(related(name)[0] for name in names)


def parse_query(body: dict[str, Any]) -> Query:
    for name in ("calculated_fields", "compare_time_offset_seconds", "formulas"):
        if body.get(name):
            raise invalid(name, "is not answered by this local stand-in")
    breakdowns = tuple(
        _breakdown(item, f"breakdowns[{index}]") for index, item in enumerate(_items(body, "breakdowns"))
    )
    calculations = _objects(body, "calculations", _calculation) or (Calculation("COUNT", None),)
    labels = {*breakdowns, *(calculation.label for calculation in calculations)}
    combination = body.get("filter_combination") or "AND"
    if combination not in ("AND", "OR"):
        raise invalid("filter_combination", f"{combination!r} is neither AND nor OR")
    query = Query(
        breakdowns=tuple(dict.fromkeys(breakdowns)),
        calculations=tuple(dict.fromkeys(calculations)),
        filters=_objects(body, "filters", _filter),
        any_filter=combination == "OR",
        orders=_objects(body, "orders", lambda item, where: _order(item, where, labels)),
        havings=_objects(body, "havings", lambda item, where: _having(item, where, labels)),
        limit=integer(body, "limit", least=1, most=LARGEST_LIMIT),
        granularity=integer(body, "granularity", least=1),
        start_time=integer(body, "start_time", least=1),
        end_time=integer(body, "end_time", least=1),
        time_range=integer(body, "time_range", least=1),
    )
    _check_times(query)
    if query.is_relational and query.any_filter:
        raise invalid("filter_combination", "relational fields go with AND only")
    return query


def _check_times(query: Query) -> None:
    if query.start_time is not None and query.end_time is not None:
        if query.time_range is not None:
            raise invalid("time_range", "goes with start_time or end_time, not with both")
        if query.start_time > query.end_time:
            raise invalid("start_time", f"{query.start_time} is after end_time {query.end_time}")
        length = query.end_time - query.start_time
    else:
        length = query.time_range or DEFAULT_RANGE
    if query.granularity is not None and not length / 1000 <= query.granularity <= max(length, 1):
        raise invalid("granularity", f"{query.granularity} is not between {length / 1000:g} and {length}")


def _items(body: dict[str, Any], name: str) -> list[Any]:
    items = body.get(name)
    if items is None:
        return []
    if not isinstance(items, list):
        raise invalid(name, "must be a list", "incorrect_type")
    if len(items) > LARGEST_LIST:
        raise invalid(name, f"has {len(items)} items, more than {LARGEST_LIST}")
    return items


def _objects(body: dict[str, Any], name: str, parse: Any) -> tuple[Any, ...]:
    found = []
    for index, item in enumerate(_items(body, name)):
        where = f"{name}[{index}]"
        if not isinstance(item, dict):
            raise invalid(where, "must be an object", "incorrect_type")
        found.append(parse(item, where))
    return tuple(found)


def _column(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value or len(value) > 255:
        raise invalid(where, "must be the name of a column, of 1 to 255 characters", "incorrect_type")
    return value


def _breakdown(value: Any, where: str) -> str:
    name = _column(value, where)
    if related(name)[0] == "none":
        raise invalid(where, "what no span of the trace has is nothing to group by")
    return name


def _own_column(value: Any, where: str) -> str:
    """Of the span itself: relational fields stand in breakdowns and filters only."""
    name = _column(value, where)
    if related(name)[0]:
        raise invalid(where, f"relational fields are not supported here: {name[:64]!r}")
    return name


def _calculation(item: dict[str, Any], where: str, name: str = "op") -> Calculation:
    op, column = item.get(name), item.get("column")
    if op in NOT_LOCAL:
        raise invalid(f"{where}.{name}", f"{op} is not answered by this local stand-in")
    if op not in OPS:
        raise invalid(f"{where}.{name}", f"{str(op)[:64]!r} is no operation: use one of {', '.join(OPS)}")
    if item.get("filters"):
        raise invalid(f"{where}.filters", "is not answered by this local stand-in")
    if op == "COUNT":
        return Calculation(op, None)
    return Calculation(op, _own_column(column, f"{where}.column"))


def _filter(item: dict[str, Any], where: str) -> Filter:
    op, value = item.get("op"), item.get("value")
    if op not in FILTER_OPS:
        raise invalid(f"{where}.op", f"{str(op)[:64]!r} is no filter: use one of {', '.join(FILTER_OPS)}")
    column = _column(item.get("column"), f"{where}.column")
    if op in ("in", "not-in"):
        values = value if isinstance(value, list) else [value]
        if not values or not all(_is_scalar(inner) for inner in values):
            raise invalid(f"{where}.value", f"{op} takes a list of values", "incorrect_type")
        return Filter(column, op, values)
    if op not in ("exists", "does-not-exist") and not _is_scalar(value):
        raise invalid(f"{where}.value", f"{op} takes a text, a number or a boolean", "incorrect_type")
    return Filter(column, op, value)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool))


def _order(item: dict[str, Any], where: str, labels: set[str]) -> Order:
    direction = item.get("order") or "ascending"
    if direction not in ("ascending", "descending"):
        raise invalid(f"{where}.order", f"{str(direction)[:64]!r} is neither ascending nor descending")
    if item.get("op"):
        label = _calculation(item, where).label
    else:
        label = _column(item.get("column"), f"{where}.column")
    if label not in labels or label.startswith("HEATMAP("):
        raise invalid(where, f"{label} is in neither breakdowns nor calculations that have an order")
    return Order(label, direction == "descending")


def _having(item: dict[str, Any], where: str, labels: set[str]) -> Having:
    label = _calculation(item, where, "calculate_op").label
    op, value = item.get("op"), item.get("value", 10)
    if label not in labels or label.startswith("HEATMAP("):
        raise invalid(f"{where}.calculate_op", f"{label} is not among the calculations")
    if op not in COMPARISONS:
        raise invalid(
            f"{where}.op", f"{str(op)[:64]!r} is no comparison: use one of {', '.join(COMPARISONS)}"
        )
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise invalid(f"{where}.value", "must be a number", "incorrect_type")
    return Having(label, op, float(value))
