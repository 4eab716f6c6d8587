"""PromQL's `query` and `query_range` over OTLP metrics, for plain selectors: `{"name", label="x"}`.

Functions, operators and ranges are not answered here, and are refused by name.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import orjson
from werkzeug.wrappers import Request, Response

from threemaps.standins.http import json_answer
from threemaps.standins.store import Store

PATHS = frozenset(("/api/v1/query", "/api/v1/query_range"))
LOOK_BACK_MS = 300_000
MAX_SERIES = 500
MAX_STEPS = 11_000
LONGEST_RANGE_MS = 7 * 24 * 3_600_000
DURATION_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
DURATION_MS["y"] = 365 * DURATION_MS["d"]

_STRING = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\''
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SELECTOR = re.compile(rf"\s*(?P<name>{_NAME})?\s*(?:\{{(?P<inner>.*)\}})?\s*", re.ASCII | re.DOTALL)
_MATCHER = re.compile(
    rf"\s*(?P<label>{_NAME}|{_STRING})\s*(?:(?P<operator>=~|!~|!=|=)\s*(?P<value>{_STRING}))?\s*(?:,|$)",
    re.ASCII,
)
SAMPLES = """
SELECT labels, time_ms, value, histogram FROM otlp_point
WHERE name = ? AND time_ms > ? AND time_ms <= ? ORDER BY labels, time_ms, rowid
"""

Labels = dict[str, str]
Matcher = Callable[[Labels], bool]


class PromqlError(Exception):
    """A query that cannot be answered, in the words of Prometheus' API."""


@dataclass(frozen=True, slots=True)
class Selector:
    name: str
    matchers: tuple[Matcher, ...]

    def fits(self, labels: Labels) -> bool:
        return all(matcher(labels) for matcher in self.matchers)


@dataclass(frozen=True, slots=True)
class Sample:
    time_ms: int
    value: str | None
    histogram: str | None

    def value_at(self, moment: int) -> tuple[str, list[Any]]:
        """Under which name it stands in an answer, and what stands there."""
        if self.histogram is None:
            return "value", [moment / 1000, self.value]
        return "histogram", [moment / 1000, orjson.loads(self.histogram)]


class Promql:
    paths = PATHS

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, request: Request) -> Response:
        try:
            return json_answer(self._data(request.path, request.values))
        except PromqlError as error:
            return json_answer({"status": "error", "errorType": "bad_data", "error": str(error)}, 400)

    def _data(self, path: str, given: Mapping[str, str]) -> dict[str, Any]:
        selector = parse(given.get("query", ""))
        if path.endswith("query_range"):
            start, end = _moment(given, "start"), _moment(given, "end")
            steps = _steps(start, end, _step(given.get("step", "")))
            kind, found = "matrix", [_ranged(*one, steps) for one in self._series(selector, start, end)]
        else:
            now = _moment(given, "time", datetime.now(UTC).timestamp())
            kind, found = "vector", [_instant(*one, now) for one in self._series(selector, now, now)]
        limit = _limit(given.get("limit"))
        result = [one for one in found if one]
        more = {"warnings": [f"results truncated to {limit} series"]} if len(result) > limit else {}
        return {"status": "success", "data": {"resultType": kind, "result": result[:limit]}, **more}

    def _series(self, selector: Selector, start: int, end: int) -> Iterator[tuple[Labels, list[Sample]]]:
        rows = self._store.rows(SAMPLES, [selector.name, start - LOOK_BACK_MS, end])
        for text, group in groupby(rows, key=lambda row: row[0]):
            labels = orjson.loads(text)
            if selector.fits(labels):
                yield labels, [Sample(*row[1:]) for row in group]


