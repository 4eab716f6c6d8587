"""One difference, the source that is out of step, and the reason that was found for it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from threemaps.compare import Difference, DifferenceKind, Source
from threemaps.servicemap import Edge, Node

TITLES = {"honeycomb": "Honeycomb", "xray": "X-Ray", "cloudwatch": "CloudWatch"}
DOCTOR = "run `threemaps doctor`: it walks the chain and names the broken link"


@dataclass(frozen=True, slots=True)
class Reason:
    cause: str
    advice: str = ""
    evidence: tuple[str, ...] = ()
    expected: bool = False


class Index:
    """The edges of all maps, by their ends."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._edges: dict[str, dict[tuple[Node, Node], Edge]] = {}
        self._touching: dict[tuple[str, Node], list[Edge]] = {}
        for source in sources:
            held = source.map.edges if source.map else ()
            self._edges[source.name] = {edge.key: edge for edge in held}
            for edge in held:
                for end in set(edge.key):
                    self._touching.setdefault((source.name, end), []).append(edge)

    def edge(self, name: str, source: Node, target: Node) -> Edge | None:
        return self._edges[name].get((source, target))

    def touching(self, node: Node, names: Iterable[str]) -> list[Edge]:
        return [edge for name in names for edge in self._touching.get((name, node), [])]

    def is_empty(self, name: str) -> bool:
        return not self._edges[name]


@dataclass(frozen=True)
class Case:
    """A difference with the one source that is out of step, and all the others that could be read.

    Every candidate asks the same of it, for thousands of differences: the answers are kept.
    """

    difference: Difference
    odd: Source
    others: tuple[Source, ...]
    index: Index

    @property
    def title(self) -> str:
        return TITLES.get(self.odd.backend, self.odd.name)

    @property
    def ends(self) -> tuple[Node, ...]:
        return tuple(end for end in (self.difference.source, self.difference.target) if end is not None)

    @property
    def sources(self) -> tuple[Source, ...]:
        return (self.odd, *self.others)

    @cached_property
    def is_missing(self) -> bool:
        return self.difference.kind in (DifferenceKind.MISSING_NODE, DifferenceKind.MISSING_EDGE)

    @cached_property
    def usual(self) -> float:
        """What the others say of the value in question, or of the calls on a missing edge."""
        values = self.difference.values
        told = [values.get(other.name) for other in self.others]
        return max((value for value in told if value is not None), default=0)

    def says(self, source: Source) -> float:
        return self.difference.values.get(source.name) or 0

    @property
    def said(self) -> float:
        return self.says(self.odd)

    @cached_property
    def short(self) -> bool:
        """The odd source has less than the others."""
        return self.is_missing or self.said < self.usual
