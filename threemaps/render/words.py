"""Differences in words, for every format that has words."""

from collections.abc import Collection, Iterable, Sequence

from threemaps.model.difference import Comparison, Difference, DifferenceKind
from threemaps.model.servicemap import Kind, Node
from threemaps.render import numbers
from threemaps.render.names import shown, title


def verdict(comparison: Comparison) -> str:
    if comparison.is_empty:
        return "nothing to compare"
    return "agree" if comparison.agree else "differ"


def health(comparison: Comparison) -> str:
    """The second verdict, in a word or two."""
    nobody_looked = comparison.is_empty or not any(comparison.maps.values())
    if nobody_looked and comparison.healthy:
        return ""
    return "traffic healthy" if comparison.healthy else "traffic not healthy"


def ambiguous(comparison: Comparison) -> frozenset[str]:
    """Names that nodes of several kinds have: they are shown with their kinds."""
    kinds: dict[str, set[Kind]] = {}
    for found in comparison.maps.values():
        for node in found.nodes if found else ():
            kinds.setdefault(node.name, set()).add(node.kind)
    return frozenset(name for name, held in kinds.items() if len(held) > 1)


def label(node: Node, twice: Collection[str] = ()) -> str:
    return f"{shown(node.name)} ({node.kind})" if node.name in twice else shown(node.name)


def subject(one: Difference, twice: Collection[str] = ()) -> str:
    """The node or edge that a difference is about."""
    if one.source is None:
        return ", ".join(title(name) for name in one.diverging or one.not_in)
    if one.target is None:
        return label(one.source, twice)
    return f"{label(one.source, twice)} → {label(one.target, twice)}"


def what(one: Difference) -> str:
    if one.kind is DifferenceKind.UNREADABLE:
        return "could not be read"
    if one.kind in (DifferenceKind.MISSING_NODE, DifferenceKind.MISSING_EDGE):
        return f"not in {listed(title(name) for name in one.not_in)}"
    sources = listed(title(name) for name in one.diverging)
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
    """Differences that have the same cause and advice are listed together."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for one in found:
        groups.setdefault((one.cause, one.advice), []).append(one)
    return groups