def parse(query: str) -> Selector:
    """Raises PromqlError for what is no plain selector of one metric."""
    match = _SELECTOR.fullmatch(query)
    if match is None or (match["name"] is None and match["inner"] is None):
        raise PromqlError(f'only plain selectors are answered here, like {{"name"}}: {query[:100]!r} is none')
    names, matchers = [match["name"]] if match["name"] else [], []
    for label, operator, value in _matchers(match["inner"] or ""):
        if operator is None or (label, operator) == ("__name__", "="):
            names.append(value if operator else label)
        else:
            matchers.append(_matcher(label, operator, value or ""))
    if len(names) != 1 or not names[0]:
        raise PromqlError("the expression must select a metric by its name, and by one")
    return Selector(str(names[0]), tuple(matchers))


def _matchers(inner: str) -> Iterator[tuple[str, str | None, str | None]]:
    at = 0
    while inner[at:].strip():
        match = _MATCHER.match(inner, at)
        if match is None:
            raise PromqlError(f"unexpected {inner[at : at + 40]!r} among the label matchers")
        label = match["label"]
        if match["operator"] is None and label[0] not in "\"'":
            raise PromqlError(f"the label {label!r} needs an operator and a value")
        value = match["value"]
        yield _unquoted(label), match["operator"], None if value is None else _unquoted(value)
        at = match.end()


def _unquoted(text: str) -> str:
    if text[0] not in "\"'":
        return text
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text[1:-1])


def _matcher(label: str, operator: str, value: str) -> Matcher:
    """`@datapoint.x` is the same as `x`."""
    name = label.removeprefix("@datapoint.") if not label.startswith("@datapoint.@") else label
    if operator in ("=", "!="):
        return lambda labels: (labels.get(name, "") == value) is (operator == "=")
    try:
        pattern = re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise PromqlError(f"{value[:60]!r} is no regular expression: {error}") from error
    return lambda labels: bool(pattern.fullmatch(labels.get(name, ""))) is (operator == "=~")


def _instant(labels: Labels, samples: list[Sample], now: int) -> dict[str, Any]:
    name, value = samples[-1].value_at(now)
    return {"metric": labels, name: value}


def _ranged(labels: Labels, samples: list[Sample], steps: range) -> dict[str, Any] | None:
    values: dict[str, list[Any]] = {}
    place = -1
    for moment in steps:
        while place + 1 < len(samples) and samples[place + 1].time_ms <= moment:
            place += 1
        if place >= 0 and samples[place].time_ms > moment - LOOK_BACK_MS:
            name, value = samples[place].value_at(moment)
            values.setdefault(f"{name}s", []).append(value)
    return {"metric": labels, **values} if values else None


def _moment(given: Mapping[str, str], name: str, default: float | None = None) -> int:
    text = given.get(name)
    if text is None and default is not None:
        return int(default * 1000)
    try:
        seconds = float(text or "")
    except ValueError:
        try:
            seconds = datetime.fromisoformat(text or "").astimezone(UTC).timestamp()
        except (ValueError, OverflowError):
            raise PromqlError(f"{name} is {text!r}, which is no time") from None
    if not 0 <= seconds < 1e11:
        raise PromqlError(f"{name} is {text!r}, which is no time")
    return int(seconds * 1000)


def _step(text: str) -> int:
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,9})?)(ms|[smhdwy])?", text, re.ASCII)
    step = int(float(match[1]) * DURATION_MS[match[2] or "s"]) if match else 0
    if step <= 0:
        raise PromqlError(f"step is {text[:40]!r}; it has to be a duration above 0")
    return step


def _steps(start: int, end: int, step: int) -> range:
    if end < start or end - start > LONGEST_RANGE_MS:
        raise PromqlError("end has to be behind start, and at most 7 days")
    if (end - start) // step > MAX_STEPS:
        raise PromqlError(f"more than {MAX_STEPS} steps: use a longer one")
    return range(start, end + 1, step)


def _limit(text: str | None) -> int:
    if text is None:
        return MAX_SERIES
    if not re.fullmatch(r"\d{1,3}", text, re.ASCII) or not 1 <= int(text) <= MAX_SERIES:
        raise PromqlError(f"limit is {text[:40]!r}; it has to be from 1 to {MAX_SERIES}")
    return int(text)
