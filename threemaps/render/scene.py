"""What is to be drawn: the union of all maps in one layout, and what each map reports of every part of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from threemaps.model.difference import Comparison, Difference, DifferenceKind
from threemaps.model.servicemap import Edge, Node, ServiceMap
from threemaps.render.grouping import EdgeKey, Link, Plan, Spot
from threemaps.render.names import title
from threemaps.render.numbers import signed

# The source of the map that is all maps in one: what most report, and where one diverges.
MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one map reports of a spot or link; `state` is drawn, undrawn, or missing (it should be there)."""

    state: str
    diverging: bool = False  # something unexpected is here, and this map is the one out of step
    delta: float | None = None  # how many calls more or fewer than in the maps that do not diverge
    note: str = ""  # in the merged map: which maps diverge, and how
    requests: int | None = None
    errors: int | None = None
    mean_ms: float | None = None
    p95_ms: float | None = None
    client_errors: int | None = None


class Scene:
    """A comparison, ready to be drawn. Of what is as in the scene `before` it nothing is worked out anew."""

    nodes: list[Node]
    edges: list[EdgeKey]
    plan: Plan
    _held: dict[str, dict[EdgeKey, Edge]]
    _present: dict[str, frozenset[Node]]

    def __init__(self, comparison: Comparison, before: "Scene | None" = None) -> None:
        self.comparison = comparison
        self.seconds = comparison.window.seconds
        self._marks = _marks(comparison.differences)
        changed = changed_edges(before.comparison, comparison) if before else None
        if before is None or changed is None:
            self._index()
        else:
            self._present, self._held = before._present, before._with(changed)
            self.nodes, self.edges = before.nodes, before.edges
        marked = {node for key in self._marks for node in key}
        is_same = before is not None and before.plan.fits(self.nodes, self.edges, marked)
        self.plan = before.plan if before and is_same else Plan(self.nodes, self.edges, marked)
        self.layout = self.plan.layout
        self.spots, self.links = self.plan.spots, self.plan.links
        self._of_link: dict[tuple[str, Link], Figures] = {}
        self._of_spot: dict[tuple[str, Spot], Figures] = {}
        # Links that are not as in the scene before; None: nothing is known of it.
        self.changed: set[Link] | None = None
        if before and is_same and changed is not None:
            self._keep(before, changed)

    def _index(self) -> None:
        maps = {name: found for name, found in self.comparison.maps.items() if found is not None}
        self.nodes = sorted(dict.fromkeys(node for found in maps.values() for node in found.nodes))
        self._held = {name: {edge.key: edge for edge in found.edges} for name, found in maps.items()}
        self.edges = sorted(dict.fromkeys(key for held in self._held.values() for key in held))
        self._present = {name: frozenset(found.nodes) for name, found in maps.items()}

    def _with(self, changed: Mapping[str, Sequence[Edge]]) -> dict[str, dict[EdgeKey, Edge]]:
        return {name: held | {edge.key: edge for edge in changed[name]} for name, held in self._held.items()}

    def _keep(self, before: "Scene", changed: Mapping[str, Sequence[Edge]]) -> None:
        marks = {
            key
            for key in self._marks.keys() | before._marks.keys()
            if self._marks.get(key) != before._marks.get(key)
        }
        keys = {edge.key for edges in changed.values() for edge in edges}
        keys |= {(key[0], key[1]) for key in marks if len(key) == 2}
        links = {self.plan.link_of[key] for key in keys if key in self.plan.link_of}
        spots = {link.target for link in links}
        spots |= {self.plan.home[key[0]] for key in marks if len(key) == 1 and key[0] in self.plan.home}
        self.changed = links
        self._of_link = {one: found for one, found in before._of_link.items() if one[1] not in links}
        self._of_spot = {one: found for one, found in before._of_spot.items() if one[1] not in spots}

    @property
    def edges_in_order(self) -> list[EdgeKey]:
        return [key for link in self.plan.order for key in link.edges]

    def edge(self, source: str, key: EdgeKey) -> Edge | None:
        return self._held.get(source, {}).get(key)

    def of_spot(self, source: str, spot: Spot) -> Figures:
        """With what its callers' edges say together; a caller from outside has none."""
        known = source, spot
        if known not in self._of_spot:
            self._of_spot[known] = self._figures_of_spot(source, spot)
        return self._of_spot[known]

    def _figures_of_spot(self, source: str, spot: Spot) -> Figures:
        if source == MERGED:
            return _merged({name: self.of_spot(name, spot) for name in self._held})
        marks = [self._marks[(node,)] for node in spot.members if (node,) in self._marks]
        present = any(node in self._present.get(source, ()) for node in spot.members)
        calls = [edge for link in self.plan.into[spot] for edge in self._edges(source, link.edges)]
        return Figures(*_state(source, present, marks), **_together(calls))

    def of_link(self, source: str, link: Link) -> Figures:
        """Worked out once: maps, merged map and table all ask."""
        known = source, link
        if known not in self._of_link:
            self._of_link[known] = self.of_edges(source, link.edges)
        return self._of_link[known]

    def of_edges(self, source: str, keys: Sequence[EdgeKey]) -> Figures:
        if source == MERGED:
            return _merged({name: self.of_edges(name, keys) for name in self._held})
        edges = self._edges(source, keys)
        marks = [self._marks[key] for key in keys if key in self._marks]
        diverging = set().union(*marks)
        delta = self._delta(source, keys, diverging) if source in diverging else None
        return Figures(*_state(source, bool(edges), marks), delta=delta, **_together(edges))

    def diverges(self, link: Link) -> bool:
        return any(self.of_link(source, link).diverging for source in self.comparison.maps)

    def place(self, link: Link) -> int:
        """Of a link in a list: where maps diverge first, then from the top of the maps to their bottom."""
        return self.plan.order[link] - (len(self.links) if self.diverges(link) else 0)

    def by_weight(self) -> list[Link]:
        """Where maps diverge first, then the busiest."""

        def weight(link: Link) -> tuple[bool, int]:
            figures = [self.of_link(source, link) for source in self.comparison.maps]
            return any(one.diverging for one in figures), max(one.requests or 0 for one in figures)

        return sorted(self.links, key=weight, reverse=True)

    def _delta(self, source: str, keys: Sequence[EdgeKey], diverging: set[str]) -> float | None:
        """By how many calls this map diverges from those that do not."""
        counts = {name: _sum(edge.requests for edge in self._edges(name, keys)) for name in self._held}
        usual = [count for name, count in counts.items() if name not in diverging and count is not None]
        own = counts.get(source)
        return own - max(usual) if usual and own is not None else None

    def _edges(self, source: str, keys: Sequence[EdgeKey]) -> list[Edge]:
        held = self._held.get(source, {})
        return [edge for key in keys if (edge := held.get(key)) is not None]


