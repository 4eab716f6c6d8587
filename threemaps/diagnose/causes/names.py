"""Names that X-Ray refuses: its leg writes them otherwise, so that the calls arrive at all."""

import re
from collections.abc import Mapping

from threemaps.diagnose.causes.case import Case, Reason
from threemaps.diagnose.causes.shapes import slack
from threemaps.diagnose.evidence.model import Evidence
from threemaps.model.difference import Source
from threemaps.model.servicemap import Edge, Kind, Node

# As transform/xray in collector/otel-config.yaml writes them.
NOT_TAKEN = re.compile(r"[^\w \t\n\f\r.:/%&#=+\\@-]")
LONGEST = 200
NOTHING = "names that X-Ray refuses: there are none here"

Ends = tuple[Node, Node]


def in_xray(node: Node) -> Node:
    if node.kind is not Kind.SERVICE:
        return node
    return Node(NOT_TAKEN.sub("_", node.name)[:LONGEST], node.kind)


def written_otherwise(case: Case, evidence: Evidence) -> Reason | str:
    """Both sides of it are differences: X-Ray lacks the one name, the others lack the other."""
    xray = next((one for one in case.sources if one.backend == "xray"), None)
    if xray is None or not case.is_missing:
        return NOTHING
    for other in case.others if case.odd is xray else (case.odd,):
        meant = originals(case, other, xray, evidence)
        if meant:
            return Reason(
                "X-Ray refuses some characters in a name, and more than 200 of them: "
                f"{meant} is {in_xray(meant)} there",
                expected=True,
            )
    return NOTHING


def originals(case: Case, other: Source, xray: Source, evidence: Evidence) -> Node | None:
    """A name of the other's that X-Ray has otherwise, where X-Ray has as many calls under its own."""
    ends = tuple(in_xray(end) for end in case.ends)
    if len(ends) == 1:
        return node_in(other, xray, ends[0])
    edges = calls_by_xrays_names(case, other).get((ends[0], ends[1]), [])
    renamed = next((end for edge in edges for end in edge.key if end != in_xray(end)), None)
    there = case.index.edge(xray.name, ends[0], ends[1])
    if renamed is None or there is None:
        return None
    apart = abs((there.requests or 0) - sum(edge.requests or 0 for edge in edges))
    return renamed if apart <= slack(evidence, (ends[0], ends[1])) else None


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
