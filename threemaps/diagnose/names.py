"""Names that X-Ray refuses: they are sent to it otherwise, so that the calls arrive at all. Pure."""

import re
from collections.abc import Mapping

from threemaps.diagnose.case import Case, Reason
from threemaps.model.difference import Source
from threemaps.model.drawing import CLOUDWATCH, XRAY
from threemaps.model.servicemap import Edge, Kind, Node
from threemaps.model.spans import Ends

# What a segment's name may not hold, and how long it may be.
NOT_TAKEN = re.compile(r"[^\w \t\n\f\r.:/%&#=+\\@-]")
LONGEST = 200
SENT_BY_XRAY = (XRAY, CLOUDWATCH)  # CloudWatch's spans come through X-Ray


def in_xray(node: Node) -> Node:
    if node.kind is not Kind.SERVICE:
        return node
    return Node(NOT_TAKEN.sub("_", node.name)[:LONGEST], node.kind)


class Names:
    """Both sides of it are differences: X-Ray lacks the one name, the others lack the other."""

    def reason(self, case: Case) -> Reason | None:
        aws = [one for one in case.sources if one.backend in SENT_BY_XRAY]
        if not aws or not case.is_missing:
            return None
        is_aws = case.diverging.backend in SENT_BY_XRAY
        xray = case.diverging if is_aws else aws[0]
        others = [one for one in case.others if one.backend not in SENT_BY_XRAY]
        for other in others if is_aws else (case.diverging,):
            meant = original(case, other, xray)
            if meant:
                return Reason(
                    "X-Ray refuses some characters in a name, and more than 200 of them: "
                    f"{meant} is {in_xray(meant)} there",
                    expected=True,
                )
        return None


def original(case: Case, other: Source, xray: Source) -> Node | None:
    """A name of the other's that X-Ray has otherwise, where X-Ray has as many calls under its own."""
    ends = tuple(in_xray(end) for end in case.ends)
    if len(ends) == 1:
        return node_in(other, xray, ends[0])
    edges = calls_by_xrays_names(case, other).get((ends[0], ends[1]), [])
    renamed = next((end for edge in edges for end in edge.key if end != in_xray(end)), None)
    there = case.index.edge(xray.name, ends[0], ends[1])
    if renamed is None or there is None:
        return None
    same = (there.requests or 0) == sum(edge.requests or 0 for edge in edges)
    return renamed if same else None


def node_in(other: Source, xray: Source, written: Node) -> Node | None:
    if not other.map or not xray.map or written not in xray.map.nodes:
        return None
    return next((node for node in other.map.nodes if node != written == in_xray(node)), None)


def calls_by_xrays_names(case: Case, other: Source) -> Mapping[Ends, list[Edge]]:
    """Found out once for each map: it is the same for all of its edges."""
    known = case.index.by_xrays_names
    if other.name not in known:
        found: dict[Ends, list[Edge]] = {}
        for edge in other.map.edges if other.map else ():
            found.setdefault((in_xray(edge.source), in_xray(edge.target)), []).append(edge)
        known[other.name] = found
    return known[other.name]
