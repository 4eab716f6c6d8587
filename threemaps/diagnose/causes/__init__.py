"""Why maps differ. Pure: (difference, evidence) → the same difference with its cause, evidence and advice.

Candidates are asked in turn. Each answers with a reason, or says why it is not the one; when all have said
no, the cause is unknown, and their answers are what was checked.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from threemaps.diagnose.causes import legs, names, ring, servicegraph, shapes, traffic
from threemaps.diagnose.causes.case import DOCTOR, TITLES, Case, Index, Reason
from threemaps.diagnose.causes.expected import expected_reason
from threemaps.diagnose.evidence.model import Evidence
from threemaps.model.difference import Difference, DifferenceKind, Source
from threemaps.model.servicemap import Kind

__all__ = ["TITLES", "explainer", "reason_for"]

Candidate = Callable[[Case, Evidence], Reason | str]

CANDIDATES: tuple[Candidate, ...] = (
    servicegraph.window_edge,
    traffic.other_window,
    names.written_otherwise,
    shapes.drawn_otherwise,
    shapes.one_id_twice,
    legs.key_rejected,
    legs.backlog,
    legs.given_up,
    traffic.clock,
    ring.changed,
    servicegraph.restart,
    servicegraph.full_store,
    servicegraph.expired_halves,
    traffic.sampling,
    traffic.still_moving,
    legs.refused_in_a_200,
    servicegraph.of_another_time,
    servicegraph.counted_twice,
    legs.refused_at_the_door,
    traffic.nothing_arrived,
)


def explainer(sources: Sequence[Source], evidence: Evidence) -> Callable[[Difference], Difference]:
    """The function that `compare` needs."""
    # Built for the first difference: maps that agree need none.
    index = cache(lambda: Index(sources))
    by_name = {source.name: source for source in sources}
    readable = [source for source in sources if source.map is not None]

    def explain(difference: Difference) -> Difference:
        odd = by_name[difference.odd[0]]
        if difference.kind is DifferenceKind.UNREADABLE:
            return replace(difference, cause=odd.problem, advice=odd.remedy)
        others = tuple(source for source in readable if source is not odd)
        reason = reason_for(Case(difference, odd, others, index()), evidence)
        return difference.explained(reason.expected, reason.cause, reason.evidence, reason.advice)

    return explain


def reason_for(case: Case, evidence: Evidence) -> Reason:
    expected = expected_reason(case)
    if expected:
        return expected
    checked: list[str] = []
    found = first_reason(case, evidence, checked)
    if found:
        return found
    for mirrored in made_up(case):
        found = first_reason(mirrored, evidence, [])
        if found:
            return replace(
                found, cause=f"{mirrored.title} draws it for want of a service's spans: {found.cause}"
            )
    return Reason(
        "unknown",
        DOCTOR,
        (
            *(f"checked: {answer}" for answer in checked),
            *(f"not checked: {why}" for why in evidence.not_checked),
        ),
    )


def made_up(case: Case) -> Iterator[Case]:
    """X-Ray makes up a caller or a callee whose segment it lacks: then it is X-Ray that is short."""
    if all(end.kind is Kind.SERVICE for end in case.ends):
        return
    lacking = replace(case.difference, kind=DifferenceKind.MISSING_EDGE)
    for other in case.others:
        has_more = case.says(other) > case.said or (case.is_missing and other.name in lacking.present_in)
        if other.backend == "xray" and has_more:
            rest = tuple(source for source in case.sources if source is not other)
            yield Case(lacking, other, rest, case.index)


def first_reason(case: Case, evidence: Evidence, checked: list[str]) -> Reason | None:
    for candidate in CANDIDATES:
        answer = candidate(case, evidence)
        if isinstance(answer, Reason):
            return answer
        checked.append(answer)
    return None
