"""Expressions: `a = 1 and not (b like /x/ or c in ["y"])`, arithmetic and functions."""

import math
import operator
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from threemaps.standins.cloudwatch.insights.functions import FUNCTIONS, numeric
from threemaps.standins.cloudwatch.insights.scanner import NUMBER, Scanner
from threemaps.standins.cloudwatch.insights.values import Record, number, text

Expression = Callable[[Record], Any]
Named = tuple[str, Expression]

MAX_DEPTH = 50
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": numeric(operator.add),
    "-": numeric(operator.sub),
    "*": numeric(operator.mul),
    "/": numeric(operator.truediv),
    "%": numeric(math.fmod),
    "^": numeric(math.pow),
}
LEVELS = (("+", "-"), ("*", "/", "%"), ("^",))
CALL = re.compile(r"([A-Za-z]\w*)\s*\(", re.ASCII)


class Expressions:
    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._depth = 0
        self._aggregate: Callable[[], Expression | None] | None = None
        self._names: list[str] = []

    @contextmanager
    def aggregating(self, aggregate: Callable[[], Expression | None]) -> Iterator[list[str]]:
        """In the block `aggregate` reads calls of aggregates; gives the names that stand outside of them."""
        self._aggregate, self._names = aggregate, []
        yield self._names
        self._aggregate = None

    def named(self) -> Named:
        """An expression with the name of its column: what is behind `as`, else how it was written."""
        start = self._scanner.position
        expression = self.parse()
        name = self._scanner.since(start).strip("`")
        return (self._scanner.name() if self._scanner.keyword("as") else name), expression

    def parse(self) -> Expression:
        """Everything that can stand behind `filter` or in `fields`."""
        tests = [self._all()]
        while self._scanner.keyword("or") or self._scanner.symbol("||"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda record: any(truth(test(record)) for test in tests)

    def _all(self) -> Expression:
        tests = [self._negated()]
        while self._scanner.keyword("and") or self._scanner.symbol("&&"):
            tests.append(self._negated())
        return tests[0] if len(tests) == 1 else lambda record: all(truth(test(record)) for test in tests)

    def _negated(self) -> Expression:
        negations = 0
        while self._scanner.keyword("not"):
            negations += 1
        test = self._compared()
        if not negations:
            return test
        return lambda record: truth(test(record)) is (negations % 2 == 0)

    def _compared(self) -> Expression:
        left = self._calculated(0)
        if self._scanner.symbol("=~") or self._scanner.keyword("like"):
            return self._like(left, True)
        if self._scanner.keyword("in"):
            return self._in(left, True)
        if self._scanner.keyword("not"):
            if self._scanner.keyword("like"):
                return self._like(left, False)
            if self._scanner.keyword("in"):
                return self._in(left, False)
            self._scanner.fail("like or in is expected behind not")
        sign = self._scanner.symbol(*COMPARE)
        if sign is None:
            return left
        right = self._calculated(0)
        return lambda record: compare(sign, left(record), right(record))

    def _like(self, left: Expression, wanted: bool) -> Expression:
        regex = self._scanner.regex()
        part = self._scanner.string() if regex is None else None
        if regex is not None:
            found = regex.search
            return lambda record: (
                ((value := left(record)) is not None and (found(text(value)) is not None)) is wanted
            )
        if part is None:
            self._scanner.fail("/a regular expression/ or a string is expected")
        return lambda record: ((value := left(record)) is not None and part in text(value)) is wanted

    def _in(self, left: Expression, wanted: bool) -> Expression:
        self._scanner.expect("[")
        choices = [self._calculated(0)]
        while self._scanner.symbol(","):
            choices.append(self._calculated(0))
        self._scanner.expect("]")
        return lambda record: any(compare("=", left(record), choice(record)) for choice in choices) is wanted

    def _calculated(self, level: int) -> Expression:
        if level == len(LEVELS):
            return self._primary()
        value = self._calculated(level + 1)
        while sign := self._scanner.symbol(*LEVELS[level]):
            value = _applied(ARITHMETIC[sign], value, self._calculated(level + 1))
        return value

    def _primary(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._scanner.fail(f"it is nested more than {MAX_DEPTH} deep")
        value = self._value()
        self._depth -= 1
        return value

    def _value(self) -> Expression:
        if self._scanner.symbol("("):
            inner = self.parse()
            self._scanner.expect(")")
            return inner
        if self._scanner.symbol("-"):
            return _applied(ARITHMETIC["-"], _constant(0), self._primary())
        if (match := self._scanner.take(NUMBER)) is not None:
            digits = match.group()
            return _constant(int(digits) if digits.isdigit() and len(digits) < 300 else float(digits))
        if (string := self._scanner.string()) is not None:
            return _constant(string)
        if word := self._scanner.keyword("true", "false"):
            return _constant(int(word == "true"))
        if (aggregated := self._aggregated()) is not None:
            return aggregated
        if (call := self._scanner.take(CALL)) is not None:
            return self._call(call[1])
        name = self._scanner.name()
        self._names.append(name)
        return lambda record: record.get(name)

    def _aggregated(self) -> Expression | None:
        """An aggregate's argument has fields of records, and no aggregates."""
        if (aggregate := self._aggregate) is None:
            return None
        names, self._aggregate, self._names = self._names, None, []
        found = aggregate()
        self._aggregate, self._names = aggregate, names
        return found

    def _call(self, name: str) -> Expression:
        if name.lower() == "bin":
            period = self._scanner.duration()
            self._scanner.expect(")")
            floor = FUNCTIONS["datefloor"][0]
            return lambda record: floor(record.get("@timestamp"), period)
        if name.lower() == "now":
            self._scanner.expect(")")
            return _constant(int(time.time()))
        if name.lower() not in FUNCTIONS:
            self._scanner.fail(f"there is no function {name}")
        function, least, most = FUNCTIONS[name.lower()]
        arguments = [self.parse()]
        while self._scanner.symbol(","):
            if name.lower() in ("datefloor", "dateceil"):
                arguments.append(_constant(self._scanner.duration()))
            else:
                arguments.append(self.parse())
        self._scanner.expect(")")
        if not least <= len(arguments) <= most:
            self._scanner.fail(f"{name} takes {least} to {most} arguments, not {len(arguments)}")
        return _applied(function, *arguments)


def _constant(value: Any) -> Expression:
    return lambda record: value


def _applied(function: Callable[..., Any], *arguments: Expression) -> Expression:
    return lambda record: function(*(argument(record) for argument in arguments))


def truth(value: Any) -> bool:
    return bool(value) and value != "0"


def compare(sign: str, left: Any, right: Any) -> bool:
    """As numbers where both are, else as texts. What is missing is only unlike."""
    if left is None or right is None:
        return sign == "!=" and left is not right
    numbers = number(left), number(right)
    if None not in numbers:
        return COMPARE[sign](*numbers)
    return COMPARE[sign](text(left), text(right))
