"""The command `stats`: figures of groups of records, and what is reckoned from them.

`stats sum(ms) / count(*) as mean, max(ms) as most, most - mean as above by service`
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from threemaps.standins.cloudwatch.insights.expressions import Expression, Expressions, Named
from threemaps.standins.cloudwatch.insights.functions import AGGREGATES, Aggregate, Value, percentile
from threemaps.standins.cloudwatch.insights.scanner import NUMBER, Scanner
from threemaps.standins.cloudwatch.insights.values import Record

# What AWS's own guides call pct.
PERCENTILES = ("pct", "percentile")
AGGREGATE = re.compile(rf"({'|'.join((*AGGREGATES, *PERCENTILES))})\s*\(", re.IGNORECASE)


class Figure(NamedTuple):
    """One aggregate function over the records of a group; `name` is the call as it was written."""

    name: str
    argument: Expression
    aggregate: Aggregate

    def of(self, record: Record) -> Value:
        return record.fields.get(self.name)


class Stats:
    """`columns` are those of the results, the groups first; `taken` counts the records that went in."""

    def __init__(self, scanner: Scanner, expressions: Expressions) -> None:
        self._scanner = scanner
        self._expressions = expressions
        self.taken = 0
        self._figures: list[Figure] = []
        self._measures: list[Named] = []
        scanner.listed(self._read_measure)
        self._groups = scanner.listed(expressions.named) if scanner.keyword("by") else []
        self.columns = [name for name, _ in (*self._groups, *self._measures)]

    def _read_measure(self) -> None:
        """An expression in which fields stand inside aggregates; outside there are names given before."""
        start, before = self._scanner.position, len(self._figures)
        with self._expressions.aggregating(self._aggregate) as outside:
            named = self._expressions.named()
        known = {name for name, _ in self._measures}
        if not set(outside) <= known or not (outside or len(self._figures) > before):
            self._scanner.position = start
            self._scanner.fail(f"one of {', '.join(AGGREGATES)}, pct is expected")
        self._measures.append(named)

    def _aggregate(self) -> Expression | None:
        figure = read_figure(self._scanner, self._expressions)
        if figure is None:
            return None
        self._figures.append(figure)
        return figure.of

    def run(self, records: Iterable[Record]) -> Iterator[Record]:
        """One record a group. Without groups there is one, even of nothing."""
        columns: dict[tuple[Value, ...], list[list[Value]]] = {}
        if not self._groups:
            columns[()] = [[] for _ in self._figures]
        for record in records:
            self.taken += 1
            key = tuple(expression(record) for _, expression in self._groups)
            values = columns.setdefault(key, [[] for _ in self._figures])
            for column, figure in zip(values, self._figures, strict=True):
                column.append(figure.argument(record))
        for key, values in columns.items():
            yield self._figured(key, values)

    def _figured(self, key: tuple[Value, ...], values: list[list[Value]]) -> Record:
        fields = {name: part for (name, _), part in zip(self._groups, key, strict=True)}
        for column, figure in zip(values, self._figures, strict=True):
            fields[figure.name] = figure.aggregate(column)
        record = Record(None, fields)
        for name, expression in self._measures:
            fields[name] = expression(record)
        record.fields = {name: value for name, value in fields.items() if value is not None}
        return record


def read_figure(scanner: Scanner, expressions: Expressions) -> Figure | None:
    """`sum(ms)`, if that is what comes next."""
    start = scanner.position
    match = scanner.take(AGGREGATE)
    if match is None:
        return None
    function = match[1].lower()
    if function == "count" and (scanner.symbol("*") or scanner.sees(")")):
        argument: Expression = _one
    else:
        argument = expressions.parse()
    aggregate = _percentile(scanner) if function in PERCENTILES else AGGREGATES[function]
    scanner.expect(")")
    return Figure(scanner.since(start), argument, aggregate)


def _one(_: Record) -> int:
    return 1


def _percentile(scanner: Scanner) -> Aggregate:
    scanner.expect(",")
    match = scanner.take(NUMBER)
    if match is None or not 0 <= float(match.group()) <= 100:
        scanner.fail("a percentage from 0 to 100 is expected")
    return percentile(float(match.group()))
