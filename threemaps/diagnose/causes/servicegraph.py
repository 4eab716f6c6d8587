"""What only the service graph's metrics suffer from, and so only CloudWatch's map."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from threemaps.diagnose.causes.case import Case, Reason
from threemaps.diagnose.causes.expected import drawable
from threemaps.diagnose.causes.shapes import slack
from threemaps.diagnose.evidence.model import CrossingCall, Elsewhere, Evidence, PassedAtEdges
from threemaps.model.difference import DifferenceKind
from threemaps.model.servicemap import Edge, Kind, Node

# The window cuts the calls and the flush that came of them elsewhere.
ASTRAY_TOLERANCE = 0.1

ADVICE_LATE = (
    "look for a backlog that came late (an agent, an SDK that retried) or clocks that are behind; "
    "a --since that takes in both times has these calls in all maps"
)
ADVICE_AHEAD = "the services' clocks are ahead: set them, as with `timedatectl set-ntp true`"


def window_edge(case: Case, evidence: Evidence) -> Reason | str:
    """CloudWatch counts at flush time, the others at span time, one by a span's start and one by its end."""
    known = evidence.passed_at_edges
    if known is None and not evidence.crossing:
        return "the window's edges: no traffic is known there"
    known = known or PassedAtEdges({}, {})
    if len(case.ends) != 2:
        return node_at_window_edge(case, known, evidence.crossing)
    ends = case.ends[0], case.ends[1]
    crossing = crossing_of(case, evidence.crossing, ends)
    passed, cut = known.within_lag.get(ends, 0), known.within_cut.get(ends, 0)
    passed = max(passed, sum("cloudwatch" in call.perhaps_by for call in crossing))
    if not (passed or crossing) or not fits(case, crossing, passed, cut):
        return f"the window's edges: {passed + len(crossing)} calls passed there, too few"
    return across_window_edge(crossing) if crossing else at_window_edge(passed)


def crossing_of(
    case: Case, crossing: Iterable[CrossingCall], ends: tuple[Node, Node]
) -> tuple[CrossingCall, ...]:
    """None for errors and latency: those who tell them count a call by its end."""
    if case.difference.kind in (DifferenceKind.ERRORS, DifferenceKind.LATENCY):
        return ()
    return tuple(call for call in crossing if call.ends == ends)


def fits(case: Case, crossing: Sequence[CrossingCall], passed: int, cut: int) -> bool:
    """Without the calls across the window's edges that each counts, all say the same, but for a few."""
    source, target = case.ends
    values = case.difference.values
    drawing = [
        (one.backend, case.says(one) - sum(one.backend in call.counted_by for call in crossing))
        for one in case.sources
        if drawable(Edge(source, target), one.backend)
        and (case.is_missing or values.get(one.name, 0) is not None)
    ]
    flushed = [count for backend, count in drawing if backend == "cloudwatch"]
    at_span_time = [count for backend, count in drawing if backend != "cloudwatch"] or flushed[:1]
    if not at_span_time:
        return False
    lowest, highest = min(at_span_time), max(at_span_time)
    return highest - lowest <= cut and all(lowest - cut <= count <= highest + passed for count in flushed)


def node_at_window_edge(case: Case, known: PassedAtEdges, crossing: tuple[CrossingCall, ...]) -> Reason | str:
    """A node is not drawn where none of its calls is."""
    across: list[CrossingCall] = []
    passed = 0
    for other in case.others:
        for call in case.index.touching(case.ends[0], [other.name]):
            if not drawable(call, case.odd.backend):
                continue
            only_there = [
                one
                for one in crossing
                if one.ends == call.key
                and other.backend in one.counted_by | one.perhaps_by
                and case.odd.backend not in one.counted_by
            ]
            at_edge = known.within_lag.get(call.key, 0)
            if (call.requests or 0) > at_edge + len(only_there):
                return "the window's edges: not all calls of this node passed there"
            across += only_there
            passed += at_edge
    if across:
        return across_window_edge(tuple(dict.fromkeys(across)))
    return at_window_edge(passed) if passed else "the window's edges: no call of this node passed there"


def at_window_edge(passed: int) -> Reason:
    return Reason(
        f"window edge: each backend cuts the window in its own way, and {passed} calls passed at its edges",
        "none needed; under steady traffic a longer --since makes it smaller in proportion",
        expected=True,
    )


def across_window_edge(calls: tuple[CrossingCall, ...]) -> Reason:
    return Reason(
        f"window edge: {len(calls)} calls reach across it, and Honeycomb counts a call by its start, "
        "X-Ray and CloudWatch by its end",
        "none needed; a --since that takes in the whole of these calls has them in all maps",
        tuple(call.told for call in calls[:3]),
        expected=True,
    )


