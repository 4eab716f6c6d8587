"""A query: commands between pipes, each a step from records to records."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from threemaps.standins.cloudwatch.insights.expressions import Expression, Expressions, truth
from threemaps.standins.cloudwatch.insights.functions import AGGREGATES, Aggregate, percentile
from threemaps.standins.cloudwatch.insights.scanner import NUMBER, Scanner
from threemaps.standins.cloudwatch.insights.values import Record, order_key, text

Step = Callable[[Iterable[Record]], Iterable[Record]]
Named = tuple[str, Expression]
Measure = tuple[str, Expression, Aggregate]

MOST = 10_000
WHOLE = re.compile(r"\d{1,9}", re.ASCII)
AGGREGATE = re.compile(r"(count_distinct|count|sum|avg|min|max|stddev|median|latest|earliest|pct)\s*\(", re.I)
DEFAULT_COLUMNS = ("@timestamp", "@message")


class Query:
    """`steps` in their order, and the `columns` that the results have, None if all of a record's own."""

    def __init__(self, source: str, limit: int | None) -> None:
        self._scanner = Scanner(source)
        self._expressions = Expressions(self._scanner)
        self._steps: list[Step] = []
        self._fields: list[str] = []
        self._shown: list[str] = []
        self._limit = limit or MOST
        self._read()

    def run(self, records: Iterable[Record]) -> list[Record]:
        for step in self._steps:
            records = step(records)
        return list(islice(records, self._limit))

    def columns(self) -> list[str]:
        return self._shown or self._fields or list(DEFAULT_COLUMNS)

    def _read(self) -> None:
        if self._scanner.at_end():
            self._scanner.fail("a query is expected")
        commands = {
            "fields": self._read_fields,
            "display": self._read_display,
            "filter": self._read_filter,
            "stats": self._read_stats,
            "sort": self._read_sort,
            "limit": self._read_limit,
            "parse": self._read_parse,
            "dedup": self._read_dedup,
        }
        while True:
            name = self._scanner.keyword(*commands)
            if name is None:
                self._scanner.fail(f"one of {', '.join(commands)} is expected")
            commands[name]()
            if self._scanner.at_end():
                return
            self._scanner.expect("|")

    def _list(self, read: Callable[[], Any]) -> list[Any]:
        items = [read()]
        while self._scanner.symbol(","):
            items.append(read())
        return items

    def _named(self) -> Named:
        start = self._scanner.position
        expression = self._expressions.parse()
        name = self._scanner.since(start).strip("`")
        return (self._scanner.name() if self._scanner.keyword("as") else name), expression

    def _read_fields(self) -> None:
        named = self._list(self._named)
        self._fields += [name for name, _ in named if name not in self._fields]
        self._steps.append(lambda records: (_with(record, named) for record in records))

    def _read_display(self) -> None:
        self._shown = self._list(self._scanner.name)

    def _read_filter(self) -> None:
        test = self._expressions.parse()
        self._steps.append(lambda records: (record for record in records if truth(test(record))))

    def _read_limit(self) -> None:
        match = self._scanner.take(WHOLE)
        if match is None or not 1 <= int(match.group()) <= MOST:
            self._scanner.fail(f"a number from 1 to {MOST} is expected")
        count = int(match.group())
        self._steps.append(lambda records: islice(records, count))

    def _read_sort(self) -> None:
        keys = self._list(self._sort_key)

        self._steps.append(lambda records: _ordered(records, keys))

    def _sort_key(self) -> tuple[Expression, bool]:
        start = self._scanner.position
        if (aggregate := self._scanner.take(AGGREGATE)) is not None:
            # `sort count(*)` names the column that stats made.
            while self._scanner.symbol(")") is None and not self._scanner.at_end():
                self._scanner.position += 1
            name = self._scanner.since(start) or aggregate.group()
            expression: Expression = lambda record: record.get(name)  # noqa: E731
        else:
            expression = self._column_or_expression(start)
        return expression, self._scanner.keyword("asc", "desc") == "desc"

    def _column_or_expression(self, start: int) -> Expression:
        expression = self._expressions.parse()
        name = self._scanner.since(start)
        return lambda record: record.fields[name] if name in record.fields else expression(record)

    def _read_dedup(self) -> None:
        names = self._list(self._scanner.name)

        def first_ones(records: Iterable[Record]) -> Iterator[Record]:
            seen: set[tuple[Any, ...]] = set()
            for record in records:
                mark = tuple(record.get(name) for name in names)
                if mark not in seen:
                    seen.add(mark)
                    yield record

        self._steps.append(first_ones)

    def _read_parse(self) -> None:
        start = self._scanner.position
        field = "@message"
        if self._scanner.symbol('"', "'", "/"):
            self._scanner.position = start
        else:
            field = self._scanner.name()
        regex, glob = self._scanner.regex(), self._scanner.string()
        if regex is None:
            if glob is None:
                self._scanner.fail("a pattern is expected")
            regex = re.compile("(.*?)".join(re.escape(part) for part in glob.split("*")), re.DOTALL)
            if glob.endswith("*"):
                regex = re.compile(regex.pattern.removesuffix("(.*?)") + "(.*)", re.DOTALL)
        names = self._list(self._scanner.name) if self._scanner.keyword("as") else list(regex.groupindex)
        if not names or len(names) != regex.groups:
            self._scanner.fail(f"the pattern has {regex.groups} parts, and {len(names)} names")
        self._steps.append(lambda records: (_parsed(record, field, regex, names) for record in records))

    def _read_stats(self) -> None:
        measures: list[Measure] = self._list(self._measure)
        groups: list[Named] = self._list(self._named) if self._scanner.keyword("by") else []
        self._fields = [group[0] for group in groups] + [measure[0] for measure in measures]
        self._shown = []
        self._steps.append(lambda records: _grouped(records, groups, measures))

    def _measure(self) -> Measure:
        start = self._scanner.position
        match = self._scanner.take(AGGREGATE)
        if match is None:
            self._scanner.fail(f"one of {', '.join(AGGREGATES)}, pct is expected")
        function = match[1].lower()
        if function == "count" and (self._scanner.symbol("*") or self._scanner.symbol(")")):
            argument: Expression = lambda record: 1  # noqa: E731
            if not self._scanner.since(start).endswith(")"):
                self._scanner.expect(")")
            aggregate = AGGREGATES["count"]
        else:
            argument = self._expressions.parse()
            aggregate = self._percentile() if function == "pct" else AGGREGATES[function]
            self._scanner.expect(")")
        name = self._scanner.since(start)
        return (self._scanner.name() if self._scanner.keyword("as") else name), argument, aggregate

    def _percentile(self) -> Aggregate:
        self._scanner.expect(",")
        match = self._scanner.take(NUMBER)
        if match is None or not 0 <= float(match.group()) <= 100:
            self._scanner.fail("a percentage from 0 to 100 is expected")
        return percentile(float(match.group()))


