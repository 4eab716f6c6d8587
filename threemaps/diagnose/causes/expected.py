"""Differences that follow from how each backend draws its map. One function a row of docs/compare.md."""

from threemaps.diagnose.causes.case import Case, Reason
from threemaps.model.difference import DifferenceKind
from threemaps.model.servicemap import Edge, Kind, Node

UNNAMED = Node("unknown", Kind.REMOTE)


def expected_reason(case: Case) -> Reason | None:
    return (
        no_outside(case)
        or no_call_to_itself(case)
        or no_remote(case)
        or no_lone_service(case)
        or named_otherwise(case)
        or another_window(case)
        or timed_elsewhere(case)
    )


def no_outside(case: Case) -> Reason | None:
    if case.odd.backend != "honeycomb" or not case.is_missing:
        return None
    if any(end.kind is Kind.OUTSIDE for end in case.ends):
        return Reason("Honeycomb draws no node for callers from outside", expected=True)
    return None


def no_call_to_itself(case: Case) -> Reason | None:
    if case.odd.backend != "honeycomb" or case.difference.kind is not DifferenceKind.MISSING_EDGE:
        return None
    if case.difference.source == case.difference.target:
        return Reason(
            "Honeycomb draws calls between services, and none of a service to itself", expected=True
        )
    return None


def no_remote(case: Case) -> Reason | None:
    if case.odd.backend != "honeycomb" or not case.is_missing:
        return None
    remote = next((end for end in case.ends if end.kind is Kind.REMOTE), None)
    if remote is None:
        return None
    return Reason(
        f"{remote} is down or sends no spans, and Honeycomb draws only services that send spans",
        expected=True,
    )


def no_lone_service(case: Case) -> Reason | None:
    """Honeycomb and CloudWatch know edges only; X-Ray draws a service that has none, too."""
    node = case.difference.source
    if (
        case.difference.kind is not DifferenceKind.MISSING_NODE
        or node is None
        or node.kind is not Kind.SERVICE
    ):
        return None
    if case.odd.backend not in ("honeycomb", "cloudwatch"):
        return None
    others = {other.name for other in case.others}
    if any(drawable(edge, case.odd.backend) for edge in case.index.touching(node, others)):
        return None
    return Reason(f"{case.title} draws a service only where it has a call to draw", expected=True)


def drawable(edge: Edge, backend: str) -> bool:
    """Whether this backend has a way to show such a call at all."""
    between_services = all(end.kind is Kind.SERVICE for end in edge.key)
    return backend != "honeycomb" or (between_services and edge.source != edge.target)


def named_otherwise(case: Case) -> Reason | None:
    """A callee without spans has no name of its own: X-Ray and CloudWatch each take what they find."""
    remote = case.ends[-1] if case.ends else None
    if not case.is_missing or remote is None or remote.kind is not Kind.REMOTE:
        return None
    others = {other.name for other in case.others if other.backend != case.odd.backend}
    for call in case.index.touching(remote, others):
        if case.difference.target and call.source != case.difference.source:
            continue
        for edge in case.index.touching(call.source, {case.odd.name}):
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
    if UNNAMED in (call.target, other.target):
        return True
    hosts = [name.partition(":")[0] for name in names]
    addresses = [name for name in names if ":" in name or "." in name]
    return call.requests == other.requests and (hosts[0] == hosts[1] or len(addresses) == 1)


def another_window(case: Case) -> Reason | None:
    """Numbers of two times are not comparable; who calls whom still is."""
    if case.is_missing:
        return None
    apart = [other for other in case.others if not other.window.overlaps(case.odd.window)]
    if not apart:
        return None
    return Reason(
        f"{case.odd.name} and {apart[0].name} are of different times: their numbers are not the same calls",
        expected=True,
    )


def timed_elsewhere(case: Case) -> Reason | None:
    if case.difference.kind is not DifferenceKind.LATENCY:
        return None
    if all(other.backend == case.odd.backend for other in case.others):
        return None
    return Reason("the backends time a call at different ends, caller or callee", expected=True)
