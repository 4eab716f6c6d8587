"""What is to be drawn: the union of all maps in one layout, and what each map says of every part of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Any

from threemaps.model.difference import Comparison, Difference, DifferenceKind
from threemaps.model.servicemap import Edge, Kind, Node
from threemaps.render.layout import Layout, layered
from threemaps.render.names import title
from threemaps.render.numbers import signed

EdgeKey = tuple[Node, Node]

# Maps with more nodes than this draw look-alikes as one.
CROWDED = 60
LOOK_ALIKES = 4
LONGEST_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Spot:
    """A node of the picture: one service, or several that call and are called by the same or begin alike."""

    members: tuple[Node, ...]
    prefix: str = ""  # with which the names of all begin

    @property
    def kind(self) -> Kind:
        return self.members[0].kind

    @property
    def name(self) -> str:
        if len(self.members) == 1:
            return self.members[0].name
        if self.prefix:
            return f"{self.prefix}* ({len(self.members)})"
        what = "remotes" if self.kind is Kind.REMOTE else "services"
        return f"{len(self.members)} {what}"

    @property
    def key(self) -> str:
        return "n" + _digest(self.members)


@dataclass(frozen=True, slots=True)
class Link:
    """An edge of the picture: all calls between two spots."""

    source: Spot
    target: Spot
    edges: tuple[EdgeKey, ...]

    @property
    def key(self) -> str:
        return "e" + _digest((*self.source.members, *self.target.members, self.source.members[0]))


@dataclass(frozen=True, slots=True)
class Told:
    """What one map says of a spot or a link; `state` is told, untold, or missing (it should be there)."""

    state: str
    odd: bool = False  # something unexpected is here, and this map is the one out of step
    delta: float | None = None  # how many calls more or fewer than in the maps that do not diverge
    note: str = ""  # in the merged map: which maps diverge, and how
    requests: int | None = None
    errors: int | None = None
    mean_ms: float | None = None
    p95_ms: float | None = None
    client_errors: int | None = None


# The source of the map that is all maps in one: what most report, and where one diverges.
MERGED = "merged"


class Scene:
    """A comparison, ready to be drawn."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        maps = [found for found in comparison.maps.values() if found is not None]
        self.nodes = sorted({node for found in maps for node in found.nodes})
        self.edges = sorted({edge.key for found in maps for edge in found.edges})
        self._held = {
            name: {edge.key: edge for edge in found.edges}
            for name, found in comparison.maps.items()
            if found is not None
        }
        self._present = {
            name: set(found.nodes) for name, found in comparison.maps.items() if found is not None
        }
        self._calls_of: dict[tuple[str, Node], list[Edge]] = defaultdict(list)
        for name, edges in self._held.items():
            for (_, target), edge in edges.items():
                self._calls_of[name, target].append(edge)
        self._marks = _marks(comparison.differences)
        self.seconds = comparison.window.seconds
        self._told: dict[tuple[str, int], Told] = {}  # by the link's id: `links` keeps them all

    @cached_property
    def spots(self) -> list[Spot]:
        if len(self.nodes) <= CROWDED:
            return [Spot((node,)) for node in self.nodes]
        groups: dict[object, list[Node]] = defaultdict(list)
        callers, callees = defaultdict(set), defaultdict(set)
        for source, target in self.edges:
            callees[source].add(target)
            callers[target].add(source)
        marked = {node for key in self._marks for node in key if isinstance(node, Node)}
        for node in self.nodes:
            alone = node in marked or not (callers[node] or callees[node])
            looks: object = (node.kind, frozenset(callers[node]), frozenset(callees[node]))
            groups[node if alone else looks].append(node)
        spots = [spot for group in groups.values() for spot in _spots(group)]
        return spots if len(spots) <= CROWDED else _by_prefix(spots)

    @cached_property
    def links(self) -> list[Link]:
        home = {node: spot for spot in self.spots for node in spot.members}
        ends: dict[tuple[Spot, Spot], list[EdgeKey]] = defaultdict(list)
        for source, target in self.edges:
            ends[home[source], home[target]].append((source, target))
        return [Link(*pair, tuple(edges)) for pair, edges in ends.items()]

    @cached_property
    def layout(self) -> Layout:
        number = {spot: index for index, spot in enumerate(self.spots)}
        pairs = [(number[link.source], number[link.target]) for link in self.links]
        tops = [index for spot, index in number.items() if spot.kind is Kind.OUTSIDE]
        return layered(len(number), pairs, tops)

    @cached_property
    def reading_order(self) -> list[Link]:
        """The links from the top of the picture to its bottom."""
        place = dict(zip(self.spots, self.layout.nodes, strict=True))

        def where(link: Link) -> tuple[float, ...]:
            source, target = place[link.source], place[link.target]
            return source.y, source.x, target.y, target.x

        return sorted(self.links, key=where)

    @cached_property
    def edges_in_order(self) -> list[EdgeKey]:
        return [key for link in self.reading_order for key in link.edges]

    def edge(self, source: str, key: EdgeKey) -> Edge | None:
        return self._held.get(source, {}).get(key)

    def told_of_node(self, source: str, spot: Spot) -> Told:
        """With what its callers' edges say together; a caller from outside has none."""
        if source == MERGED:
            return _merged({name: self.told_of_node(name, spot) for name in self._held})
        marks = [self._marks[(node,)] for node in spot.members if (node,) in self._marks]
        present = any(node in self._present.get(source, ()) for node in spot.members)
        calls = [edge for node in spot.members for edge in self._calls_of.get((source, node), ())]
        return Told(*_state(source, present, marks), **_together(calls))

    def told_of_edge(self, source: str, link: Link) -> Told:
        """Worked out once: maps, merged map and table all ask."""
        known = source, id(link)
        if known not in self._told:
            self._told[known] = self._told_of_edge(source, link)
        return self._told[known]

    def _told_of_edge(self, source: str, link: Link) -> Told:
        if source == MERGED:
            return _merged({name: self.told_of_edge(name, link) for name in self._held})
        edges = [edge for key in link.edges if (edge := self.edge(source, key)) is not None]
        marks = [self._marks[key] for key in link.edges if key in self._marks]
        state = _state(source, bool(edges), marks)
        odd = set().union(*marks)
        return Told(
            *state, delta=self._delta(source, link, odd) if source in odd else None, **_together(edges)
        )

    def _delta(self, source: str, link: Link, odd: set[str]) -> float | None:
        """By how many calls this map diverges from those that do not."""
        counts = {name: self._requests(name, link) for name in self._held}
        usual = [count for name, count in counts.items() if name not in odd and count is not None]
        own = counts.get(source)
        return own - max(usual) if usual and own is not None else None

    def _requests(self, source: str, link: Link) -> int | None:
        return _sum(edge.requests for key in link.edges if (edge := self.edge(source, key)) is not None)


