"""Spans as far as a map needs them, and the tree of a trace as each backend takes it. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from threemaps.model.servicemap import Kind, Node

CLIENTS = ("client", "producer")
SERVERS = ("server", "consumer")
REMOTE = Node("", Kind.REMOTE)  # whatever its name

Ends = tuple[Node, Node]


@dataclass(frozen=True, slots=True)
class TracedSpan:
    """Times are seconds since the epoch; 0.0 where a backend did not report them."""

    trace: str
    id: str
    parent: str  # empty for a root
    service: str
    kind: str  # as Honeycomb writes it: server, client, producer, consumer, internal
    entered: bool = False  # its flags say that its parent is in another process: X-Ray has a segment for it
    name: str = ""
    start: float = 0.0
    end: float = 0.0
    fault: bool = False


Traces = Mapping[str, list[TracedSpan]]


class Tree:
    """One trace. A span belongs to the X-Ray segment that its chain of parents ends in."""

    def __init__(self, spans: Iterable[TracedSpan]) -> None:
        self.spans = {span.id: span for span in spans}
        below = [span for span in self.spans.values() if span.parent]
        self.segments = Counter(span.parent for span in below if is_segment(span))
        self.callees: dict[str, list[TracedSpan]] = {}
        for span in below:
            if self.is_entered(span):
                self.callees.setdefault(span.parent, []).append(span)

    def parent(self, span: TracedSpan) -> TracedSpan | None:
        return self.spans.get(span.parent)

    def is_entered(self, span: TracedSpan) -> bool:
        """A service begins here: CloudWatch counts it among the service's own calls."""
        parent = self.parent(span)
        is_other = parent is not None and parent.service != span.service
        return span.kind in SERVERS or ((is_other or span.entered) and span.kind not in CLIENTS)

    def segment_of(self, span: TracedSpan | None) -> TracedSpan | None:
        seen: set[str] = set()
        while span is not None and not is_segment(span):
            if span.id in seen:
                return None
            seen.add(span.id)
            span = self.parent(span)
        return span


def is_segment(span: TracedSpan) -> bool:
    return span.kind in SERVERS or span.entered or not span.parent


def service(span: TracedSpan) -> Node:
    return Node(span.service)


def in_honeycomb(tree: Tree, span: TracedSpan) -> Iterator[Ends]:
    """A span of another service than its parent's is a call."""
    parent = tree.parent(span)
    if parent and parent.service != span.service:
        yield service(parent), service(span)


def in_xray(tree: Tree, span: TracedSpan) -> Iterator[Ends]:
    """A segment was called by the segment above it; a call without one below it goes to a remote node."""
    if is_segment(span):
        caller = tree.segment_of(tree.parent(span))
        yield service(caller) if caller else Node.outside(), service(span)
    owner = tree.segment_of(span)
    if owner and span.kind in CLIENTS and not tree.segments[span.id]:
        yield service(owner), REMOTE


def in_cloudwatch(tree: Tree, span: TracedSpan) -> Iterator[Ends]:
    """A span of a client or producer is a call, to the one that it reached first; what a service was called
    beyond that came from outside. A consumer's span is a call of its messaging system as well."""
    if span.kind in CLIENTS:
        called = tree.callees.get(span.id)
        yield service(span), service(called[0]) if called else REMOTE
    if span.kind == "consumer":
        yield service(span), REMOTE
    if span.parent == "" or tree.is_entered(span):
        parent = tree.parent(span)
        counted = parent is not None and parent.kind in CLIENTS and tree.callees[parent.id][0] is span
        if not counted:
            yield Node.outside(), service(span)
