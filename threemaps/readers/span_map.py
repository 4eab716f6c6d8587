"""A service map from spans and their parents. Pure: no I/O, no clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.readers.span_log import LoggedSpan

CALLS = ("CLIENT", "PRODUCER")
ENTRIES = ("SERVER", "CONSUMER")
Spans = Mapping[tuple[str, str], LoggedSpan]


@dataclass
class Tally:
    """The calls of one edge."""

    durations: list[float] = field(default_factory=list)
    faults: int = 0

    def add(self, span: LoggedSpan) -> None:
        self.durations.append(span.duration_ms)
        self.faults += span.failed

    def edge(self, source: Node, target: Node) -> Edge:
        ordered = sorted(self.durations)
        mean = round(sum(ordered) / len(ordered), 3)
        slow = ordered[-(-len(ordered) * 95 // 100) - 1]
        return Edge(source, target, len(ordered), self.faults, mean, round(slow, 3))


class Calls:
    """Who calls whom, by spans and their parents."""

    def __init__(self, spans: Spans, window: Window) -> None:
        start, end = window.start.timestamp() * 1e9, window.end.timestamp() * 1e9
        self._spans = spans
        self.ended = [span for span in spans.values() if start <= span.end_ns < end]
        self.services = {span.service for span in self.ended}
        self._entered: dict[tuple[str, str], list[str]] = {}
        for span in spans.values():
            if span.parent and self._is_entry(span):
                self._entered.setdefault((span.trace, span.parent), []).append(span.service)
        self._answered: dict[tuple[str, str], set[str]] = {}
        for span in self.ended:
            if span.kind in CALLS:
                name = span.service, span.callee
                self._answered.setdefault(name, set()).update(self._entered.get((span.trace, span.id), ()))

    def _is_entry(self, span: LoggedSpan) -> bool:
        """Whether its process was called with it: by its kind, or as its parent is another service's."""
        parent = self._spans.get((span.trace, span.parent))
        return span.kind in ENTRIES or (parent is not None and parent.service != span.service)

    def is_own(self, span: LoggedSpan) -> bool:
        """Whether it counts among the calls of its service, whoever made them."""
        return not span.parent or self._is_entry(span)

    def edges_of(self, span: LoggedSpan) -> Iterator[tuple[Node, Node]]:
        """The call that it makes; and that it serves, where no caller's span is that call."""
        if span.kind in CALLS:
            yield Node(span.service), self._target(span)
        parent = self._spans.get((span.trace, span.parent))
        if self.is_own(span) and (parent is None or parent.kind not in CALLS):
            yield Node.outside(), Node(span.service)

    def _target(self, span: LoggedSpan) -> Node:
        """Who answered; else the service of that name, or the only one that answered others by it."""
        if reached := self._entered.get((span.trace, span.id)):
            return Node(reached[0])
        if span.callee in self.services:
            return Node(span.callee)
        known = self._answered[span.service, span.callee]
        return Node(next(iter(known))) if len(known) == 1 else Node(span.callee, Kind.REMOTE)


def map_of(spans: Spans, window: Window) -> ServiceMap:
    """Calls are counted where they ended; what nobody in the map called came from outside."""
    calls = Calls(spans, window)
    edges: dict[tuple[Node, Node], Tally] = {}
    for span in calls.ended:
        for ends in calls.edges_of(span):
            edges.setdefault(ends, Tally()).add(span)
    nodes = (Node(name) for name in calls.services)
    return ServiceMap.of(nodes, (tally.edge(*ends) for ends, tally in edges.items()))


def own_calls(spans: Spans, window: Window) -> dict[Node, tuple[int, int]]:
    """Calls and faults of each service itself, whoever called."""
    calls = Calls(spans, window)
    found: dict[Node, tuple[int, int]] = {}
    for span in filter(calls.is_own, calls.ended):
        count, faults = found.get(Node(span.service), (0, 0))
        found[Node(span.service)] = count + 1, faults + span.failed
    return found
