"""A query: commands between pipes, each a step from records to records."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from threemaps.standins.cloudwatch.insights.expressions import Expression, Expressions, Named, truth
from threemaps.standins.cloudwatch.insights.scanner import Scanner
from threemaps.standins.cloudwatch.insights.stats import Stats, read_figure
from threemaps.standins.cloudwatch.insights.values import Record, order_key, text

Step = Callable[[Iterable[Record]], Iterable[Record]]

MOST, WITHOUT_A_LIMIT = 100_000, 10_000
WHOLE = re.compile(r"\d{1,9}", re.ASCII)
DEFAULT_COLUMNS = ("@timestamp", "@message")


class Query:
    """`steps` in their order, and the `columns` that the results have, None if all of a record's own."""

    def __init__(self, source: str, limit: int | None) -> None:
        self._scanner = Scanner(source)
        self._expressions = Expressions(self._scanner)
        self._steps: list[Step] = []
        self._fields: list[str] = []
        self._shown: list[str] = []
        self._stats: list[Stats] = []
        self._limit = limit
        self._most = limit or WITHOUT_A_LIMIT
        self._read()

    def run(self, records: Iterable[Record]) -> list[Record]:
        for step in self._steps:
            records = step(records)
        return list(islice(records, self._limit or self._most))

    def matched(self, found: int) -> int:
        """How many records stand behind the `found` results."""
        return self._stats[0].taken if self._stats else found

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

    def _read_fields(self) -> None:
        named = self._scanner.listed(self._expressions.named)
        self._fields += [name for name, _ in named if name not in self._fields]
        self._steps.append(lambda records: (_with(record, named) for record in records))

    def _read_display(self) -> None:
        self._shown = self._scanner.listed(self._scanner.name)

    def _read_filter(self) -> None:
        test = self._expressions.parse()
        self._steps.append(lambda records: (record for record in records if truth(test(record))))

    def _read_limit(self) -> None:
        match = self._scanner.take(WHOLE)
        if match is None or not 1 <= int(match.group()) <= MOST:
            self._scanner.fail(f"a number from 1 to {MOST} is expected")
        count = int(match.group())
        self._most = max(self._most, count)
        self._steps.append(lambda records: islice(records, count))

    def _read_sort(self) -> None:
        self._scanner.keyword("by")
        keys = self._scanner.listed(self._sort_key)

        self._steps.append(lambda records: _ordered(records, keys, self._most))

    def _sort_key(self) -> tuple[Expression, bool]:
        start = self._scanner.position
        with self._expressions.aggregating(self._made_by_stats):
            expression = self._expressions.parse()
        name = self._scanner.since(start)

        def key(record: Record) -> Any:
            return record.fields[name] if name in record.fields else expression(record)

        return key, self._scanner.keyword("asc", "desc") == "desc"

    def _made_by_stats(self) -> Expression | None:
        """`sort count(*)` names what stats made."""
        figure = read_figure(self._scanner, self._expressions)
        return None if figure is None else figure.of

    def _read_dedup(self) -> None:
        names = self._scanner.listed(self._scanner.name)

        def first_ones(records: Iterable[Record]) -> Iterator[Record]:
            seen: set[tuple[Any, ...]] = set()
            for record in records:
                mark = tuple(record.get(name) for name in names)
                # What is missing is no duplicate of anything.
                if None in mark or mark not in seen:
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
        names = (
            self._scanner.listed(self._scanner.name)
            if self._scanner.keyword("as")
            else list(regex.groupindex)
        )
        if not names or len(names) != regex.groups:
            self._scanner.fail(f"the pattern has {regex.groups} parts, and {len(names)} names")
        self._steps.append(lambda records: (_parsed(record, field, regex, names) for record in records))

    def _read_stats(self) -> None:
        stats = Stats(self._scanner, self._expressions)
        self._fields, self._shown = stats.columns, []
        self._stats.append(stats)
        self._steps.append(stats.run)


def _ordered(records: Iterable[Record], keys: list[tuple[Expression, bool]], most: int) -> list[Record]:
    """The first of the order, as many as a query can give; the rest is dropped on the way, to save memory."""
    found: list[Record] = []
    remaining = iter(records)
    while portion := list(islice(remaining, most)):
        found += portion
        for expression, descending in reversed(keys):
            found.sort(key=_key(expression), reverse=descending)
        del found[most:]
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
