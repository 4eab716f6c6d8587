"""Where maps of the same traffic differ. Pure: no I/O and no clock; the reasons are in `causes`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from threemaps.model.servicemap import Edge, Node, ServiceMap

# Two mean latencies differ when they are further apart than both of these: backends time a call at
# different ends.
LATENCY_SHARE = 0.25
LATENCY_MS = 10.0


class DifferenceKind(StrEnum):
    MISSING_NODE = "missing_node"
    MISSING_EDGE = "missing_edge"
    REQUESTS = "requests"
    ERRORS = "errors"
    LATENCY = "latency"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Window:
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()

    def distance(self, other: "Window") -> float:
        """By how many seconds the two are cut differently."""
        apart = (self.start - other.start, self.end - other.end)
        return max(abs(one.total_seconds()) for one in apart)

    def overlaps(self, other: "Window") -> bool:
        return self.start < other.end and other.start < self.end

    def to_json(self) -> dict[str, str]:
        return {"start": to_iso(self.start), "end": to_iso(self.end)}


@dataclass(frozen=True, slots=True)
class Source:
    """A map and where it came from. A map that could not be read is None; `problem` and `remedy` say why."""

    name: str  # as asked for: xray, or a file's name
    backend: str  # who drew it: honeycomb, xray, cloudwatch; a snapshot keeps the name of its backend
    window: Window
    map: ServiceMap | None
    sampled: bool = False  # it holds a share of the calls, scaled up or not
    holds_others: bool = False  # calls of the window that --service leaves out
    problem: str = ""
    remedy: str = ""
    read_through: str = ""  # map-api, mcp, query, file; service-graph; application-signals, spans
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which the maps differ.

    A missing node stands in `source`, and `target` is None. `odd` are the sources that are out of step: those
    without the node or edge, or those whose value is not the others'.
    """

    kind: DifferenceKind
    source: Node | None
    target: Node | None
    present_in: tuple[str, ...]
    not_in: tuple[str, ...]
    odd: tuple[str, ...] = ()
    values: Mapping[str, float | None] = field(default_factory=dict)
    expected: bool = False
    cause: str = ""
    evidence: tuple[str, ...] = ()
    advice: str = ""

    def explained(self, expected: bool, cause: str, evidence: tuple[str, ...], advice: str) -> "Difference":
        """Written out, since `dataclasses.replace` would take most of the time of a large comparison."""
        bare = (self.kind, self.source, self.target, self.present_in, self.not_in, self.odd, self.values)
        return Difference(*bare, expected, cause, evidence, advice)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": str(self.kind),
            "source": self.source and self.source.name,
            "source_kind": self.source and str(self.source.kind),
            "target": self.target and self.target.name,
            "target_kind": self.target and str(self.target.kind),
            "in": list(self.present_in),
            "not_in": list(self.not_in),
            "odd": list(self.odd),
            "values": dict(self.values),
            "expected": self.expected,
            "cause": self.cause,
            "evidence": list(self.evidence),
            "advice": self.advice,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """The maps side by side, of the edges that touch `service` if there is one.

    `sources` says where each map came from; `notes` are remarks on the whole.
    """

    window: Window
    maps: Mapping[str, ServiceMap | None]
    differences: tuple[Difference, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    service: str = ""

    @property
    def backends(self) -> dict[str, str]:
        """Who drew the map of each source."""
        return {name: source.backend for name, source in self.sources.items()}

    @property
    def agree(self) -> bool:
        return all(difference.expected for difference in self.differences)

    @property
    def readable(self) -> bool:
        return all(found is not None for found in self.maps.values())

    def to_json(self) -> dict[str, Any]:
        return {
            "window": self.window.to_json(),
            "agree": self.agree,
            "sources": {
                name: {"read_through": source.read_through, "remarks": list(source.remarks)}
                for name, source in self.sources.items()
            },
            "maps": {name: found.to_json() if found else None for name, found in self.maps.items()},
            "differences": [difference.to_json() for difference in self.differences],
            "notes": list(self.notes),
        }


def to_iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Explain = Callable[[Difference], Difference]


def compare(
    window: Window, sources: Sequence[Source], explain: Explain, notes: Iterable[str] = ()
) -> Comparison:
    """Every difference between the maps, each explained; those with one and the same reason are told once."""
    found = [explain(difference) for difference in differences(sources)]
    return Comparison(
        window,
        {source.name: source.map for source in sources},
        tuple(merged(found)),
        {source.name: source for source in sources},
        tuple(notes),
    )


def differences(sources: Sequence[Source]) -> Iterator[Difference]:
    """The bare differences, one for each source that is out of step."""
    readable = {source.name: source.map for source in sources if source.map is not None}
    for source in sources:
        if source.map is None:
            yield Difference(
                DifferenceKind.UNREADABLE,
                None,
                None,
                present_in=tuple(readable),
                not_in=(source.name,),
                odd=(source.name,),
            )
    yield from missing_nodes(readable)
    sampled = {source.name for source in sources if source.sampled}
    held_by: dict[tuple[Node, Node], dict[str, Edge]] = {}
    for name, found in readable.items():
        for edge in found.edges:
            held_by.setdefault(edge.key, {})[name] = edge
    apart = {key: holders for key, holders in held_by.items() if not same_in_all(holders, len(readable))}
    for key, holders in sorted(apart.items(), key=lambda item: item[0]):
        yield from missing_edges(key, holders, tuple(readable))
        yield from differing_values(key, holders, sampled)


def same_in_all(holders: Mapping[str, Edge], maps: int) -> bool:
    """Nearly all edges are: told quickly, so that a large map is compared in a moment."""
    if len(holders) < maps:
        return False
    first, *others = holders.values()
    return all(
        (one.requests, one.errors, one.mean_ms) == (first.requests, first.errors, first.mean_ms)
        for one in others
    )


def missing_nodes(maps: Mapping[str, ServiceMap]) -> Iterator[Difference]:
    nodes = {name: set(found.nodes) for name, found in maps.items()}
    for node in sorted(set().union(*nodes.values())):
        present = tuple(name for name, held in nodes.items() if node in held)
        for absent in nodes:
            if absent not in present:
                yield Difference(DifferenceKind.MISSING_NODE, node, None, present, (absent,), (absent,))


def missing_edges(
    key: tuple[Node, Node], holders: Mapping[str, Edge], names: Sequence[str]
) -> Iterator[Difference]:
    values = {name: holders[name].requests if name in holders else None for name in names}
    for absent in names:
        if absent not in holders:
            yield Difference(
                DifferenceKind.MISSING_EDGE, *key, tuple(holders), (absent,), (absent,), values=values
            )


def differing_values(
    key: tuple[Node, Node], holders: Mapping[str, Edge], sampled: set[str]
) -> Iterator[Difference]:
    """What the sources tell of one edge; a source that does not tell is never out of step."""
    told: tuple[tuple[DifferenceKind, dict[str, float | None]], ...] = (
        (DifferenceKind.REQUESTS, {name: edge.requests for name, edge in holders.items()}),
        (DifferenceKind.ERRORS, {name: edge.errors for name, edge in holders.items()}),
        (DifferenceKind.LATENCY, {name: edge.mean_ms for name, edge in holders.items()}),
    )
    for kind, values in told:
        known = {name: value for name, value in values.items() if value is not None}
        first = next(iter(known.values()), None)
        if all(value == first for value in known.values()):
            continue
        usual = usual_value(known, sampled)
        same = same_latency if kind is DifferenceKind.LATENCY else same_count
        for name, value in known.items():
            if not same(value, usual):
                yield Difference(kind, *key, tuple(holders), (), (name,), values)


def usual_value(values: Mapping[str, float], sampled: set[str]) -> float:
    """What most sources say, of those that hold every call; where they are divided, the highest.

    A call is far likelier to get lost on the way to one backend than to be made up on the way to another.
    """
    whole = [value for name, value in values.items() if name not in sampled] or list(values.values())
    return max(whole, key=lambda value: (whole.count(value), value))


def same_count(value: float, usual: float) -> bool:
    return value == usual


def same_latency(value: float, usual: float) -> bool:
    apart = abs(value - usual)
    return apart <= LATENCY_MS or apart <= LATENCY_SHARE * max(value, usual)


def merged(found: Iterable[Difference]) -> Iterator[Difference]:
    """Differences in the same thing for the same reason are one; what is unexpected comes first."""
    groups: dict[tuple[Any, ...], Difference] = {}
    for one in found:
        group = (one.kind, one.source, one.target, one.expected, one.cause, one.advice)
        held = groups.get(group)
        groups[group] = one if held is None else joined(held, one)
    yield from sorted(groups.values(), key=lambda one: one.expected)


def joined(one: Difference, other: Difference) -> Difference:
    return Difference(
        one.kind,
        one.source,
        one.target,
        together(one.present_in, other.present_in),
        together(one.not_in, other.not_in),
        together(one.odd, other.odd),
        one.values,
        one.expected,
        one.cause,
        together(one.evidence, other.evidence),
        one.advice,
    )


def together(some: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return some if some == more else tuple(dict.fromkeys(some + more))
