"""What a filter expression says of a trace. Pure.

A condition is asked of a subject: a whole trace, one visit to a node, or one call along an edge.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

Value = bool | float | str

BOOLEANS = frozenset(
    {"ok", "error", "fault", "throttle", "partial", "inferred", "root", "remote", "first", "last"}
)
NUMBERS = frozenset({"responsetime", "duration", "http.status"})
STRINGS = frozenset(
    {"http.url", "http.method", "http.useragent", "http.clientip", "user", "name", "type"}
    | {"availabilityzone", "instance.id", "resource.arn"}
)

Key = tuple[str, str]


class Subject(Protocol):
    def values(self, keyword: str) -> Sequence[Value]:
        """What the keyword stands for; nothing where it is not set."""

    def annotations(self, key: str) -> Sequence[Value]: ...

    def visits(self) -> Iterable[tuple[Key, "Subject"]]: ...

    def calls(self) -> Iterable[tuple[Key, Key, "Subject"]]: ...

    def in_group(self, group: str) -> bool: ...


class Expression(Protocol):
    def matches(self, subject: Subject) -> bool: ...


@dataclass(frozen=True, slots=True)
class And:
    conditions: tuple[Expression, ...]

    def matches(self, subject: Subject) -> bool:
        return all(condition.matches(subject) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Or:
    conditions: tuple[Expression, ...]

    def matches(self, subject: Subject) -> bool:
        return any(condition.matches(subject) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Not:
    condition: Expression

    def matches(self, subject: Subject) -> bool:
        return not self.condition.matches(subject)


def _compare_texts(compare: Callable[[str, str], bool]) -> Callable[[Value, Value], bool]:
    return lambda found, wanted: isinstance(found, str) and isinstance(wanted, str) and compare(found, wanted)


def _compare_numbers(compare: Callable[[float, float], bool]) -> Callable[[Value, Value], bool]:
    return lambda found, wanted: (
        _is_number(found) and _is_number(wanted) and compare(float(found), float(wanted))
    )


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(found: Value, wanted: Value) -> bool:
    return isinstance(found, bool) == isinstance(wanted, bool) and found == wanted


OPERATORS: dict[str, Callable[[Value, Value], bool]] = {
    "=": _equal,
    "!=": lambda found, wanted: not _equal(found, wanted),
    "<": _compare_numbers(lambda found, wanted: found < wanted),
    "<=": _compare_numbers(lambda found, wanted: found <= wanted),
    ">": _compare_numbers(lambda found, wanted: found > wanted),
    ">=": _compare_numbers(lambda found, wanted: found >= wanted),
    "contains": _compare_texts(lambda found, wanted: wanted in found),
    "beginswith": _compare_texts(lambda found, wanted: found.startswith(wanted)),
    "endswith": _compare_texts(lambda found, wanted: found.endswith(wanted)),
}


def _holds(values: Sequence[Value], operator: str, wanted: Value | None) -> bool:
    """Without an operator: whether it is set, or what it says if it is true or false."""
    if wanted is None:
        return any(value is not False for value in values)
    return any(OPERATORS[operator](value, wanted) for value in values)


@dataclass(frozen=True, slots=True)
class Keyword:
    name: str
    operator: str
    value: Value | None

    def matches(self, subject: Subject) -> bool:
        return _holds(subject.values(self.name), self.operator, self.value)


@dataclass(frozen=True, slots=True)
class Annotation:
    key: str
    operator: str
    value: Value | None

    def matches(self, subject: Subject) -> bool:
        return _holds(subject.annotations(self.key), self.operator, self.value)


@dataclass(frozen=True, slots=True)
class GroupIs:
    """The group's own expression, by the group's name or ARN."""

    group: str

    def matches(self, subject: Subject) -> bool:
        return subject.in_group(self.group)


@dataclass(frozen=True, slots=True)
class NodePattern:
    name: str | None = None
    type: str | None = None

    def fits(self, key: Key) -> bool:
        return self.name in (None, key[0]) and self.type in (None, key[1])


@dataclass(frozen=True, slots=True)
class Service:
    pattern: NodePattern
    condition: Expression | None

    def matches(self, subject: Subject) -> bool:
        return any(
            self.pattern.fits(key) and (self.condition is None or self.condition.matches(visit))
            for key, visit in subject.visits()
        )


@dataclass(frozen=True, slots=True)
class Edge:
    source: NodePattern
    target: NodePattern
    condition: Expression | None

    def matches(self, subject: Subject) -> bool:
        return any(
            self.source.fits(source)
            and self.target.fits(target)
            and (self.condition is None or self.condition.matches(call))
            for source, target, call in subject.calls()
        )
