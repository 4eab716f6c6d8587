"""Calls of a shape that each backend draws in its own way, as whole traces show them."""

import math

from threemaps.diagnose.causes.case import Case, Reason
from threemaps.diagnose.causes.expected import drawable
from threemaps.diagnose.evidence.model import Evidence
from threemaps.diagnose.evidence.shapes import REMOTE, Looked, OddCall, Oddity
from threemaps.model.difference import DifferenceKind, Source
from threemaps.model.servicemap import Edge, Kind, Node

SAMPLE_TOLERANCE = 3.0  # standard deviations
NOTHING = "calls of an odd shape: the traces that were looked at hold too few of them"

CAUSES = {
    Oddity.CALLER_NEVER_CAME: (
        "the caller's span never came, as from a browser or a service that exports nothing: X-Ray draws "
        "such a call as from outside, the others do not draw it",
        "have the caller export its spans, or drop its traceparent where requests come in",
    ),
    Oddity.CALLER_WITHOUT_ENTRY: (
        "the caller's calls came, but not the span in which it was called itself: X-Ray draws calls of "
        "whole segments only, and what was called as from outside",
        "have the caller export the span that it serves its requests in, too",
    ),
    Oddity.NO_SERVER_SPAN: (
        "a service was called and has no span of kind server or consumer there: Honeycomb draws the call, "
        "CloudWatch pairs only clients with servers, and X-Ray takes the service's work for its caller's, "
        "unless the span's flags tell",
        "give the span in which the service begins the kind SERVER or CONSUMER",
    ),
    Oddity.NO_CLIENT_SPAN: (
        "the callee's span hangs below a span that is no client's: CloudWatch's service graph pairs only "
        "clients with servers",
        "instrument the caller's client library (requests, httpx, grpc, kafka …)",
    ),
    Oddity.SHARED_CLIENT_SPAN: (
        "one span of a client or producer reached several callees: CloudWatch's service graph counts one",
        "none needed where one message has several readers; else make a client's span for each call",
    ),
}


def drawn_otherwise(case: Case, evidence: Evidence) -> Reason | str:
    """Only as many calls as were found in traces, or as their share of the traces makes likely."""
    looked = evidence.looked
    if case.difference.kind is DifferenceKind.LATENCY or not looked.odd:
        return NOTHING
    if len(case.ends) == 1:
        return missing_with_its_calls(case, evidence)
    ends = case.ends[0], case.ends[1]
    found: list[OddCall] = []
    for other in case.others:
        counts = (case.odd.backend, case.said), (other.backend, case.says(other))
        if counts[0][1] == counts[1][1] or not tells(case, other, ends):
            continue
        odd = explaining(looked, ends, *counts, slack(evidence, ends))
        if not odd:
            return NOTHING
        found += odd
    return reason(found, evidence) if found else NOTHING


def one_id_twice(case: Case, evidence: Evidence) -> Reason | str:
    """X-Ray knows a span by its id, and keeps the later of two."""
    doubled = evidence.looked.doubled
    found = {doubled[node.name] for node in callees(case) if node.name in doubled}
    if case.odd.backend != "xray" or not case.short or not found:
        return "span ids: the traces that were looked at hold no two spans of one id"
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


def tells(case: Case, other: Source, ends: tuple[Node, Node]) -> bool:
    if case.is_missing:
        return drawable(Edge(*ends), other.backend)
    return case.difference.values.get(other.name) is not None


def slack(evidence: Evidence, ends: tuple[Node, Node]) -> int:
    """What the window's edges may add to it."""
    known = evidence.passed_at_edges
    return known.within_lag.get(ends, 0) if known else 0


def missing_with_its_calls(case: Case, evidence: Evidence) -> Reason | str:
    """A node is not drawn where none of its calls is."""
    node, looked = case.ends[0], evidence.looked
    found: list[OddCall] = []
    for other in case.others:
        for edge in case.index.touching(node, [other.name]):
            if not drawable(edge, case.odd.backend):
                continue
            counts = (case.odd.backend, 0), (other.backend, edge.requests or 0)
            odd = explaining(looked, edge.key, *counts, slack(evidence, edge.key))
            if not odd:
                return NOTHING
            found += odd
    return reason(found, evidence) if found else NOTHING


def explaining(
    looked: Looked, ends: tuple[Node, Node], odd: tuple[str, float], other: tuple[str, float], more: int
) -> list[OddCall]:
    """The odd calls that make one backend have so many more than the other; none where they are too few."""
    ends = ends[0], (REMOTE if ends[1].kind is Kind.REMOTE else ends[1])
    (rich, most), (poor, least) = (other, odd) if other[1] > odd[1] else (odd, other)
    found = [call for call in looked.odd if call.ends == ends and call.is_more_in(rich, poor)]
    seen = looked.calls.get(ends, 0)
    if not found or not seen:
        return []
    likely = len(found) if looked.complete else likely_of(most, len(found), seen)
    return found if most - least <= likely + more else []


def likely_of(calls: float, found: int, seen: int) -> float:
    """How many of the calls may be such ones, if so many were found among those that were seen."""
    share = min(1.0, found / max(1, seen))
    spread = SAMPLE_TOLERANCE * math.sqrt(share * (1 - share) / max(1, seen))
    return calls * min(1.0, share + spread)


def reason(found: list[OddCall], evidence: Evidence) -> Reason:
    oddity = max((call.oddity for call in found), key=[call.oddity for call in found].count)
    cause, advice = CAUSES[oddity]
    traces = tuple(dict.fromkeys(call.trace for call in found if call.oddity is oddity))
    seen = [f"{len(traces)} of the {evidence.looked.traces} traces that were looked at hold such calls"]
    seen += [f"trace {trace}" for trace in traces[:3]]
    refused = evidence.collector.refused if evidence.collector else 0
    if refused and oddity in (Oddity.CALLER_NEVER_CAME, Oddity.CALLER_WITHOUT_ENTRY):
        seen.append(
            f"the collector has refused {refused} spans since it started: so many callers' may be among them"
        )
    return Reason(cause, advice, tuple(seen), expected=True)