def restart(case: Case, evidence: Evidence) -> Reason | str:
    """What the service graph holds in memory dies with the collector."""
    if case.odd.backend != "cloudwatch" and not stray_calls(case):
        return "a restart of the collector: it costs CloudWatch's map only"
    if case.odd.backend == "cloudwatch" and not case.short:
        return "a restart of the collector: CloudWatch has too much, not too little"
    started = evidence.collector and evidence.collector.started
    # A clock that is behind makes calls look older than they are.
    older = None if evidence.skew else evidence.calls_before_start
    seen = []
    if len(evidence.streams) > 1:
        seen.append(
            f"{len(evidence.streams)} log streams in the window, one a run: {', '.join(evidence.streams)}"
        )
    if started and older and are_older(case, evidence, older):
        seen.append(
            f"the collector runs since {started:%H:%M:%S} UTC, "
            f"and {sum(older.values())} calls of the window are older"
        )
    if not seen:
        return (
            "a restart of the collector: one log stream in the window, and too few of these calls before it"
        )
    return Reason(
        "the collector was restarted inside the window, and calls half seen then are lost to this map",
        "wait until the restart is out of the window, or shorten --since",
        tuple(seen),
    )


def are_older(case: Case, evidence: Evidence, older: Mapping[tuple[Node, Node], int]) -> bool:
    """As many of the calls in question as are missing: what came after a restart it cannot have cost."""
    strays = stray_calls(case) if case.odd.backend != "cloudwatch" else []
    if strays:
        callers = {edge.source for edge in strays}
        went = sum(edge.requests or 0 for edge in strays)
        return went <= sum(count for (source, _), count in older.items() if source in callers)
    edges = [(case.ends[0], case.ends[1])] if len(case.ends) == 2 else edges_of_node(case)
    return bool(edges) and all(lacks_no_more(case, evidence, ends, older.get(ends, 0)) for ends in edges)


def lacks_no_more(case: Case, evidence: Evidence, ends: tuple[Node, Node], than: int) -> bool:
    flushed, others = counts_of(case, ends)
    may_lack = than + slack(evidence, ends) if than else 0
    return max(others, default=0) - max(flushed, default=0) <= may_lack


def expired_halves(case: Case, evidence: Evidence) -> Reason | str:
    """The two spans of a call came further apart than the connector waits: the call went to a remote node."""
    stray = stray_calls(case)
    if not stray:
        return "expired half-edges: no call of CloudWatch's map went astray to a remote node"
    seen = [
        f"{edge.source} → {edge.target}: {edge.requests} calls that the others do not have" for edge in stray
    ]
    if evidence.collector:
        seen.append(
            f"the service graph let {evidence.collector.expired_halves} halves expire since it started"
        )
    return Reason(
        "expired half-edges: the spans of caller and callee came too far apart for the service graph",
        "have services export more often (OTEL_BSP_SCHEDULE_DELAY), or raise the service graph's store.ttl",
        tuple(seen),
    )


def stray_calls(case: Case) -> list[Edge]:
    """Calls to remote nodes in CloudWatch's map alone, whose callers lack calls to services there.

    Both sides of it are differences: the missing call, and the remote node that no other backend draws.
    """
    if not case.short:
        return []
    if len(case.ends) == 2:
        return astray_from(case, case.ends[0])
    names = [one.name for one in case.sources]
    calls = case.index.touching(case.ends[0], names)
    callers = {edge.source for edge in calls if edge.target == case.ends[0]}
    return [edge for caller in sorted(callers) for edge in astray_from(case, caller)]


def astray_from(case: Case, caller: Node) -> list[Edge]:
    """Found out once for each caller: it is the same for all of its calls."""
    known = case.index.astray
    if caller not in known:
        known[caller] = list(find_astray(case, caller))
    return known[caller]


def find_astray(case: Case, caller: Node) -> Iterator[Edge]:
    flushed = next((one.name for one in case.sources if one.backend == "cloudwatch"), None)
    others = [one.name for one in case.sources if one.backend != "cloudwatch"]
    if flushed is None or not others:
        return
    remote = [
        edge
        for edge in case.index.touching(caller, [flushed])
        if edge.target.kind is Kind.REMOTE and edge.source == caller and surplus(case, others, edge) > 0
    ]
    if remote and as_many_are_lacking(case, flushed, others, caller, remote):
        yield from sorted(remote, key=lambda edge: edge.key)


def as_many_are_lacking(
    case: Case, flushed: str, others: list[str], caller: Node, astray: list[Edge]
) -> bool:
    """Each call that went astray is lacking elsewhere; of those that are lacking, some may be gone."""
    lacking = {
        edge.key: (edge.requests or 0) - _requests(case, flushed, edge.key)
        for edge in case.index.touching(caller, others)
        if edge.source == caller and edge.target.kind is Kind.SERVICE
    }
    lost = sum(count for count in lacking.values() if count > 0)
    gone = sum(surplus(case, others, edge) for edge in astray)
    return gone <= lost * (1 + ASTRAY_TOLERANCE)


