"""Reads a query from left to right; what comes next depends on what the grammar asks for."""

import re
from collections.abc import Callable
from typing import NoReturn, TypeVar

from threemaps.standins.aws_errors import AwsError

T = TypeVar("T")

SPACE = re.compile(r"(?:\s+|#[^\n]*)*")
WORD = re.compile(r"[@A-Za-z_][\w@]*(?:\.[\w@]+)*", re.ASCII)
QUOTED_NAME = re.compile(r"`([^`]+)`")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'', re.DOTALL)
REGEX = re.compile(r"/((?:[^/\\]|\\.)+)/(i?)")
DURATION = re.compile(r"(\d{1,9})\s*([A-Za-z]+)", re.ASCII)
MILLISECONDS = {
    unit: size
    for size, units in (
        (1, "ms msec msecs millisecond milliseconds"),
        (1_000, "s sec secs second seconds"),
        (60_000, "m min mins minute minutes"),
        (3_600_000, "h hr hrs hour hours"),
        (86_400_000, "d day days"),
        (604_800_000, "w week weeks"),
    )
    for unit in units.split()
}


class Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self.position = self._end = 0
        self._skip()

    def at_end(self) -> bool:
        return self.position >= len(self._text)

    def since(self, start: int) -> str:
        """What was read from there on, without the space and the comments behind it."""
        return self._text[start : self._end].strip()

    def sees(self, symbol: str) -> bool:
        return self._text.startswith(symbol, self.position)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self.position)
        if match:
            self._advance(match.end())
        return match

    def symbol(self, *symbols: str) -> str | None:
        """The first of these that comes next."""
        for symbol in symbols:
            if self._text.startswith(symbol, self.position):
                self._advance(self.position + len(symbol))
                return symbol
        return None

    def listed(self, read: Callable[[], T]) -> list[T]:
        """What `read` finds, once and again behind each comma."""
        items = [read()]
        while self.symbol(","):
            items.append(read())
        return items

    def keyword(self, *words: str) -> str | None:
        start, end, match = self.position, self._end, self.take(WORD)
        if match and match.group().lower() in words:
            return match.group().lower()
        self.position, self._end = start, end
        return None

    def name(self) -> str:
        """A field's name, perhaps with parts in backticks."""
        parts = []
        while True:
            start = self.position
            match = QUOTED_NAME.match(self._text, start) or WORD.match(self._text, start)
            if match is None:
                self.fail("a field name is expected")
            parts.append(match.group(1) if match.re is QUOTED_NAME else match.group())
            self.position = match.end()
            if not self.sees("."):
                self._advance(self.position)
                return ".".join(parts)
            self.position += 1

    def string(self) -> str | None:
        match = self.take(STRING)
        if match is None:
            return None
        return re.sub(r'\\(["\'\\])', r"\1", match[1] if match[1] is not None else match[2])

    def regex(self) -> re.Pattern[str] | None:
        match = self.take(REGEX)
        if match is None:
            return None
        pattern = match[1].replace("\\/", "/").replace("(?<", "(?P<")
        pattern = pattern.replace("(?P<=", "(?<=").replace("(?P<!", "(?<!")
        try:
            return re.compile(pattern, re.IGNORECASE if match[2] else 0)
        except (re.error, OverflowError, RecursionError) as error:
            self.fail(f"/{match[1]}/ is no regular expression: {error}")

    def duration(self) -> int:
        """In milliseconds."""
        match = self.take(DURATION)
        if match is None or match[2].lower() not in MILLISECONDS or int(match[1]) == 0:
            self.fail("a period like 5m is expected")
        return int(match[1]) * MILLISECONDS[match[2].lower()]

    def expect(self, symbol: str) -> None:
        if self.symbol(symbol) is None:
            self.fail(f"{symbol!r} is expected")

    def fail(self, reason: str) -> NoReturn:
        rest = self._text[self.position : self.position + 20] or "the end"
        line = self._text.count("\n", 0, self.position) + 1
        raise AwsError(
            "MalformedQueryException",
            f"unexpected symbol found {rest} at line {line} and position {self.position}: {reason}",
        )

    def _advance(self, end: int) -> None:
        self.position = self._end = end
        self._skip()

    def _skip(self) -> None:
        match = SPACE.match(self._text, self.position)
        self.position = match.end() if match else self.position
