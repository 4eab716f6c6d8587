"""Calls of an unusual shape, found in whole traces; model/drawing.py has what each backend makes of them."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from threemaps.diagnose.case import Case, Check, Reason
from threemaps.model.difference import DifferenceKind, Source
from threemaps.model.drawing import CLOUDWATCH, HONEYCOMB, SHAPES, XRAY, Shape, draws
from threemaps.model.servicemap import Edge, Kind, Node
from threemaps.model.spans import (
    CLIENTS,
    REMOTE,
    SERVERS,
    Ends,
    TracedSpan,
    Tree,
    in_cloudwatch,
    in_honeycomb,
    in_xray,
)

SAMPLE_TOLERANCE = 3.0  # standard deviations
CALLER_WITHOUT_ENTRY, NO_SERVER_SPAN, NO_CLIENT_SPAN, SHARED_CLIENT_SPAN, CONSUMED, TWO_SDKS = SHAPES
DRAWN = {HONEYCOMB: in_honeycomb, XRAY: in_xray, CLOUDWATCH: in_cloudwatch}


@dataclass(frozen=True, slots=True)
class OddCall:
    """One edge that not all backends draw for the same span. Some may draw it: which of several callees was
    first is not known."""

    ends: Ends
    drawn_by: frozenset[str]
    perhaps_by: frozenset[str]
    shape: Shape
    trace: str

    def is_more_in(self, one: str, other: str) -> bool:
        return one in self.drawn_by | self.perhaps_by and other not in self.drawn_by


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found in some traces, or (`complete`) in all that touch the services in question."""

    traces: int = 0
    complete: bool = False
    calls: Mapping[Ends, int] = field(default_factory=dict)  # drawn by anybody
    odd: tuple[OddCall, ...] = ()
    doubled: Mapping[str, str] = field(default_factory=dict)  # service → a trace with two spans of one id
    refused: int = 0  # spans, by the collector's receivers since its start

    @property
    def told(self) -> str:
        return f"{'all' if self.complete else 'a part'} of the traces in question, {self.traces}"

    def reason(self, case: Case) -> Reason | Check | None:
        """Only as many calls as were found in traces, or as their share of the traces makes likely."""
        if case.difference.kind is DifferenceKind.LATENCY:
            return None
        found = drawn_otherwise(self, case) or one_id_twice(self, case)
        return found or Check(f"calls of an unusual shape: {self.told}, hold too few of them")


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
            for ends, drawn_by, perhaps_by in drawings(tree, span):
                calls[ends] += 1
                if drawn_by != frozenset(name for name in DRAWN if draws(name, Edge(*ends))):
                    odd.append(OddCall(ends, drawn_by, perhaps_by, shape_of(tree, span, ends), trace))
    return Looked(len(traces), complete, calls, tuple(odd), doubled)


def drawings(tree: Tree, span: TracedSpan) -> Iterator[tuple[Ends, frozenset[str], frozenset[str]]]:
    """The edges that are drawn because of this span, each with those that draw it, and that may.

    CloudWatch draws a call for its caller's span: it is set down to the callee's, as the others have it.
    """
    edges = {HONEYCOMB: list(in_honeycomb(tree, span)), XRAY: list(in_xray(tree, span))}
    edges[CLOUDWATCH], perhaps = of_cloudwatch(tree, span)
    for ends in dict.fromkeys(ends for drawn in (*edges.values(), perhaps) for ends in drawn):
        drawn_by = frozenset(backend for backend, drawn in edges.items() if ends in drawn)
        yield ends, drawn_by, frozenset({CLOUDWATCH} if ends in perhaps else ())


def of_cloudwatch(tree: Tree, span: TracedSpan) -> tuple[list[Ends], list[Ends]]:
    """What it draws, and what it may draw."""
    parent = tree.parent(span)
    beside = tree.callees.get(span.parent, []) if parent and parent.kind in CLIENTS else []
    own = [
        ends
        for ends in in_cloudwatch(tree, span)
        if span.kind not in CLIENTS or not calls_on(tree, span, ends)
    ]
    if not parent or span not in beside:
        return own, []
    call = Node(parent.service), Node(span.service)
    if len(beside) == 1:
        return [*own, call], []
    outside = Node.outside(), Node(span.service)
    return [ends for ends in own if ends != outside], [call, outside]


def calls_on(tree: Tree, span: TracedSpan, ends: Ends) -> bool:
    """It is the call that a callee's span below it stands for."""
    return bool(tree.callees.get(span.id)) and ends[0] == Node(span.service)


