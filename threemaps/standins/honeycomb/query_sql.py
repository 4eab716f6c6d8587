"""A checked query → SQL over the events of a window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from threemaps.standins.honeycomb.fields import Field, field
from threemaps.standins.honeycomb.query_spec import PERCENTILES, Calculation, Filter, Query, related
from threemaps.standins.honeycomb.relations import earliest, joins, no_span, place_of, relatives

HEATMAP_BUCKETS = 50
# A heatmap counts pairs of a bucket and a sample rate; the rate is below this.
BUCKET = 2**32


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with its parameters, which are all named."""

    sql: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scale:
    """The buckets that one heatmap's cells share."""

    low: float
    width: float


class Plan:
    """The parts that a query's statements have in common.

    `is_sampled` where events stand for more than one: their percentiles take longer to find.
    """

    is_sampled = False

    def __init__(self, query: Query, dataset: str | None, start: int, end: int) -> None:
        self.query = query
        self.breakdowns = [_field(name) for name in query.breakdowns]
        self.parameters: dict[str, Any] = {"start": start, "end": end}
        if dataset is not None:
            self.parameters["dataset"] = dataset
        self._picked = self._pick()

    def _pick(self) -> str:
        """The events asked for, with just the values needed; a span that came more than once is here once."""
        columns = ["e.time", "e.sample_rate"]
        columns += [f"{breakdown.value} AS b{index}" for index, breakdown in enumerate(self.breakdowns)]
        columns += [
            f"{_input(calculation)} AS v{index}"
            for index, calculation in enumerate(self.query.calculations)
            if calculation.column is not None
        ]
        # What all datasets hold together is events: metrics have a dataset of their own.
        wide = " AND r.signal IS DISTINCT FROM 'metric'"
        scope = " AND r.dataset = $dataset" if "dataset" in self.parameters else wide
        names = [*self.query.breakdowns, *(each.column for each in self.query.filters)]
        relations = sorted({related(name)[0] for name in names} - {""})
        return f"""
WITH {relatives() if relations else ""} picked AS (
    SELECT DISTINCT ON (
        e.trace_id, coalesce(e.span_id, e.parent_id), e.kind, e.part,
        CASE WHEN e.part IS NULL THEN e.rowid END
    ) {", ".join(columns)}
    FROM events e JOIN resources r ON r.id = e.resource {joins(relations)}
    WHERE e.time >= $start AND e.time < $end{scope} AND {self._condition()} {earliest(relations)}
)"""

    def _condition(self) -> str:
        found = [(each, self._filter(f"f{index}", each)) for index, each in enumerate(self.query.filters)]
        absent = [sql for each, sql in found if related(each.column)[0] == "none"]
        conditions = [sql for each, sql in found if related(each.column)[0] != "none"]
        if absent:
            conditions.append(no_span(absent))
        if not conditions:
            return "true"
        return "(" + (" OR " if self.query.any_filter else " AND ").join(conditions) + ")"

    def _filter(self, name: str, condition: Filter) -> str:
        column = _field(condition.column)
        if condition.op == "exists":
            return f"{column.text} IS NOT NULL"
        if condition.op == "does-not-exist":
            return f"{column.text} IS NULL"
        if condition.op in ("in", "not-in"):
            self.parameters[name] = [_as_text(value) for value in condition.value]
            found = f"coalesce(list_contains(${name}, {column.text}), false)"
            return found if condition.op == "in" else f"NOT {found}"
        if condition.op in _TEXT_FUNCTIONS:
            self.parameters[name] = _as_text(condition.value)
            function, negated = _TEXT_FUNCTIONS[condition.op]
            found = f"coalesce({function}({column.text}, ${name}), false)"
            return f"NOT {found}" if negated else found
        return self._comparison(name, condition)

    def _comparison(self, name: str, condition: Filter) -> str:
        column, value = _field(condition.column), condition.value
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        self.parameters[name] = float(value) if is_number else _as_text(value)
        side = column.number if is_number else column.text
        if condition.op == "!=":
            return f"{side} IS DISTINCT FROM ${name}"
        return f"{side} {condition.op} ${name}"

    def groups(self, limit: int, scales: Sequence[Scale | None]) -> Statement:
        """One row a group: its breakdowns, then its calculations."""
        names = self._names("b", len(self.breakdowns))
        selected = ", ".join([*names, *self._aggregates(scales)])
        grouping = f"GROUP BY {', '.join(names)}" if names else ""
        return self._statement(
            f"SELECT * FROM (SELECT {selected} FROM {self._source(names)} {grouping}) AS groups"
            f"{self._havings()} ORDER BY {self._orders()} LIMIT {limit}"
        )

    def series(self, step: int, scales: Sequence[Scale | None]) -> Statement:
        """One row a time step and group; steps begin where the window begins."""
        names = self._names("b", len(self.breakdowns))
        moment = f"$start + (time - $start) // {step} * {step}"
        selected = ", ".join([f"{moment} AS moment", *names, *self._aggregates(scales)])
        source = self._source([moment, *names])
        order = ", ".join(["moment", *names])
        return self._statement(f"SELECT {selected} FROM {source} GROUP BY ALL ORDER BY {order}")

    def totals(self, scales: Sequence[Scale | None]) -> Statement:
        return self._statement(f"SELECT {', '.join(self._aggregates(scales))} FROM {self._source([])}")

    def largest_rate(self) -> Statement:
        window = {name: self.parameters[name] for name in ("start", "end")}
        return Statement("SELECT max(sample_rate) FROM events WHERE time >= $start AND time < $end", window)

    def _source(self, group: Sequence[str]) -> str:
        """What is picked; beside each value of a percentile how many events it and all below it stand for."""
        ranked = [
            _ranked(f"v{index}", group)
            for index, each in enumerate(self.query.calculations)
            if self.is_sampled and each.op in PERCENTILES
        ]
        return f"(SELECT *, {', '.join(ranked)} FROM picked)" if ranked else "picked"

    def ranges(self) -> Statement:
        """The smallest and largest value under each calculation, for the heatmaps' scales."""
        columns = [
            f"min(v{index}), max(v{index})" if calculation.op == "HEATMAP" else "NULL, NULL"
            for index, calculation in enumerate(self.query.calculations)
        ]
        return self._statement(f"SELECT {', '.join(columns)} FROM picked")

    def _statement(self, sql: str) -> Statement:
        return Statement(f"{self._picked}\n{sql}", self.parameters)

    @staticmethod
    def _names(letter: str, count: int) -> list[str]:
        return [f"{letter}{index}" for index in range(count)]

    def _aggregates(self, scales: Sequence[Scale | None]) -> list[str]:
        pairs = enumerate(zip(self.query.calculations, scales, strict=True))
        return [
            f"{_aggregate(each, f'v{index}', scale, self.is_sampled)} AS a{index}"
            for index, (each, scale) in pairs
        ]

    def _position(self, label: str) -> str:
        if label in self.query.breakdowns:
            return f"b{self.query.breakdowns.index(label)}"
        return f"a{[each.label for each in self.query.calculations].index(label)}"

    def _havings(self) -> str:
        parts = [f"{self._position(each.label)} {each.op} {each.value!r}" for each in self.query.havings]
        return " WHERE " + " AND ".join(parts) if parts else ""

    def _orders(self) -> str:
        """As asked for; else the first calculation, largest first. Ties go by the breakdowns."""
        parts = [
            f"{self._position(order.label)} {'DESC' if order.descending else 'ASC'} NULLS LAST"
            for order in self.query.orders
        ]
        if not parts and self.query.calculations[0].op != "HEATMAP":
            parts = ["a0 DESC NULLS LAST"]
        return ", ".join([*parts, *self._names("b", len(self.breakdowns))]) or "1"


