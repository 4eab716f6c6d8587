"""Calls that cross an end of the window: with these set right, all sources hold the same calls.

Honeycomb counts a call by its start, X-Ray and CloudWatch by an end. Where calls keep coming, some begin
before a cut and end after it. Each of them is looked up in X-Ray's traces, and every source's counts are
set to what they would be if it counted as Honeycomb does: by the moment in which the callee began. Where
X-Ray indexes a share of the traces only, CloudWatch's crossing calls are looked up in `aws/spans`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from threemaps.model.difference import Window
from threemaps.model.drawing import CLOUDWATCH, XRAY
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.model.spans import CLIENTS, Ends, TracedSpan, Tree, is_segment
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.batch import batch_get_traces
from threemaps.readers.pages import pages
from threemaps.readers.segments import spans_of
from threemaps.readers.span_log import read_spans
from threemaps.readers.xray import XRay
from threemaps.settings import Settings

# X-Ray lists a trace for the times at which something of it came: calls across a cut end soon after it.
BEFORE, AFTER = timedelta(seconds=1), timedelta(seconds=3)
NEAR = timedelta(seconds=90)  # no call that crosses a cut began or ended further from it
ROUNDED = timedelta(milliseconds=5)  # so far X-Ray rounds in a summary: the trace itself tells


@dataclass(frozen=True, slots=True)
class Call:
    """One call, by both sides' clocks. Without a caller it came from outside, without a callee it went to one
    that sends no spans."""

    ends: Ends
    trace: str
    caller: TracedSpan | None
    callee: TracedSpan | None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.trace, self.caller.id if self.caller else "", self.callee.id if self.callee else ""

    @property
    def began(self) -> float:
        span = self.callee or self.caller
        return span.start if span else 0.0

    @property
    def callee_ended(self) -> float:
        span = self.callee or self.caller
        return span.end if span else 0.0

    @property
    def caller_ended(self) -> float:
        span = self.caller or self.callee
        return span.end if span else 0.0

    @property
    def failed(self) -> bool:
        return any(span.fault for span in (self.caller, self.callee) if span)


@dataclass(slots=True)
class Change:
    """What one edge, or a service's own figures, have too few or too many of."""

    requests: int = 0
    errors: int = 0

    def add(self, sign: int, failed: bool) -> None:
        self.requests += sign
        self.errors += sign if failed else 0


@dataclass(frozen=True, slots=True)
class Crossing:
    """The calls that cross the cuts: those that X-Ray has indexed, and those that CloudWatch has."""

    in_xray: tuple[Call, ...] = ()
    in_cloudwatch: tuple[Call, ...] = ()


def crossing_calls(xray: XRay, cuts: tuple[datetime, ...]) -> Crossing:
    """The calls that began before one of these moments and ended after it. May raise UnreadableError."""
    ids = [one for cut in cuts for one in _traces_across(xray, cut)]
    found = batch_get_traces(xray.client, xray.settings, ids)
    indexed = _across((call for trace in found for call in calls_of(spans_of(trace))), cuts)
    if xray.indexed_share() == 1:
        return Crossing(indexed, indexed)
    return Crossing(indexed, _across((call for cut in cuts for call in _logged(xray.settings, cut)), cuts))


def _across(calls: Iterable[Call], cuts: Iterable[datetime]) -> tuple[Call, ...]:
    moments = [cut.timestamp() for cut in cuts]
    found = (call for call in calls if any(_crosses(call, moment) for moment in moments))
    return tuple({call.key: call for call in found}.values())


def _logged(settings: Settings, cut: datetime) -> Iterator[Call]:
    """The calls of all traces around the cut, as `aws/spans` has them."""
    logged = read_spans(aws_client(settings, "logs"), settings, Window(cut, cut), NEAR)
    traces: dict[str, list[TracedSpan]] = {}
    for (trace, _), span in logged.items():
        parent = logged.get((trace, span.parent))
        traces.setdefault(trace, []).append(
            TracedSpan(
                trace,
                span.id,
                span.parent,
                span.service,
                span.kind.lower(),
                entered=parent is not None and parent.service != span.service,
                name=span.callee,
                start=span.start,
                end=span.end,
                fault=span.failed,
            )
        )
    for spans in traces.values():
        yield from calls_of(spans)


def _crosses(call: Call, cut: float) -> bool:
    moments = [moment for span in (call.caller, call.callee) if span for moment in (span.start, span.end)]
    return min(moments) < cut <= max(moments)


def _traces_across(xray: XRay, cut: datetime) -> Iterator[str]:
    with reasons(xray.settings, "X-Ray", "xray:GetTraceSummaries"):
        for page in pages(
            xray.client.get_trace_summaries,
            "NextToken",
            "X-Ray's list of traces",
            StartTime=cut - BEFORE,
            EndTime=min(cut + AFTER, datetime.now(UTC)),
            TimeRangeType="Event",
        ):
            for one in page["TraceSummaries"]:
                began, lasted = one.get("StartTime"), one.get("Duration") or 0
                has_begun = isinstance(began, datetime)
                if not has_begun or began - ROUNDED < cut <= began + timedelta(seconds=lasted) + ROUNDED:
                    yield str(one["Id"])