def shape_of(tree: Tree, span: TracedSpan, ends: Ends) -> Shape:
    if span.kind == "consumer" and ends[1] == REMOTE:
        return CONSUMED
    parent = tree.parent(span)
    beside = [one for one in tree.callees.get(span.parent, []) if one is not span] if parent else []
    if any(one.service == span.service for one in beside):
        return TWO_SDKS
    if tree.segment_of(parent) is None:
        return CALLER_WITHOUT_ENTRY
    if beside and parent and parent.kind in CLIENTS:
        return SHARED_CLIENT_SPAN
    if span.kind in SERVERS and parent and parent.kind not in CLIENTS:
        return NO_CLIENT_SPAN
    return NO_SERVER_SPAN


def drawn_otherwise(looked: Looked, case: Case) -> Reason | None:
    if len(case.ends) == 1:
        return missing_with_its_calls(looked, case)
    ends = case.ends[0], case.ends[1]
    found: list[OddCall] = []
    for other in case.others:
        counts = (case.odd.backend, case.said), (other.backend, case.says(other))
        if counts[0][1] == counts[1][1] or not reports(case, other, ends):
            continue
        odd = explaining(looked, ends, *counts)
        if not odd:
            return None
        found += odd
    return reason(found, looked) if found else None


def missing_with_its_calls(looked: Looked, case: Case) -> Reason | None:
    """A node is not drawn where none of its calls is."""
    node = case.ends[0]
    found: list[OddCall] = []
    for other in case.others:
        for edge in case.index.touching(node, [other.name]):
            if not draws(case.odd.backend, edge):
                continue
            odd = explaining(looked, edge.key, (case.odd.backend, 0), (other.backend, edge.requests or 0))
            if not odd:
                return None
            found += odd
    return reason(found, looked) if found else None


def reports(case: Case, other: Source, ends: Ends) -> bool:
    if case.is_missing:
        return draws(other.backend, Edge(*ends))
    return case.difference.values.get(other.name) is not None


def explaining(looked: Looked, ends: Ends, odd: tuple[str, float], other: tuple[str, float]) -> list[OddCall]:
    """The odd calls that make one backend have so many more than the other; none where they are too few."""
    ends = ends[0], (REMOTE if ends[1].kind is Kind.REMOTE else ends[1])
    (rich, most), (poor, least) = (other, odd) if other[1] > odd[1] else (odd, other)
    found = [call for call in looked.odd if call.ends == ends and call.is_more_in(rich, poor)]
    seen = looked.calls.get(ends, 0)
    if not found or not seen:
        return []
    likely = len(found) if looked.complete else likely_of(most, len(found), seen)
    return found if most - least <= likely else []


def likely_of(calls: float, found: int, seen: int) -> float:
    """How many of the calls may be such ones, if so many were found among those that were seen."""
    share = min(1.0, found / max(1, seen))
    spread = SAMPLE_TOLERANCE * math.sqrt(share * (1 - share) / max(1, seen))
    return calls * min(1.0, share + spread)


def reason(found: list[OddCall], looked: Looked) -> Reason:
    counts = Counter(call.shape.name for call in found)
    shape = max((call.shape for call in found), key=lambda one: counts[one.name])
    traces = tuple(dict.fromkeys(call.trace for call in found if call.shape is shape))
    seen = [f"{len(traces)} of the {looked.traces} traces that were looked at hold such calls"]
    seen += [f"trace {trace}" for trace in traces[:3]]
    if looked.refused and shape is CALLER_WITHOUT_ENTRY:
        seen.append(
            f"the collector has refused {looked.refused} spans since it started: callers' may be among them"
        )
    return Reason(shape.cause, shape.advice, tuple(seen), expected=shape is not TWO_SDKS)


def one_id_twice(looked: Looked, case: Case) -> Reason | None:
    """X-Ray knows a span by its id, and keeps the later of two."""
    found = {looked.doubled[node.name] for node in callees(case) if node.name in looked.doubled}
    if case.odd.backend == HONEYCOMB or not case.short or not found:
        return None
    return Reason(
        "two spans of one trace have the same id, and X-Ray keeps the later one",
        "find out who makes the ids: they have to differ within a trace",
        tuple(f"trace {trace}" for trace in sorted(found)[:3]),
    )


def callees(case: Case) -> set[Node]:
    """What may have been called: for a callee whose span is gone a remote node is drawn."""
    called = case.ends[-1]
    if called.kind is not Kind.REMOTE:
        return {called}
    names = [source.name for source in case.sources]
    callers = {edge.source for edge in case.index.touching(called, names)}
    return {edge.target for caller in callers for edge in case.index.touching(caller, names)}