def changed_edges(before: Comparison, after: Comparison) -> dict[str, list[Edge]] | None:
    """Source → its edges with other figures; None where a source has other nodes, other edges or no map."""
    found: dict[str, list[Edge]] = {}
    if before.maps.keys() != after.maps.keys():
        return None
    for name, new in after.maps.items():
        old = before.maps[name]
        if old is None and new is None:
            continue
        changed = _changed(old, new) if old and new else None
        if changed is None:
            return None
        found[name] = changed
    return found


def _changed(old: ServiceMap, new: ServiceMap) -> list[Edge] | None:
    if old is new:
        return []
    if old.nodes != new.nodes or len(old.edges) != len(new.edges):
        return None
    pairs = zip(old.edges, new.edges, strict=True)
    changed = [(a, b) for a, b in pairs if a != b or a.client_errors != b.client_errors]
    return [b for _, b in changed] if all(a.key == b.key for a, b in changed) else None


def _merged(figures: Mapping[str, Figures]) -> Figures:
    """What the maps that do not diverge report, the most complete first, and which ones diverge."""
    drawn = sorted(
        (one for one in figures.values() if one.state == "drawn"),
        key=lambda one: (one.diverging, one.errors is None, one.p95_ms is None),
    )
    diverging = {name: one for name, one in figures.items() if one.diverging}
    if not drawn:
        return Figures("undrawn")
    note = ", ".join(filter(None, (_divergence(name, one) for name, one in diverging.items())))
    return replace(drawn[0], diverging=bool(diverging), delta=None, note=note)


def _divergence(source: str, figures: Figures) -> str:
    if figures.state == "missing":
        return f"not in {title(source)}"
    return f"{title(source)} {signed(figures.delta)}" if figures.delta else ""


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
    diverging = any(source in mark for mark in marks)
    state = "drawn" if present else "missing" if diverging else "undrawn"
    return state, diverging


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