def _merged(told: Mapping[str, Told]) -> Told:
    """What the maps that do not diverge report, the most complete first, and which ones diverge."""
    drawn = sorted(
        (one for one in told.values() if one.state == "told"),
        key=lambda one: (one.odd, one.errors is None, one.p95_ms is None),
    )
    diverging = {name: one for name, one in told.items() if one.odd}
    if not drawn:
        return Told("untold")
    note = ", ".join(filter(None, (_divergence(name, one) for name, one in diverging.items())))
    return replace(drawn[0], odd=bool(diverging), delta=None, note=note)


def _divergence(source: str, told: Told) -> str:
    if told.state == "missing":
        return f"not in {title(source)}"
    return f"{title(source)} {signed(told.delta)}" if told.delta else ""


def _together(edges: Sequence[Edge]) -> dict[str, Any]:
    """What edges say as one: sums of calls and failures, the mean of all calls; percentiles do not add up."""
    if not edges:
        return {}
    timed = [(edge.mean_ms, edge.requests) for edge in edges if edge.mean_ms is not None and edge.requests]
    calls = sum(count for _, count in timed)
    mean = sum(each * count for each, count in timed) / calls if calls else None
    return {
        "requests": _sum(edge.requests for edge in edges),
        "errors": _sum(edge.errors for edge in edges),
        "mean_ms": edges[0].mean_ms if len(edges) == 1 else mean,
        "p95_ms": edges[0].p95_ms if len(edges) == 1 else None,
        "client_errors": _sum(edge.client_errors for edge in edges),
    }


@lru_cache(maxsize=16_384)
def _digest(nodes: tuple[Node, ...]) -> str:
    """Stays the same from one picture to the next, and is safe as an id whatever the names are."""
    text = "\0".join(f"{node.kind}\1{node.name}" for node in nodes)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _marks(differences: Sequence[Difference]) -> dict[tuple[Node, ...], set[str]]:
    """Where something unexpected is, and in which maps it diverges."""
    marks: dict[tuple[Node, ...], set[str]] = defaultdict(set)
    for one in differences:
        if one.expected or one.source is None or one.kind is DifferenceKind.UNREADABLE:
            continue
        key = (one.source,) if one.target is None else (one.source, one.target)
        marks[key].update(one.diverging or one.not_in)
    return dict(marks)


def _state(source: str, present: bool, marks: Sequence[set[str]]) -> tuple[str, bool]:
    odd = any(source in mark for mark in marks)
    state = "told" if present else "missing" if odd else "untold"
    return state, odd


def _by_prefix(spots: Sequence[Spot]) -> list[Spot]:
    """Names that begin alike are one spot each, with the longest beginning that leaves no more than CROWDED.

    What diverges is in its group, and marks it: a place depends on names alone, so that nothing jumps.
    """
    alone = [spot for spot in spots if spot.kind is Kind.OUTSIDE]
    nodes = [node for spot in spots if spot.kind is not Kind.OUTSIDE for node in spot.members]

    def grouped(length: int) -> dict[tuple[Kind, str], list[Node]]:
        found: dict[tuple[Kind, str], list[Node]] = defaultdict(list)
        for node in nodes:
            found[node.kind, node.name[:length]].append(node)
        return found

    fitting = [length for length in range(LONGEST_PREFIX) if len(grouped(length)) <= CROWDED - len(alone)]
    groups = grouped(max(fitting, default=0))
    return alone + [
        Spot(tuple(group), prefix if len(group) > 1 else "") for (_, prefix), group in groups.items()
    ]


def _spots(group: list[Node]) -> list[Spot]:
    if len(group) < LOOK_ALIKES:
        return [Spot((node,)) for node in group]
    return [Spot(tuple(group))]


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
