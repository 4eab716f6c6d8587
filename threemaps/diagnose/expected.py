"""Differences that follow from how each backend draws its map, as model/drawing.py has it. Pure."""

from threemaps.diagnose.case import Case, Reason
from threemaps.model.diff import is_far
from threemaps.model.difference import DifferenceKind
from threemaps.model.drawing import DRAWINGS, XRAY, draws
from threemaps.model.servicemap import Edge, Kind, Node

UNNAMED = Node("unknown", Kind.REMOTE)


def expected_reason(case: Case) -> Reason | None:
    return (
        not_drawn(case)
        or partly_down(case)
        or no_lone_service(case)
        or named_otherwise(case)
        or another_window(case)
        or timed_elsewhere(case)
    )


def not_drawn(case: Case) -> Reason | None:
    """The backend has no way to draw it: callers from outside, callees without spans, calls to itself."""
    drawing = DRAWINGS.get(case.diverging.backend)
    if drawing is None or not case.is_missing:
        return None
    kinds = {end.kind for end in case.ends}
    if Kind.OUTSIDE in kinds and not drawing.outside:
        return Reason(f"{drawing.title} draws no node for callers from outside", expected=True)
    if Kind.REMOTE in kinds and not drawing.remote:
        remote = next(end for end in case.ends if end.kind is Kind.REMOTE)
        return contradicted(case, remote) or Reason(
            f"{remote} answered no such call with spans of its own (it is down, or it sends none), and "
            f"{drawing.title} draws only services that send spans",
            expected=True,
        )
    if len(case.ends) == 2 and case.ends[0] == case.ends[1] and not drawing.itself:
        return Reason(
            f"{drawing.title} draws calls between services, and none of a service to itself", expected=True
        )
    return None


def contradicted(case: Case, remote: Node) -> Reason | None:
    """The callee does send spans: it stands as a root in the same report, and no trace reaches it.

    Where only some calls reach it, as many come to it from outside as have no spans and yet no failure.
    """
    service = Node(remote.name)
    for source in case.sources:
        arriving = [edge for edge in case.index.touching(service, [source.name]) if edge.target == service]
        from_outside = sum(edge.requests or 0 for edge in arriving if edge.source.kind is Kind.OUTSIDE)
        unanswered = calls_to(case, source.name, remote)
        in_part = from_outside == unanswered.requests and (unanswered.errors or 0) < from_outside
        if from_outside and (in_part or all(edge.source.kind is Kind.OUTSIDE for edge in arriving)):
            callers = {edge.source.name for edge in edges_to(case, source.name, remote)}
            return Reason(
                f"{remote} sends spans, but they do not continue the traces of its callers: the trace header "
                "is dropped on the way, or one side lacks the other's propagator",
                f"log the headers that reach {remote}: with traceparent or X-Amzn-Trace-Id among them, it is "
                "a propagator, so set the same OTEL_PROPAGATORS on both sides (xray,tracecontext,baggage); "
                "with neither, a proxy in between drops them, or the caller has no propagator",
                (
                    f"in {source.name}, {remote} is called from outside {from_outside} times, and "
                    f"{', '.join(sorted(callers))} calls something of its name that has no spans",
                ),
            )
    return None


def edges_to(case: Case, name: str, target: Node) -> list[Edge]:
    return [edge for edge in case.index.touching(target, [name]) if edge.target == target]


def calls_to(case: Case, name: str, target: Node) -> Edge:
    """All of a node's calls in one map, and the failed ones among them, as one edge."""
    found = edges_to(case, name, target)
    requests = sum(one.requests or 0 for one in found)
    return Edge(target, target, requests, sum(one.errors or 0 for one in found))


def partly_down(case: Case) -> Reason | None:
    """Where a callee answers some calls and not others, X-Ray has two edges, CloudWatch one."""
    if not case.ends or case.difference.kind is DifferenceKind.LATENCY:
        return None
    called = case.ends[-1]
    service, remote = Node(called.name), Node(called.name, Kind.REMOTE)
    xray = next((one for one in case.sources if one.backend == XRAY), None)
    if xray is None or called.kind is Kind.OUTSIDE:
        return None
    callers = {edge.source for edge in edges_to(case, xray.name, remote)}
    callers = callers & {case.ends[0]} if len(case.ends) == 2 else callers
    split = [one for one in callers if case.index.edge(xray.name, one, service)]
    if not split or not all(adds_up(case, xray.name, one, service, remote) for one in split):
        return None
    return contradicted(case, remote) or of_some_calls(called, calls_to(case, xray.name, remote))


