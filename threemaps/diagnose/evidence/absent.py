"""What X-Ray's map lacks, or has made up, for want of spans that Honeycomb holds. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from threemaps.diagnose.evidence.shapes import Ends, TracedSpan, Tree, in_xray

Traces = Mapping[str, list[TracedSpan]]


@dataclass(frozen=True, slots=True)
class Absent:
    """Of the traces that were looked at, or of all in which the services in question take part."""

    complete: bool = False
    calls: Mapping[Ends, tuple[str, ...]] = field(default_factory=dict)  # the trace of each
    seen: Mapping[Ends, int] = field(default_factory=dict)  # as X-Ray would draw them if it had all spans


def absent_calls(held: Traces, there: Traces, *, complete: bool) -> Absent:
    """Each trace as X-Ray would draw it of Honeycomb's spans, against what it draws of its own.

    A trace of which X-Ray has every span is drawn as it should be.
    """
    calls: dict[Ends, list[str]] = {}
    seen: Counter[Ends] = Counter()
    for trace, own in there.items():
        wanted = drawn(held[trace])
        seen += wanted
        if {span.id for span in held[trace]} <= {span.id for span in own}:
            continue
        has = drawn(own)
        for ends, count in ((wanted - has) + (has - wanted)).items():
            calls.setdefault(ends, []).extend([trace] * count)
    return Absent(complete, {ends: tuple(traces) for ends, traces in calls.items()}, seen)


def drawn(spans: Iterable[TracedSpan]) -> Counter[Ends]:
    tree = Tree(spans)
    return Counter(ends for span in tree.spans.values() for ends in in_xray(tree, span))
