"""One difference, the source that is out of step, and what can be said of it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from threemaps.model import drawing
from threemaps.model.difference import Difference, DifferenceKind, Source
from threemaps.model.servicemap import Edge, Node

DOCTOR = "run `threemaps doctor`: it walks the chain and names the broken link"
MISSING = (DifferenceKind.MISSING_NODE, DifferenceKind.MISSING_EDGE)


@dataclass(frozen=True, slots=True)
class Reason:
    cause: str
    advice: str = ""
    evidence: tuple[str, ...] = ()
    expected: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked at and is not the cause; or, with `done` False, that nobody looked at."""

    text: str
    done: bool = True

    def __str__(self) -> str:
        return f"{'checked' if self.done else 'not checked'}: {self.text}"


class Case:
    """A difference with the one source that is out of step, and all the others that could be read.

    Every subject asks the same of it, for thousands of differences: the answers are found at once.
    """

    def __init__(
        self, difference: Difference, diverging: Source, others: tuple[Source, ...], index: "Index"
    ) -> None:
        self.difference = difference
        self.diverging = diverging
        self.others = others
        self.index = index
        self.sources = (diverging, *others)
        source, target = difference.source, difference.target
        self.ends: tuple[Node, ...] = tuple(end for end in (source, target) if end is not None)
        self.is_missing = difference.kind in MISSING
        values = difference.values
        self.said = values.get(diverging.name) or 0
        # What the others say of the value in question, or of the calls on a missing edge.
        self.usual = max([values.get(other.name) or 0 for other in others], default=0)
        # The diverging source has less than the others. Where all calls came, their errors did not get lost.
        self.short = self.is_missing or (self.said < self.usual and self.lacks_calls)

    @property
    def lacks_calls(self) -> bool:
        if self.difference.kind is DifferenceKind.LATENCY:
            return False
        if self.difference.kind is not DifferenceKind.ERRORS:
            return True
        own = self.requests(self.diverging)
        return any(self.requests(other) > own for other in self.others)

    def requests(self, source: Source) -> int:
        """The calls on the edge in question."""
        return self.index.requests(source.name, self.ends[0], self.ends[-1])

    @property
    def title(self) -> str:
        return drawing.title(self.diverging.backend, self.diverging.name)

    def says(self, source: Source) -> float:
        return self.difference.values.get(source.name) or 0


class Index:
    """The edges of all maps, by their ends."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._edges: dict[str, dict[tuple[Node, Node], Edge]] = {}
        self._touching: dict[tuple[str, Node], list[Edge]] = {}
        # Map → its edges by the names that X-Ray has for their ends, see names.py
        self.by_xrays_names: dict[str, dict[tuple[Node, Node], list[Edge]]] = {}
        for source in sources:
            held = source.map.edges if source.map else ()
            self._edges[source.name] = {edge.key: edge for edge in held}
            for edge in held:
                for end in set(edge.key):
                    self._touching.setdefault((source.name, end), []).append(edge)

    def edge(self, name: str, source: Node, target: Node) -> Edge | None:
        return self._edges[name].get((source, target))

    def requests(self, name: str, source: Node, target: Node) -> int:
        edge = self.edge(name, source, target)
        return edge.requests or 0 if edge else 0

    def touching(self, node: Node, names: Iterable[str]) -> list[Edge]:
        return [edge for name in names for edge in self._touching.get((name, node), [])]

    def is_empty(self, name: str) -> bool:
        return not self._edges[name]


class Subject(Protocol):
    """Something that may be the cause: what was found when it was looked at, and what that proves."""

    def reason(self, case: Case) -> Reason | Check | None:
        """The reason, what was checked or could not be, or None where it has no bearing on this case."""
        ...


@dataclass(frozen=True, slots=True)
class NotAsked:
    """In the place of a subject that could not be looked at."""

    what: str

    def reason(self, case: Case) -> Check:
        return Check(self.what, done=False)


def at(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"