def of_some_calls(called: Node, unanswered: Edge) -> Reason:
    """A call that did not fail was answered, be it without a span."""
    drawn = (
        "X-Ray draws the latter to a remote of its name, CloudWatch has all on one edge, Honeycomb only the "
        "former"
    )
    if unanswered.errors == unanswered.requests:
        return Reason(
            f"{called.name} answered some of these calls and was down for others: {drawn}",
            "look at why it was down: its own log, `threemaps status`",
            expected=True,
        )
    return Reason(
        f"{called.name} answered some of these calls with spans of its own and others without: {drawn}",
        "a sampler of its own leaves spans out (OTEL_TRACES_SAMPLER=parentbased_always_on keeps all that its "
        "callers keep), or one of several instances sends none",
        (f"{unanswered.errors} of {unanswered.requests} calls without its spans failed",),
        expected=True,
    )


def adds_up(case: Case, xray: str, caller: Node, service: Node, remote: Node) -> bool:
    """Each other backend has as many calls as X-Ray's two edges, or as the one that was answered."""
    answered = case.index.requests(xray, caller, service)
    failed = case.index.requests(xray, caller, remote)
    for other in case.sources:
        if other.name == xray or other.map is None:
            continue
        own = case.index.requests(other.name, caller, service)
        its_remote = case.index.requests(other.name, caller, remote)
        can_draw = draws(other.backend, Edge(caller, remote))
        wanted = {answered + failed} if can_draw else {answered}
        if own + its_remote not in wanted:
            return False
    return True


def no_lone_service(case: Case) -> Reason | None:
    """Honeycomb and CloudWatch know edges only; X-Ray draws a service that has none, too."""
    node = case.difference.source
    drawing = DRAWINGS.get(case.diverging.backend)
    is_node = case.difference.kind is DifferenceKind.MISSING_NODE
    if not is_node or drawing is None or drawing.alone or node is None or node.kind is not Kind.SERVICE:
        return None
    others = [other.name for other in case.others]
    if any(drawing.draws(edge) for edge in case.index.touching(node, others)):
        return None
    return Reason(f"{case.title} draws a service only where it has a call to draw", expected=True)


def named_otherwise(case: Case) -> Reason | None:
    """A callee without spans has no name of its own: X-Ray and CloudWatch each take what they find."""
    remote = case.ends[-1] if case.ends else None
    if not case.is_missing or remote is None or remote.kind is not Kind.REMOTE:
        return None
    others = {other.name for other in case.others if other.backend != case.diverging.backend}
    for call in case.index.touching(remote, others):
        if case.difference.target and call.source != case.difference.source:
            continue
        for edge in case.index.touching(call.source, {case.diverging.name}):
            known = any(case.index.edge(other, *edge.key) for other in others)
            if edge.target.kind is Kind.REMOTE and not known and same_callee(call, edge):
                return Reason(
                    f"{case.title} has these calls under the name {edge.target}: a callee without spans "
                    "has no name of its own",
                    expected=True,
                )
    return None


def same_callee(call: Edge, other: Edge) -> bool:
    """`unknown` may be anything. Else the hosts are the same, or one is no address, as a table's name."""
    names = call.target.name, other.target.name
    if call.requests != other.requests:
        return False
    if UNNAMED in (call.target, other.target):
        return True
    addresses = [name for name in names if ":" in name or "." in name]
    return host(names[0]) == host(names[1]) or len(addresses) == 1


def host(address: str) -> str:
    """Without the port. An IPv6 address is one host in all of its groups, in brackets or not."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address if address.count(":") > 1 else address.partition(":")[0]


def another_window(case: Case) -> Reason | None:
    """Numbers of two times are not comparable; who calls whom still is."""
    if case.is_missing:
        return None
    apart = [other for other in case.others if not other.window.overlaps(case.diverging.window)]
    if not apart:
        return None
    return Reason(
        f"{case.diverging.name} and {apart[0].name} are of different times: "
        "their numbers are not the same calls",
        expected=True,
    )


def timed_elsewhere(case: Case) -> Reason | None:
    """A call takes its caller longer than its callee; but not many times as long."""
    if case.difference.kind is not DifferenceKind.LATENCY:
        return None
    if all(other.backend == case.diverging.backend for other in case.others):
        return None
    known = [value for value in case.difference.values.values() if value is not None]
    if any(is_far(case.said, value) for value in known):
        return None
    return Reason("the backends time a call at different ends, caller or callee", expected=True)