def calls_of(spans: Iterable[TracedSpan]) -> Iterator[Call]:
    """The calls of one trace, as X-Ray draws them."""
    tree = Tree(spans)
    for span in tree.spans.values():
        if not span.end:
            continue  # in progress: nobody has counted it
        parent = tree.parent(span)
        if is_segment(span):
            caller = tree.segment_of(parent)
            made = parent if parent and parent.kind in CLIENTS and parent.end else None
            source = Node(caller.service) if caller else Node.outside()
            yield Call((source, Node(span.service)), span.trace, made, span)
        elif span.kind in CLIENTS and span.id not in tree.called:
            owner = tree.segment_of(span)
            if owner:
                ends = Node(owner.service), Node(span.name, Kind.REMOTE)
                yield Call(ends, span.trace, span, None)


def corrected(
    backend: str,
    found: ServiceMap,
    own: Mapping[Node, tuple[int, int]] | None,
    window: Window,
    crossing: Crossing,
) -> tuple[ServiceMap, int]:
    """The map with the crossing calls counted by their beginning, and how many counts that changed."""
    if backend == XRAY:
        held = crossing.in_xray
        changes = _changes(window, ((call.ends, call, call.callee_ended, call.failed) for call in held))
    elif backend == CLOUDWATCH:
        changes = _of_cloudwatch(found, own, window, crossing.in_cloudwatch)
    else:
        return found, 0
    return _applied(found, changes), sum(abs(change.requests) for change in changes.values())


def _of_cloudwatch(
    found: ServiceMap, own: Mapping[Node, tuple[int, int]] | None, window: Window, calls: Iterable[Call]
) -> dict[Ends, Change]:
    """An edge is counted by its callers' spans; from outside is what a service's own figures are beyond."""
    held = list(calls)
    made = ((one.ends, one, one.caller.end, one.caller.fault) for one in held if one.caller)
    changes = _changes(window, made)
    served = (
        ((Node.outside(), one.ends[1]), one, one.callee.end, one.callee.fault) for one in held if one.callee
    )
    of_services = _changes(window, served)
    called = {ends[1] for ends in (*changes, *of_services) if ends[1].kind is Kind.SERVICE}
    for node in called:
        change = of_services.get((Node.outside(), node), Change())
        changes[(Node.outside(), node)] = _from_outside(found, own, node, change, changes)
    return changes


def _changes(window: Window, counted: Iterable[tuple[Ends, Call, float, bool]]) -> dict[Ends, Change]:
    start, end = window.start.timestamp(), window.end.timestamp()
    changes: dict[Ends, Change] = {}
    for ends, call, moment, failed in counted:
        sign = (start <= call.began < end) - (start <= moment < end)
        if sign:
            changes.setdefault(ends, Change()).add(sign, failed)
    return changes


def _from_outside(
    found: ServiceMap,
    own: Mapping[Node, tuple[int, int]] | None,
    node: Node,
    change: Change,
    changes: Mapping[Ends, Change],
) -> Change:
    """What is left of a service's own figures when its callers' calls are taken off, before and after."""
    callers = [edge for edge in found.edges if edge.target == node and edge.source.kind is Kind.SERVICE]
    drawn = found.edge(Node.outside(), node)
    had = (drawn.requests or 0, drawn.errors or 0) if drawn else (0, 0)
    inner = [one for ends, one in changes.items() if ends[1] == node and ends[0].kind is Kind.SERVICE]
    wanted = []
    for at, (self_had, self_more) in enumerate(((had[0], change.requests), (had[1], change.errors))):
        theirs = sum((edge.errors if at else edge.requests) or 0 for edge in callers)
        whole = own[node][at] if own and node in own else self_had + theirs
        more = sum(one.errors if at else one.requests for one in inner)
        wanted.append(max(0, whole + self_more - theirs - more) - self_had)
    return Change(*wanted)


def _applied(found: ServiceMap, changes: Mapping[Ends, Change]) -> ServiceMap:
    if not any(change.requests or change.errors for change in changes.values()):
        return found
    edges = {edge.key: edge for edge in found.edges}
    before = {end for key in edges for end in key}
    for key, change in changes.items():
        edge = edges.get(key) or Edge(*key, requests=0, errors=0)
        requests = (edge.requests or 0) + change.requests
        if requests <= 0:
            edges.pop(key, None)
            continue
        errors = None if edge.errors is None else max(0, edge.errors + change.errors)
        edges[key] = replace(edge, requests=requests, errors=errors)
    after = {end for key in edges for end in key}
    return ServiceMap.of((node for node in found.nodes if node not in before - after), edges.values())


def remark(crossing: Crossing, counts: int, cuts: Iterable[datetime]) -> str:
    """What the head of the report says of it."""
    traces = list(dict.fromkeys(call.trace for call in (*crossing.in_xray, *crossing.in_cloudwatch)))
    shown = ", ".join(traces[:3]) + (" …" if len(traces) > 3 else "")
    return (
        f"{counts} counts set right for calls that cross {' and '.join(f'{cut:%H:%M:%S}' for cut in cuts)}: "
        f"it counts a call by its end, here by its beginning (traces {shown})"
    )
