"""Spans that one of Honeycomb and X-Ray holds and the other lacks, by whole traces."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from threemaps.diagnose.case import DOCTOR, Case, Check, Reason
from threemaps.diagnose.shapes import likely_of
from threemaps.diagnose.whole_traces import counted
from threemaps.model.drawing import CLOUDWATCH, HONEYCOMB, XRAY, draws, title
from threemaps.model.servicemap import Kind
from threemaps.model.spans import REMOTE, Ends, TracedSpan, Tree


@dataclass(frozen=True, slots=True)
class Joined:
    """The spans of one trace that either backend holds, as Honeycomb has them where it does."""

    spans: list[TracedSpan]
    in_honeycomb: frozenset[str]  # their ids
    in_xray: frozenset[str]


@dataclass(frozen=True, slots=True)
class Absent:
    """Of the traces that were looked at, or (`complete`) of all in which the services in question take part.

    `lacking`: backend → the calls that it would draw if it had all spans of these traces, and does not.
    """

    complete: bool = False
    traces: int = 0
    lacking: Mapping[str, Mapping[Ends, tuple[str, ...]]] = field(default_factory=dict)  # the trace of each
    seen: Mapping[str, Mapping[Ends, int]] = field(default_factory=dict)  # all that it would draw
    holders: frozenset[str] = frozenset()  # backends that hold any span of them

    def reason(self, case: Case) -> Reason | Check | None:
        backend = case.diverging.backend
        if not case.short or backend not in (HONEYCOMB, XRAY, CLOUDWATCH):
            return None
        if self.traces and backend not in self.holders:
            return Reason(
                f"{case.title} holds nothing at all of this window",
                DOCTOR,
                (f"it has no span of the {self.traces} traces that were looked for",),
            )
        found = self.of_case(case)
        other = title(XRAY if backend == HONEYCOMB else HONEYCOMB)
        if not found:
            return Check(
                f"spans that {other} holds and {case.title} lacks: {self.traces} traces hold too few of these"
            )
        if backend == HONEYCOMB:
            return Reason(
                "spans that X-Ray has did not come to Honeycomb: they were lost on the way, or dropped there",
                "look for what leaves spans out: a filter in the collector's pipeline to Honeycomb, "
                "Honeycomb's rate limit or Refinery",
                tuple(f"trace {trace} is whole in X-Ray and not in Honeycomb" for trace in found[:3]),
            )
        return Reason(
            "X-Ray lacks spans of these calls that Honeycomb holds: they were lost on the way, or refused "
            "inside an answer of 200 (UnprocessedTraceSegments, partialSuccess), which nothing counts",
            "segments over 64 kB, spans over 200 kB or of a time far off are refused: look for large "
            "attributes and wrong clocks; else for a filter in the collector's pipeline to X-Ray",
            tuple(f"trace {trace} is whole in Honeycomb and not in X-Ray" for trace in found[:3]),
        )

    def is_whole(self, case: Case) -> bool:
        """None of these traces lacks a call that touches the difference, in the diverging backend."""
        lacking = self.lacking.get(case.diverging.backend, {})
        return self.traces > 0 and not any(end in ends for ends in lacking for end in case.ends)

    def of_case(self, case: Case) -> tuple[str, ...]:
        """Traces that tell of these very calls, where they are enough."""
        backend = case.diverging.backend
        names = [one.name for one in case.sources]
        ends = case.ends
        touching = (
            [edge.key for edge in case.index.touching(ends[0], names) if draws(backend, edge)]
            if len(ends) == 1
            else [(ends[0], ends[1])]
        )
        found: dict[str, None] = {}
        for source, target in dict.fromkeys(touching):
            most = max((case.index.requests(one.name, source, target) for one in case.others), default=0)
            own = case.index.requests(case.diverging.name, source, target)
            key = source, (REMOTE if target.kind is Kind.REMOTE else target)
            here = self.lacking.get(backend, {}).get(key, ())
            seen = self.seen.get(backend, {}).get(key, 0)
            likely = len(here) if self.complete else likely_of(max(own, most), len(here), seen)
            if own != most and (not here or abs(own - most) > likely):
                return ()
            found |= dict.fromkeys(here)
        return tuple(found)


def absent_calls(joined: Mapping[str, Joined], *, complete: bool) -> Absent:
    """What each backend would draw if it had every span that either has, against what it draws of its own."""
    lacking: dict[str, dict[Ends, list[str]]] = {}
    seen: dict[str, Counter[Ends]] = {}
    for trace, one in joined.items():
        for backend in (HONEYCOMB, XRAY, CLOUDWATCH):
            ids = one.in_honeycomb if backend == HONEYCOMB else one.in_xray
            wanted = drawn(one.spans, backend)
            seen.setdefault(backend, Counter()).update(wanted)
            own = [span for span in one.spans if span.id in ids]
            has = wanted if len(own) == len(one.spans) else drawn(own, backend)
            for ends, count in ((wanted - has) + (has - wanted)).items():
                lacking.setdefault(backend, {}).setdefault(ends, []).extend([trace] * count)
    frozen = {name: {ends: tuple(ids) for ends, ids in calls.items()} for name, calls in lacking.items()}
    in_honeycomb = {HONEYCOMB} if any(one.in_honeycomb for one in joined.values()) else set()
    in_aws = {XRAY, CLOUDWATCH} if any(one.in_xray for one in joined.values()) else set()
    return Absent(complete, len(joined), frozen, seen, frozenset(in_honeycomb | in_aws))


def drawn(spans: Iterable[TracedSpan], backend: str) -> Counter[Ends]:
    """Without the names of callees that sent nothing: only one of the two tells them."""
    tree = Tree(spans)
    found: Counter[Ends] = Counter()
    for one in counted(tree, backend, None):
        source, target = one.ends
        found[source, REMOTE if target.kind is Kind.REMOTE else target] += one.most
    return +found
