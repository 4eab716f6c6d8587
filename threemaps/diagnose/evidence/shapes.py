"""Calls that the backends draw differently, found in whole traces. Pure.

What each backend makes of a span is said here once more, in a few lines each; a call of which all make the
same is an ordinary one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from threemaps.model.servicemap import Kind, Node

CLIENTS = ("client", "producer")
SERVERS = ("server", "consumer")
HONEYCOMB, XRAY, CLOUDWATCH = "honeycomb", "xray", "cloudwatch"
EVERYBODY = frozenset((HONEYCOMB, XRAY, CLOUDWATCH))
REMOTE = Node("", Kind.REMOTE)  # whatever its name

Ends = tuple[Node, Node]


class Oddity(StrEnum):
    CALLER_NEVER_CAME = "caller never came"
    CALLER_WITHOUT_ENTRY = "caller without entry"
    NO_SERVER_SPAN = "no server span"
    NO_CLIENT_SPAN = "no client span"
    SHARED_CLIENT_SPAN = "shared client span"


@dataclass(frozen=True, slots=True)
class TracedSpan:
    trace: str
    id: str
    parent: str  # empty for a root
    service: str
    kind: str  # as Honeycomb writes it: server, client, producer, consumer, internal
    entered: bool = False  # X-Ray has a segment for it, since its flags say that its parent is elsewhere


@dataclass(frozen=True, slots=True)
class OddCall:
    """One call of which not all backends make the same; some may draw it or not, by chance."""

    ends: Ends
    drawn_by: frozenset[str]
    perhaps_by: frozenset[str]
    oddity: Oddity
    trace: str

    def is_more_in(self, one: str, other: str) -> bool:
        """Whether the one may have this call where the other has not."""
        return one in self.drawn_by | self.perhaps_by and other not in self.drawn_by


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found in some traces, or in all that touch the services in question."""

    traces: int = 0
    complete: bool = False
    calls: Mapping[Ends, int] = field(default_factory=dict)  # drawn by anybody
    odd: tuple[OddCall, ...] = ()
    doubled: Mapping[str, str] = field(default_factory=dict)  # service → a trace with two spans of one id


class Tree:
    """One trace. A span belongs to the X-Ray segment that its chain of parents ends in."""

    def __init__(self, spans: Iterable[TracedSpan]) -> None:
        self.spans = {span.id: span for span in spans}
        below = [span for span in self.spans.values() if span.parent]
        self.segments = Counter(span.parent for span in below if is_segment(span))
        self.servers = Counter(span.parent for span in below if is_server(span))

    def parent(self, span: TracedSpan) -> TracedSpan | None:
        return self.spans.get(span.parent)

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


def is_server(span: TracedSpan) -> bool:
    """To the service graph, which has two sides of a call and no third."""
    return span.kind in SERVERS or (span.entered and span.kind not in CLIENTS)


def service(span: TracedSpan) -> Node:
    return Node(span.service)


def look(spans: Iterable[TracedSpan], *, complete: bool) -> Looked:
    traces: dict[str, list[TracedSpan]] = {}
    for span in spans:
        traces.setdefault(span.trace, []).append(span)
    calls: Counter[Ends] = Counter()
    odd = []
    doubled: dict[str, str] = {}
    for trace, held in traces.items():
        tree = Tree(held)
        twins = [(span, tree.spans[span.id]) for span in held if tree.spans[span.id] != span]
        doubled |= {span.service: trace for pair in twins for span in pair}
        for span in tree.spans.values():
            for ends, sure, perhaps in drawings(tree, span):
                calls[ends] += 1
                if sure != who_can_draw(ends):
                    odd.append(OddCall(ends, sure, perhaps, oddity_of(tree, span), trace))
    return Looked(len(traces), complete, calls, tuple(odd), doubled)


def who_can_draw(ends: Ends) -> frozenset[str]:
    between_services = all(end.kind is Kind.SERVICE for end in ends) and ends[0] != ends[1]
    return EVERYBODY if between_services else EVERYBODY - {HONEYCOMB}


def drawings(tree: Tree, span: TracedSpan) -> Iterator[tuple[Ends, frozenset[str], frozenset[str]]]:
    """The edges that are drawn because of this span, each with those that draw it, and that may."""
    # The connector lets one server's span meet a client's; which one it is depends on who comes first.
    shared = is_server(span) and tree.servers[span.parent] > 1
    edges = {
        HONEYCOMB: list(in_honeycomb(tree, span)),
        XRAY: list(in_xray(tree, span)),
        CLOUDWATCH: list(in_cloudwatch(tree, span)),
    }
    for ends in dict.fromkeys(ends for drawn in edges.values() for ends in drawn):
        drawn_by = frozenset(backend for backend, drawn in edges.items() if ends in drawn)
        perhaps_by = drawn_by & {CLOUDWATCH} if shared else frozenset()
        yield ends, drawn_by - perhaps_by, perhaps_by


def in_honeycomb(tree: Tree, span: TracedSpan) -> Iterator[Ends]:
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
    """A client's span and the server's below it are a call; a client's alone goes to a remote node."""
    parent = tree.parent(span)
    if not span.parent:
        yield Node.outside(), service(span)
    elif is_server(span) and parent and parent.kind in CLIENTS:
        yield service(parent), service(span)
    if span.kind in CLIENTS and not tree.servers[span.id]:
        yield service(span), REMOTE


def oddity_of(tree: Tree, span: TracedSpan) -> Oddity:
    parent = tree.parent(span)
    caller = tree.segment_of(parent)
    if parent is None and is_segment(span):
        return Oddity.CALLER_NEVER_CAME
    if caller is None:
        return Oddity.CALLER_WITHOUT_ENTRY
    own = parent.service if parent and is_segment(span) else span.service
    if not is_server(span) or caller.service != own:
        return Oddity.NO_SERVER_SPAN
    if parent and parent.kind not in CLIENTS:
        return Oddity.NO_CLIENT_SPAN
    return Oddity.SHARED_CLIENT_SPAN
