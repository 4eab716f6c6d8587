"""What happened on the way from the collector to one backend, in the collector's own words."""

import re

from threemaps.diagnose.causes.case import DOCTOR, Case, Reason
from threemaps.diagnose.causes.shapes import likely_of, slack
from threemaps.diagnose.evidence.absent import Absent
from threemaps.diagnose.evidence.model import Evidence, Leg
from threemaps.diagnose.evidence.shapes import REMOTE
from threemaps.model.difference import Source
from threemaps.model.servicemap import Kind, Node

NEW_KEY = (
    "set HONEYCOMB_API_KEY to an ingest key of this environment, then `threemaps down` and `threemaps up`"
)
NEW_CREDENTIALS = (
    "check the AWS credentials and their policy (aws/ has one), then `threemaps down` and `threemaps up`"
)
# As a status of its own: the same digits may be in an address or an id.
OF_A_KEY = re.compile(
    r"(?<![\w:.])40[13](?!\w|\.\d)"
    r"|unauthenticated|unauthorized|forbidden|api key|accessdenied|not authorized|signature",
    re.IGNORECASE,
)


def key_rejected(case: Case, evidence: Evidence) -> Reason | str:
    title = case.title
    problem = evidence.key_problems.get(case.odd.backend, "")
    line = next((line for line in _leg(case, evidence).log_lines if _of_a_key(line)), "")
    if not case.short or not (problem or line):
        return f"the key for {title}: nothing refuses it"
    return Reason(
        f"{title} rejects the key that the collector sends with",
        NEW_KEY if case.odd.backend == "honeycomb" else NEW_CREDENTIALS,
        tuple(text for text in (problem, line) if text),
    )


def _of_a_key(line: str) -> bool:
    return OF_A_KEY.search(line) is not None


def _leg(case: Case, evidence: Evidence) -> Leg:
    legs = evidence.collector.legs if evidence.collector else {}
    return legs.get(case.odd.backend, Leg())


def given_up(case: Case, evidence: Evidence) -> Reason | str:
    leg = _leg(case, evidence)
    lost = leg.failed + leg.not_queued
    if not case.short or not lost:
        return f"the leg to {case.title}: it has given up nothing"
    why = "its queue was full" if leg.not_queued else "the answer was final, so it did not try again"
    return Reason(
        f"the collector gave up {lost} items on the way to {case.title}: {why}",
        "mend what the log line says; what was given up does not come back, so compare a window after it",
        (f"failed for good: {leg.failed}, not queued: {leg.not_queued}", *leg.log_lines[:1]),
    )


def backlog(case: Case, evidence: Evidence) -> Reason | str:
    leg = _leg(case, evidence)
    if not case.short or not leg.queued:
        return f"the queue to {case.title}: it is empty"
    return Reason(
        f"the queue to {case.title} is still draining: the collector holds what is missing and keeps trying",
        f"wait and compare again; if the queue does not shrink, {case.title} is not reached: {DOCTOR}",
        (f"the queue holds {leg.queued:,} bytes of {leg.capacity:,}", *leg.log_lines[:1]),
    )


def refused_at_the_door(case: Case, evidence: Evidence) -> Reason | str:
    """A total since the collector's start, of all services: no proof, and asked after all that has one."""
    refused = evidence.collector.refused if evidence.collector else 0
    missing = max(1, case.usual - case.said)
    if not case.short or not refused:
        return "the collector's receivers: they have refused nothing"
    if refused < missing:
        return (
            f"the collector's receivers: they have refused {refused} spans, and {missing:g} calls are missing"
        )
    return Reason(
        f"the collector has refused {refused} spans since it started, and what is missing may be among them",
        "give the collector more memory (memory_limiter), or send less at once, then compare a later window",
        (f"otelcol_receiver_refused_spans is {refused}, of all services and of any time",),
    )


def refused_in_a_200(case: Case, evidence: Evidence) -> Reason | str:
    """X-Ray answers 200 and names segments that it did not take; the exporter counts them as sent."""
    if case.odd.backend != "xray" or not case.short:
        return "segments refused inside a 200: only X-Ray does that"
    absent, leg = evidence.absent, _leg(case, evidence)
    witnesses = [one for one in case.others if one.backend == "honeycomb" and case.says(one) > case.said]
    not_looked = (absent is None or not absent.complete) and leg.sent and witnesses
    traces = absent_here(case, evidence, absent) if absent else ()
    if not traces and not not_looked:
        return (
            "segments refused inside a 200: too few calls are known here that Honeycomb has and X-Ray lacks"
        )
    seen = [f"the collector has sent {leg.sent} spans to X-Ray, and none failed or waits"] if leg.sent else []
    seen += [f"trace {trace} is in Honeycomb and not in X-Ray" for trace in traces[:3]]
    return Reason(
        "X-Ray refused segments inside an answer of 200 (UnprocessedTraceSegments), which nothing counts",
        "segments over 64 kB or of a time far off are refused: look for large attributes and wrong clocks",
        tuple(seen),
    )


def absent_here(case: Case, evidence: Evidence, absent: Absent) -> tuple[str, ...]:
    """Traces that tell of these very calls, where they are enough."""
    ends = case.ends
    names = [one.name for one in case.sources]
    keys = [(ends[0], ends[1])] if len(ends) == 2 else [e.key for e in case.index.touching(ends[0], names)]
    found: dict[str, None] = {}
    for source, target in dict.fromkeys(keys):
        counts = [requests_on(case, one, (source, target)) for one in case.others]
        own, most = requests_on(case, case.odd, (source, target)), max(counts, default=0)
        key = source, (REMOTE if target.kind is Kind.REMOTE else target)
        here = absent.calls.get(key, ())
        likely = (
            len(here) if absent.complete else likely_of(max(own, most), len(here), absent.seen.get(key, 0))
        )
        if own != most and (not here or abs(own - most) > likely + slack(evidence, (source, target))):
            return ()
        found |= dict.fromkeys(here)
    return tuple(found)


def requests_on(case: Case, one: Source, ends: tuple[Node, Node]) -> int:
    edge = case.index.edge(one.name, *ends)
    return edge.requests or 0 if edge else 0
