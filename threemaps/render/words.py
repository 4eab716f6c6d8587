"""Differences in words, for every format that has words."""

from collections.abc import Iterable, Sequence

from threemaps.model.difference import Comparison, Difference, DifferenceKind
from threemaps.render import numbers
from threemaps.render.names import shown, title


def verdict(comparison: Comparison) -> str:
    return "agree" if comparison.agree else "differ"


def subject(one: Difference) -> str:
    """The node or edge that a difference is about."""
    if one.source is None:
        return ", ".join(title(name) for name in one.odd or one.not_in)
    if one.target is None:
        return shown(one.source.name)
    return f"{shown(one.source.name)} → {shown(one.target.name)}"


def what(one: Difference) -> str:
    if one.kind is DifferenceKind.UNREADABLE:
        return "could not be read"
    if one.kind in (DifferenceKind.MISSING_NODE, DifferenceKind.MISSING_EDGE):
        return f"not in {listed(title(name) for name in one.not_in)}"
    sources = listed(title(name) for name in one.odd)
    thing = {DifferenceKind.REQUESTS: "requests", DifferenceKind.ERRORS: "errors"}.get(one.kind, "latency")
    write = numbers.duration if one.kind is DifferenceKind.LATENCY else numbers.count
    values = ", ".join(f"{title(name)} {write(value)}" for name, value in one.values.items())
    return f"{thing} differ in {sources}: {values}"


def nothing(comparison: Comparison) -> tuple[str, str]:
    """What is to be said of maps without a call, and what to do then."""
    if comparison.service:
        return f"No calls that touch {shown(comparison.service)} in this window", "Try another name, or none."
    return "No calls in this window", "Send some: threemaps traffic. If nothing appears: threemaps doctor"


def listed(words: Iterable[str]) -> str:
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def by_reason(found: Sequence[Difference]) -> dict[tuple[str, str], list[Difference]]:
    """Differences that have the same cause and advice are told together."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for one in found:
        groups.setdefault((one.cause, one.advice), []).append(one)
    return groups