def surplus(case: Case, others: list[str], edge: Edge) -> int:
    return (edge.requests or 0) - max(_requests(case, other, edge.key) for other in others)


def _requests(case: Case, name: str, key: tuple[object, object]) -> int:
    edge = case.index.edge(name, *key)  # type: ignore[arg-type]
    return edge.requests or 0 if edge else 0


def full_store(case: Case, evidence: Evidence) -> Reason | str:
    dropped = evidence.collector.dropped_halves if evidence.collector else 0
    if case.odd.backend != "cloudwatch" or not dropped or not case.short:
        return "the service graph's store: it has dropped nothing"
    return Reason(
        f"the service graph's store was full and dropped {dropped} spans",
        "raise store.max_items of the service graph in collector/otel-config.yaml",
        (f"otelcol_connector_servicegraph_dropped_spans is {dropped}",),
    )


def of_another_time(case: Case, evidence: Evidence) -> Reason | str:
    """CloudWatch counts a call when it comes; elsewhere is where a backlog or a wrong clock has it."""
    known = evidence.elsewhere
    if known is None or case.difference.kind is DifferenceKind.LATENCY:
        return "calls of another time: none are known"
    edges = [(case.ends[0], case.ends[1])] if len(case.ends) == 2 else edges_of_node(case)
    if not edges or not all(is_of_another_time(case, known, ends) for ends in edges):
        return "calls of another time: too few, in the hour before the window and ten minutes after it"
    before = sum(known.before.get(ends, 0) for ends in edges)
    after = sum(known.after.get(ends, 0) for ends in edges)
    times = (("in the hour before the window", before), ("after the window's end", after))
    return Reason(
        "calls of another time: CloudWatch counts a call when it comes, the others by its spans' times",
        ADVICE_AHEAD if after > max(0, before) else ADVICE_LATE,
        tuple(
            f"{abs(count)} calls more {when} {'by their spans' if count > 0 else 'in CloudWatch'}"
            for when, count in times
            if count
        ),
    )


def edges_of_node(case: Case) -> list[tuple[Node, Node]]:
    """The calls for which the others draw it, and the odd one would, too."""
    calls = case.index.touching(case.ends[0], [other.name for other in case.others])
    return list(dict.fromkeys(call.key for call in calls if drawable(call, case.odd.backend)))


def is_of_another_time(case: Case, known: Elsewhere, ends: tuple[Node, Node]) -> bool:
    """As many calls as CloudWatch has too many here, it has too few elsewhere; or the other way about."""
    flushed, others = counts_of(case, ends)
    if not flushed or not others:
        return False
    other = max(others) if case.odd.backend == "cloudwatch" else _requests(case, case.odd.name, ends)
    surplus, lacking = max(flushed) - other, known.lacking(ends)
    if case.difference.kind is DifferenceKind.ERRORS and not surplus:
        return False
    return 0 < surplus <= lacking or lacking <= surplus < 0


def counts_of(case: Case, ends: tuple[Node, Node]) -> tuple[list[int], list[int]]:
    """The calls on an edge in CloudWatch, and in those of the others that can draw it."""
    drawing = [one for one in case.sources if drawable(Edge(*ends), one.backend)]
    flushed = [_requests(case, one.name, ends) for one in drawing if one.backend == "cloudwatch"]
    return flushed, [_requests(case, one.name, ends) for one in drawing if one.backend != "cloudwatch"]


def counted_twice(case: Case, evidence: Evidence) -> Reason | str:
    """Two witnesses against it, or one and the traces: one alone may have lost what CloudWatch has."""
    flushed = [case.says(one) for one in case.sources if one.backend == "cloudwatch"]
    others = [case.says(one) for one in case.sources if one.backend != "cloudwatch"]
    if case.is_missing or not flushed or not others or max(flushed) <= max(others):
        return "spans counted twice: CloudWatch does not have more than the others"
    if case.difference.kind is DifferenceKind.ERRORS:
        return "spans counted twice: errors alone do not come twice"
    ends = case.ends[0], case.ends[-1]
    traced = evidence.looked.calls.get(ends, 0) if evidence.looked.complete else 0
    if traced != max(others) and others.count(max(others)) < 2:
        return "spans counted twice: one other backend is no proof, and the traces do not say so"
    if evidence.elsewhere is None:
        return "spans counted twice: it is not known whether the calls are of another time"
    perhaps = max(0, evidence.elsewhere.lacking(ends)) + slack(evidence, ends)
    if max(flushed) - max(others) <= perhaps:
        return f"spans counted twice: {perhaps} calls may be of another time"
    return Reason(
        "the service graph counted spans that came twice; the other backends know them by their ids",
        "who retries after a lost answer sends twice: look for time-outs between services and collector",
        (
            f"CloudWatch has {max(flushed):g}, the others at most {max(others):g}",
            "calls of the hour before the window and of ten minutes after it do not make up for it",
        ),
    )