def _ordered(records: Iterable[Record], keys: list[tuple[Expression, bool]]) -> list[Record]:
    """The first of the order, as many as a query can give; the rest is dropped on the way, to save memory."""
    found: list[Record] = []
    remaining = iter(records)
    while portion := list(islice(remaining, MOST)):
        found += portion
        for expression, descending in reversed(keys):
            found.sort(key=_key(expression), reverse=descending)
        del found[MOST:]
    return found


def _key(expression: Expression) -> Callable[[Record], Any]:
    return lambda record: order_key(expression(record))


def _with(record: Record, named: list[Named]) -> Record:
    for name, expression in named:
        value = expression(record)
        if value is not None:
            record.fields[name] = value
    return record


def _parsed(record: Record, field: str, regex: re.Pattern[str], names: list[str]) -> Record:
    value = record.get(field)
    match = regex.search(text(value)) if value is not None else None
    if match:
        found = zip(names, match.groups(), strict=True)
        record.fields.update((name, part) for name, part in found if part is not None)
    return record


def _grouped(records: Iterable[Record], groups: list[Named], measures: list[Measure]) -> Iterator[Record]:
    """One record a group. Without groups there is one, even of nothing."""
    columns: dict[tuple[Any, ...], list[list[Any]]] = {}
    if not groups:
        columns[()] = [[] for _ in measures]
    for record in records:
        key = tuple(expression(record) for _, expression in groups)
        values = columns.setdefault(key, [[] for _ in measures])
        for column, (_, argument, _) in zip(values, measures, strict=True):
            column.append(argument(record))
    for key, values in columns.items():
        fields = {name: part for (name, _), part in zip(groups, key, strict=True)}
        for column, (name, _, aggregate) in zip(values, measures, strict=True):
            fields[name] = aggregate(column)
        yield Record(None, {name: value for name, value in fields.items() if value is not None})
