"""One difference, the source that is out of step, and the reason that was found for it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from threemaps.model.difference import Difference, DifferenceKind, Source
from threemaps.model.servicemap import Edge, Node

TITLES = {"honeycomb": "Honeycomb", "xray": "X-Ray", "cloudwatch": "CloudWatch"}
DOCTOR = "run `threemaps doctor`: it walks the chain and names the broken link"
MISSING = (DifferenceKind.MISSING_NODE, DifferenceKind.MISSING_EDGE)


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
        self.astray: dict[Node, list[Edge]] = {}  # caller → what is known of it, see servicegraph.stray_calls
        # Map → its edges by the names that X-Ray has for their ends, see names.calls_by_xrays_names
        self.by_xrays_names: dict[str, dict[tuple[Node, Node], list[Edge]]] = {}
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


class Case:
    """A difference with the one source that is out of step, and all the others that could be read.

    Every candidate asks the same of it, for thousands of differences: the answers are found at once.
    """

    def __init__(self, difference: Difference, odd: Source, others: tuple[Source, ...], index: Index) -> None:
        self.difference = difference
        self.odd = odd
        self.others = others
        self.index = index
        self.sources = (odd, *others)
        source, target = difference.source, difference.target
        self.ends: tuple[Node, ...] = tuple(end for end in (source, target) if end is not None)
        self.is_missing = difference.kind in MISSING
        values = difference.values
        self.said = values.get(odd.name) or 0
        # What the others say of the value in question, or of the calls on a missing edge.
        self.usual = max([values.get(other.name) or 0 for other in others], default=0)
        # The odd source has less than the others. Where all calls came, their errors did not get lost.
        self.short = self.is_missing or (self.said < self.usual and self.lacks_calls)

    @property
    def lacks_calls(self) -> bool:
        if self.difference.kind is not DifferenceKind.ERRORS:
            return True
        own = self.requests(self.odd)
        return any(self.requests(other) > own for other in self.others)

    def requests(self, source: Source) -> int:
        """The calls on the edge in question."""
        edge = self.index.edge(source.name, self.ends[0], self.ends[-1])
        return edge.requests or 0 if edge else 0

    @property
    def title(self) -> str:
        return TITLES.get(self.odd.backend, self.odd.name)

    def says(self, source: Source) -> float:
        return self.difference.values.get(source.name) or 0
