"""Calls of an unusual shape: what each backend draws of whole traces, and by how much that differs."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from threemaps.diagnose.case import Case, Check, Reason
from threemaps.diagnose.whole_traces import (
    CALLER_WITHOUT_ENTRY,
    SPAN_LOG,
    UnlikeTrace,
    are_alike,
    ranges_of,
    shape_in,
)
from threemaps.model.difference import DifferenceKind, Source
from threemaps.model.drawing import CLOUDWATCH, HONEYCOMB, draws
from threemaps.model.servicemap import Edge, Kind, Node
from threemaps.model.spans import Answers, Ends, TracedSpan, Tree

SAMPLE_TOLERANCE = 3.0  # standard deviations


def drawer_of(source: Source) -> str:
    return SPAN_LOG if source.read_through == SPAN_LOG else source.backend


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found in some traces, or (`complete`) in all that touch the services in question."""

    traces: int = 0
    complete: bool = False
    calls: Mapping[Ends, int] = field(default_factory=dict)  # drawn by anybody
    unlike: tuple[UnlikeTrace, ...] = ()
    doubled: Mapping[str, str] = field(default_factory=dict)  # service → a trace with two spans of one id
    refused: int = 0  # spans, by the collector's receivers since its start

    @property
    def looked_at(self) -> str:
        return f"{'all' if self.complete else 'a part'} of the traces in question, {self.traces}"

    def reason(self, case: Case) -> Reason | Check | None:
        """Only as many calls as were found in traces, or as their share of the traces makes likely."""
        if case.difference.kind is DifferenceKind.LATENCY:
            return of_other_calls(self, case)
        found = drawn_otherwise(self, case) or one_id_twice(self, case)
        return found or Check(f"calls of an unusual shape: {self.looked_at}, hold too few of them")


def look(spans: Iterable[TracedSpan], *, complete: bool) -> Looked:
    traces: dict[str, list[TracedSpan]] = {}
    for span in spans:
        traces.setdefault(span.trace, []).append(span)
    trees = {trace: Tree(held) for trace, held in traces.items()}
    answers = {name: Answers(trees.values(), in_log=name == SPAN_LOG) for name in (CLOUDWATCH, SPAN_LOG)}
    calls: Counter[Ends] = Counter()
    unlike = []
    doubled: dict[str, str] = {}
    for trace, tree in trees.items():
        twins = [(span, tree.spans[span.id]) for span in traces[trace] if tree.spans[span.id] != span]
        doubled |= {span.service: trace for pair in twins for span in pair}
        for (ends, faults), by_drawer in ranges_of(tree, answers).items():
            if not faults:
                calls[ends] += max(one.most for one in by_drawer.values())
            if not are_alike(ends, faults, by_drawer):
                unlike.append(UnlikeTrace(ends, faults, by_drawer, shape_in(tree, ends, faults), trace))
    return Looked(len(traces), complete, calls, tuple(unlike), doubled)


def drawn_otherwise(looked: Looked, case: Case) -> Reason | None:
    """Where each other source's value differs from the diverging one's as the traces make it."""
    if len(case.ends) == 1:
        return missing_with_its_calls(looked, case)
    found: list[UnlikeTrace] = []
    for other in case.others:
        sides = (drawer_of(case.diverging), case.said), (drawer_of(other), case.says(other))
        if sides[0][1] == sides[1][1] or not reports(case, other):
            continue
        unlike = explaining(looked, case, (case.ends[0], case.ends[1]), *sides)
        if not unlike:
            return None
        found += unlike
    return reason(found, looked) if found else None


def of_other_calls(looked: Looked, case: Case) -> Reason | None:
    """Times of an edge on which two sources do not draw the same calls."""
    edges = edges_like(looked, (case.ends[0], case.ends[-1]))
    own = drawer_of(case.diverging)
    found = [
        one
        for one in looked.unlike
        for other in map(drawer_of, case.others)
        if one.ends in edges and one.more_in(own, other) + one.more_in(other, own)
    ]
    return reason(found, looked) if found else None


def missing_with_its_calls(looked: Looked, case: Case) -> Reason | None:
    """A node is not drawn where none of its calls is."""
    found: list[UnlikeTrace] = []
    for other in case.others:
        for edge in case.index.touching(case.ends[0], [other.name]):
            if not draws(case.diverging.backend, edge):
                continue
            sides = (drawer_of(case.diverging), 0), (drawer_of(other), edge.requests or 0)
            unlike = explaining(looked, case, edge.key, *sides)
            if not unlike:
                return None
            found += unlike
    return reason(found, looked) if found else None


def reports(case: Case, other: Source) -> bool:
    if case.is_missing:
        return draws(other.backend, Edge(case.ends[0], case.ends[1]))
    return case.difference.values.get(other.name) is not None


def explaining(
    looked: Looked, case: Case, ends: Ends, unlike: tuple[str, float], other: tuple[str, float]
) -> list[UnlikeTrace]:
    """The traces that make one source have so many more than the other; none where they are too few."""
    (rich, most), (poor, least) = (other, unlike) if other[1] > unlike[1] else (unlike, other)
    faults = case.difference.kind is DifferenceKind.ERRORS
    edges = edges_like(looked, ends)
    found = [
        one for one in looked.unlike if one.ends in edges and one.faults == faults and one.more_in(rich, poor)
    ]
    more = sum(one.more_in(rich, poor) for one in found)
    seen = sum(looked.calls.get(one, 0) for one in edges)
    likely = more if looked.complete else likely_of(most, more, seen)
    return found if most - least <= likely else []


def edges_like(looked: Looked, ends: Ends) -> Sequence[Ends]:
    """The edge; or all of its caller's to callees without spans, where none has this name in the traces."""
    if ends in looked.calls or ends[1].kind is not Kind.REMOTE:
        return [ends]
    return [one for one in looked.calls if one[0] == ends[0] and one[1].kind is Kind.REMOTE]


def likely_of(calls: float, found: int, seen: int) -> float:
    """How many of the calls may be such ones, if so many were found among those that were seen."""
    share = min(1.0, found / max(1, seen))
    spread = SAMPLE_TOLERANCE * math.sqrt(share * (1 - share) / max(1, seen))
    return calls * min(1.0, share + spread)


def reason(found: list[UnlikeTrace], looked: Looked) -> Reason:
    counts = Counter(one.shape.name for one in found)
    shape = max((one.shape for one in found), key=lambda one: counts[one.name])
    traces = tuple(dict.fromkeys(one.trace for one in found if one.shape is shape))
    seen = [f"{len(traces)} of the {looked.traces} traces that were looked at hold such calls"]
    seen += [f"trace {trace}" for trace in traces[:3]]
    if looked.refused and shape is CALLER_WITHOUT_ENTRY:
        seen.append(
            f"the collector has refused {looked.refused} spans since it started: callers' may be among them"
        )
    return Reason(shape.cause, shape.advice, tuple(seen), expected=True)


def one_id_twice(looked: Looked, case: Case) -> Reason | None:
    """X-Ray knows a span by its id, and keeps the later of two."""
    found = {looked.doubled[node.name] for node in callees(case) if node.name in looked.doubled}
    if case.diverging.backend == HONEYCOMB or not case.short or not found:
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
