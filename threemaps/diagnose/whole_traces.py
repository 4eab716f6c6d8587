"""What each backend draws of one whole trace, and by which unusual call they come apart. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from threemaps.model.drawing import CLOUDWATCH, HONEYCOMB, SHAPES, XRAY, Shape, draws
from threemaps.model.servicemap import Edge, Kind
from threemaps.model.spans import (
    CLIENTS,
    SERVERS,
    Answers,
    Counted,
    Draw,
    Ends,
    TracedSpan,
    Tree,
    in_cloudwatch,
    in_honeycomb,
    in_span_log,
    in_xray,
)

(
    CALLER_WITHOUT_ENTRY,
    NO_SERVER_SPAN,
    NO_CLIENT_SPAN,
    SHARED_CLIENT_SPAN,
    CONSUMED,
    SOMETIMES_ANSWERED,
    ONE_SIDE_FAILED,
    TWO_SDKS,
) = SHAPES
SPAN_LOG = "spans"  # CloudWatch's map, read from the spans
DRAWN: Mapping[str, Draw] = {
    HONEYCOMB: in_honeycomb,
    XRAY: in_xray,
    CLOUDWATCH: in_cloudwatch,
    SPAN_LOG: in_span_log,
}


@dataclass(slots=True)
class Range:
    """How many calls a backend draws of a trace: the spans do not always tell exactly."""

    least: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class UnlikeTrace:
    """An edge that not all backends draw alike of one trace; `faults`: of its calls, those that failed."""

    ends: Ends
    faults: bool
    by_drawer: Mapping[str, Range]
    shape: Shape
    trace: str

    def more_in(self, rich: str, poor: str) -> int:
        return max(0, self.by_drawer.get(rich, Range()).most - self.by_drawer.get(poor, Range()).least)


def ranges_of(tree: Tree, answers: Mapping[str, Answers]) -> dict[tuple[Ends, bool], dict[str, Range]]:
    """What each draws of a trace: the calls of each edge, and the faults among them."""
    found: dict[tuple[Ends, bool], dict[str, Range]] = {}
    for drawer in DRAWN:
        for one in counted(tree, drawer, answers.get(drawer)):
            for faults in (False, True) if one.fault else (False,):
                held = found.setdefault((one.ends, faults), {}).setdefault(drawer, Range())
                held.least += one.least
                held.most += one.most
    return found


def counted(tree: Tree, drawer: str, answers: Answers | None) -> Iterator[Counted]:
    for span in tree.spans.values():
        for one in DRAWN[drawer](tree, span):
            yield from answers.settled(one) if answers else (one,)


def are_alike(ends: Ends, faults: bool, by_drawer: Mapping[str, Range]) -> bool:
    """Of those that can draw it. Honeycomb's map does not always have errors."""
    able = [
        name
        for name in DRAWN
        if draws(CLOUDWATCH if name == SPAN_LOG else name, Edge(*ends)) and not (faults and name == HONEYCOMB)
    ]
    first, *others = (by_drawer.get(name, Range()) for name in able)
    return first.least == first.most and all(other == first for other in others)


def shape_in(tree: Tree, ends: Ends, faults: bool) -> Shape:
    """The first unusual call in a trace that bears on this edge."""
    touching = {
        span.id: span
        for drawer in DRAWN
        for span in tree.spans.values()
        for one in DRAWN[drawer](tree, span)
        if one.ends[1] == ends[1] or one.ends[0] == ends[0]
    }
    shapes = [shape for span in touching.values() if (shape := shape_of(tree, span, ends))]
    plain = ONE_SIDE_FAILED if faults else SOMETIMES_ANSWERED
    return shapes[0] if shapes else plain


def shape_of(tree: Tree, span: TracedSpan, ends: Ends) -> Shape | None:
    if span.kind == "consumer" and ends[1].kind is Kind.REMOTE:
        return CONSUMED
    reached = tree.callees.get(span.id, [])
    entry = reached[0] if span.kind in CLIENTS and reached else span
    parent = tree.parent(entry)
    if tree.segment_of(parent or entry) is None:
        return CALLER_WITHOUT_ENTRY
    if parent is None or (entry.kind not in SERVERS and not tree.crosses(entry)):
        return None
    beside = [one for one in tree.callees.get(parent.id, []) if one is not entry]
    if parent.kind in CLIENTS and beside:
        twice = any(one.service == entry.service for one in beside)
        return TWO_SDKS if twice else SHARED_CLIENT_SPAN
    if entry.kind in SERVERS:
        return None if parent.kind in CLIENTS else NO_CLIENT_SPAN
    return NO_SERVER_SPAN
