"""Spans as far as a map needs them, and what each backend draws of the tree of a trace. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
    callee: str = ""  # what CloudWatch names whom it calls


Traces = Mapping[str, list[TracedSpan]]


@dataclass(frozen=True, slots=True)
class Counted:
    """What one span adds to an edge: from `least` to `most` calls, as the span does not always tell."""

    ends: Ends
    fault: bool = False
    least: int = 1
    most: int = 1


class Tree:
    """One trace. A span belongs to the X-Ray segment that its chain of parents ends in."""

    def __init__(self, spans: Iterable[TracedSpan]) -> None:
        self.spans = {span.id: span for span in spans}
        self.called = {span.parent for span in self.spans.values() if is_segment(span)}
        self.callees: dict[str, list[TracedSpan]] = {}
        for span in self.spans.values():
            if self.is_entry(span):
                self.callees.setdefault(span.parent, []).append(span)

    def parent(self, span: TracedSpan) -> TracedSpan | None:
        return self.spans.get(span.parent) if span.parent != span.id else None

    def crosses(self, span: TracedSpan) -> bool:
        parent = self.parent(span)
        return parent is not None and parent.service != span.service

    def is_entry(self, span: TracedSpan) -> bool:
        """CloudWatch takes a call of its parent's for answered by it."""
        return bool(self.parent(span)) and (span.kind in SERVERS or self.crosses(span))

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


def callee(span: TracedSpan) -> Node:
    return Node(span.callee, Kind.REMOTE)


def in_honeycomb(tree: Tree, span: TracedSpan) -> Iterator[Counted]:
    """A span of another service than its parent's is a call."""
    parent = tree.parent(span)
    if parent and parent.service != span.service:
        yield Counted((service(parent), service(span)), span.fault)


def in_xray(tree: Tree, span: TracedSpan) -> Iterator[Counted]:
    """A segment was called by the segment above it; a call without one below it goes to a remote node."""
    if is_segment(span):
        parent = tree.parent(span)
        caller = tree.segment_of(parent)
        failed = bool(caller and parent and parent.kind in CLIENTS and parent.fault)
        source = service(caller) if caller else Node.outside()
        yield Counted((source, service(span)), span.fault or failed)
    owner = tree.segment_of(span)
    if owner and span.kind in CLIENTS and span.id not in tree.called:
        yield Counted((service(owner), Node(span.name, Kind.REMOTE)), span.fault)


def in_cloudwatch(tree: Tree, span: TracedSpan) -> Iterator[Counted]:
    """A service's own figures are of its server spans and of those that begin something in it. A span of a
    client, producer or consumer is a call: of the one that it reached first, and taken off what that one was
    called from outside."""
    is_first = not span.parent or span.entered
    if span.kind == "server" or is_first:
        yield Counted((Node.outside(), service(span)), span.fault)
    elif tree.crosses(span) or tree.parent(span) is None:
        yield Counted((Node.outside(), service(span)), span.fault, least=0)  # unless its flags say otherwise
    if span.kind not in (*CLIENTS, "consumer"):
        return
    reached = list(dict.fromkeys(map(service, tree.callees.get(span.id, ()))))
    for node in reached:
        least = 1 if len(reached) == 1 else 0
        yield Counted((service(span), node), span.fault, least)
        yield Counted((Node.outside(), node), span.fault, -1, -least)
    if not reached:
        yield Counted((service(span), callee(span)), span.fault)


def in_span_log(tree: Tree, span: TracedSpan) -> Iterator[Counted]:
    """CloudWatch's map where it is read from the spans: see readers/span_map.py."""
    parent = tree.parent(span)
    is_own = not span.parent or span.kind in SERVERS or tree.crosses(span)
    if is_own and (parent is None or parent.kind not in CLIENTS):
        yield Counted((Node.outside(), service(span)), span.fault)
    if span.kind in CLIENTS:
        reached = list(dict.fromkeys(map(service, tree.callees.get(span.id, ()))))
        for node in reached or [callee(span)]:
            yield Counted((service(span), node), span.fault, 1 if len(reached) < 2 else 0)


Draw = Callable[[Tree, TracedSpan], Iterator[Counted]]


class Answers:
    """Whom CloudWatch takes a call for that nobody answered: a service of that name, or the only one that
    answered its caller's other calls by that name. `in_log`: as it is where the map is read from spans."""

    def __init__(self, trees: Iterable[Tree], *, in_log: bool) -> None:
        self.in_log = in_log
        self.alive: set[str] = set()
        self.known: dict[Ends, set[Node]] = {}
        for tree in trees:
            for span in tree.spans.values():
                self._add(tree, span)

    def _add(self, tree: Tree, span: TracedSpan) -> None:
        if self.in_log or span.kind == "server" or span.entered or not span.parent or tree.is_entry(span):
            self.alive.add(span.service)
        source = span if self.in_log else tree.segment_of(span)  # else X-Ray is asked who answered
        if span.kind in CLIENTS and source:
            for one in tree.callees.get(span.id, ()):
                if self.in_log or is_segment(one):
                    self.known.setdefault((service(source), callee(span)), set()).add(service(one))

    def settled(self, one: Counted) -> Iterator[Counted]:
        source, target = one.ends
        names = {Node(target.name)} if target.name in self.alive else self.known.get(one.ends, set())
        if target.kind is not Kind.REMOTE or len(names) != 1:
            yield one
            return
        [node] = names
        yield Counted((source, node), one.fault, one.least, one.most)
        if not self.in_log:
            yield Counted((Node.outside(), node), one.fault, -one.most, -one.least)