_TEXT_FUNCTIONS = {
    "starts-with": ("starts_with", False),
    "does-not-start-with": ("starts_with", True),
    "ends-with": ("ends_with", False),
    "does-not-end-with": ("ends_with", True),
    "contains": ("contains", False),
    "does-not-contain": ("contains", True),
}


def _field(name: str) -> Field:
    """A field of the event, or of a relative of it."""
    relation, own = related(name)
    return field(own, place_of(relation)) if relation else field(own)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _input(calculation: Calculation) -> str:
    column = field(calculation.column or "")
    if calculation.op == "COUNT_DISTINCT":
        return column.text
    return f"CASE WHEN isfinite({column.number}) THEN {column.number} END"


def _aggregate(calculation: Calculation, value: str, scale: Scale | None, is_sampled: bool) -> str:
    """All but distinct values and extremes weigh an event by its sample rate, as Honeycomb does."""
    if calculation.op == "COUNT":
        return "CAST(coalesce(sum(sample_rate), 0) AS BIGINT)"
    if calculation.op == "COUNT_DISTINCT":
        return f"count(DISTINCT {value})"
    if calculation.op == "SUM":
        return f"sum({value} * sample_rate)"
    if calculation.op == "AVG":
        return f"sum({value} * sample_rate) / sum(sample_rate) FILTER ({value} IS NOT NULL)"
    if calculation.op in ("MIN", "MAX"):
        return f"{calculation.op.lower()}({value})"
    if calculation.op == "HEATMAP":
        return "any_value(NULL)" if scale is None else f"histogram({_bucket(value, scale)})"
    share = PERCENTILES[calculation.op]
    return _weighted_percentile(value, share) if is_sampled else f"quantile_cont({value}, {share})"


def _ranked(value: str, group: Sequence[str]) -> str:
    weight = f"sum(CASE WHEN {value} IS NOT NULL THEN sample_rate ELSE 0 END)"
    partition = f"PARTITION BY {', '.join(group)}" if group else ""
    return (
        f"{weight} OVER ({partition} ORDER BY {value} NULLS LAST) AS {value}_rank, "
        f"{weight} OVER ({partition}) AS {value}_total"
    )


def _weighted_percentile(value: str, share: float) -> str:
    """What quantile_cont would say if every event were there as often as it counts."""
    place = f"({share} * ({value}_total - 1))"
    below = f"min({value}) FILTER ({value}_rank > floor{place})"
    above = f"min({value}) FILTER ({value}_rank > ceil{place})"
    return f"{below} + ({above} - {below}) * max({place} - floor{place})"


def _bucket(value: str, scale: Scale) -> str:
    # Divided first: the difference of two large numbers may not be one.
    position = f"TRY_CAST(floor({value} / {scale.width!r} - {scale.low / scale.width!r}) AS INTEGER)"
    bucket = f"least(greatest({position}, 0), {HEATMAP_BUCKETS - 1})"
    return f"CASE WHEN {value} IS NOT NULL THEN {bucket} * {BUCKET} + sample_rate END"
