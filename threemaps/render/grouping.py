"""Which nodes are drawn as one, and where everything stands. The same nodes and edges: the same plan."""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from threemaps.model.servicemap import Kind, Node
from threemaps.render.layout import Layout, Point, Route, layered

EdgeKey = tuple[Node, Node]

# Maps with more nodes than this draw look-alikes as one.
CROWDED = 60
LOOK_ALIKES = 4
LONGEST_PREFIX = 64


@dataclass(frozen=True, eq=False)
class Spot:
    """A node of the picture: one service, or several that call and are called by the same or begin alike."""

    members: tuple[Node, ...]
    prefix: str = ""  # with which the names of all begin

    @property
    def kind(self) -> Kind:
        return self.members[0].kind

    @cached_property
    def name(self) -> str:
        if len(self.members) == 1:
            return self.members[0].name
        if self.prefix:
            return f"{self.prefix}* ({len(self.members)})"
        what = "remotes" if self.kind is Kind.REMOTE else "services"
        return f"{len(self.members)} {what}"

    @cached_property
    def key(self) -> str:
        return "n" + _digest(self.members)


@dataclass(frozen=True, eq=False)
class Link:
    """An edge of the picture: all calls between two spots."""

    source: Spot
    target: Spot
    edges: tuple[EdgeKey, ...]

    @cached_property
    def key(self) -> str:
        return "e" + _digest((*self.source.members, *self.target.members, self.source.members[0]))


class Plan:
    """Spots, links and their places for these nodes and edges; `marked` nodes are drawn alone in a crowd."""

    def __init__(self, nodes: list[Node], edges: list[EdgeKey], marked: Set[Node]) -> None:
        self.nodes, self.edges = nodes, edges
        self.marked = marked if len(nodes) > CROWDED else frozenset()
        self.spots = spots_of(nodes, edges, self.marked)
        self.home = {node: spot for spot in self.spots for node in spot.members}
        ends: dict[tuple[Spot, Spot], list[EdgeKey]] = defaultdict(list)
        for source, target in edges:
            ends[self.home[source], self.home[target]].append((source, target))
        self.links = [Link(*pair, tuple(keys)) for pair, keys in ends.items()]
        self._numbers = {spot: number for number, spot in enumerate(self.spots)}

    def fits(self, nodes: list[Node], edges: list[EdgeKey], marked: Set[Node]) -> bool:
        alone = marked if len(nodes) > CROWDED else frozenset()
        return self.nodes == nodes and self.edges == edges and self.marked == alone

    @cached_property
    def link_of(self) -> dict[EdgeKey, Link]:
        return {key: link for link in self.links for key in link.edges}

    @cached_property
    def into(self) -> dict[Spot, list[Link]]:
        """Spot → the links that lead to it."""
        found: dict[Spot, list[Link]] = {spot: [] for spot in self.spots}
        for link in self.links:
            found[link.target].append(link)
        return found

    @cached_property
    def layout(self) -> Layout:
        pairs = [(self._numbers[link.source], self._numbers[link.target]) for link in self.links]
        tops = [number for spot, number in self._numbers.items() if spot.kind is Kind.OUTSIDE]
        return layered(len(self.spots), pairs, tops)

    def place(self, spot: Spot) -> Point:
        return self.layout.nodes[self._numbers[spot]]

    def route(self, link: Link) -> Route:
        return self.layout.routes[self._numbers[link.source], self._numbers[link.target]]

    @cached_property
    def order(self) -> dict[Link, int]:
        """The links from the top of the picture to its bottom, numbered."""

        def where(link: Link) -> tuple[float, ...]:
            source, target = self.place(link.source), self.place(link.target)
            return source.y, source.x, target.y, target.x

        return {link: number for number, link in enumerate(sorted(self.links, key=where))}


def spots_of(nodes: Sequence[Node], edges: Iterable[EdgeKey], marked: Set[Node]) -> list[Spot]:
    """One spot a node; in a crowd one for all that call and are called by the same, else by prefix."""
    if len(nodes) <= CROWDED:
        return [Spot((node,)) for node in nodes]
    groups: dict[object, list[Node]] = defaultdict(list)
    callers, callees = defaultdict(set), defaultdict(set)
    for source, target in edges:
        callees[source].add(target)
        callers[target].add(source)
    for node in nodes:
        alone = node in marked or not (callers[node] or callees[node])
        looks: object = (node.kind, frozenset(callers[node]), frozenset(callees[node]))
        groups[node if alone else looks].append(node)
    spots = [spot for group in groups.values() for spot in _spots(group)]
    return spots if len(spots) <= CROWDED else _by_prefix(spots)


def _spots(group: list[Node]) -> list[Spot]:
    if len(group) < LOOK_ALIKES:
        return [Spot((node,)) for node in group]
    return [Spot(tuple(group))]


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

    chosen, length = grouped(0), 1
    while length < LONGEST_PREFIX and len(longer := grouped(length)) <= CROWDED - len(alone):
        chosen, length = longer, length + 1
    return alone + [
        Spot(tuple(group), prefix if len(group) > 1 else "") for (_, prefix), group in chosen.items()
    ]


def _digest(nodes: Iterable[Node]) -> str:
    """Stays the same from one picture to the next, and is safe as an id whatever the names are."""
    text = "\0".join(f"{node.kind}\1{node.name}" for node in nodes)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
