"""Why maps differ: what was looked at, and what it proves. Evidence and cause of one subject share a module.

`expected` needs the maps alone. `subjects` asks about the differences that are left, and `explained` puts a
reason to each: the first subject that has one; where none has, what was checked and what could not be.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from threemaps.diagnose import clocks, export, other_applications, traces
from threemaps.diagnose.absent import Absent
from threemaps.diagnose.asking import Asking
from threemaps.diagnose.case import DOCTOR, Case, Check, Index, NotAsked, Reason, Subject
from threemaps.diagnose.expected import expected_reason
from threemaps.diagnose.names import Names
from threemaps.diagnose.reading import NothingArrived, OtherWindow, StillMoving
from threemaps.diagnose.sampling import Sampling
from threemaps.model.diff import merged
from threemaps.model.difference import Difference, DifferenceKind, Source, Window
from threemaps.model.drawing import CLOUDWATCH, XRAY
from threemaps.model.servicemap import Kind
from threemaps.readers import Backend
from threemaps.settings import Settings

__all__ = ["expected", "explained", "subjects", "unexpected"]

Explain = Callable[[Difference], Difference]
FILES_ONLY = "whatever runs now: only files were compared, and files tell nothing but their maps"
PURE: tuple[Subject, ...] = (OtherWindow(), Names())


def expected(sources: Sequence[Source], found: Iterable[Difference]) -> Iterator[Difference]:
    """The differences, with the reason of those that follow from how each backend draws."""
    return map(_explainer(sources, lambda case: expected_reason(case)), found)


def unexpected(sources: Sequence[Source], found: Iterable[Difference]) -> tuple[Difference, ...]:
    """What the table of drawings and the maps alone do not explain."""
    subject: Explain = _explainer(sources, lambda case: expected_reason(case) or _first(case, PURE, []))
    return tuple(one for one in map(subject, found) if not one.expected)


def subjects(
    settings: Settings,
    live: Mapping[str, Backend],
    window: Window,
    differences: tuple[Difference, ...],
    sampling: Sampling | NotAsked,
    moving: StillMoving | None = None,
) -> tuple[Subject, ...]:
    """What can be found out about these differences, in the order in which it is asked for a reason."""
    if not live:
        return (*PURE, NothingArrived(), NotAsked(FILES_ONLY))
    sampled = sampling.sampled if isinstance(sampling, Sampling) else frozenset()
    asking = Asking(settings, live, window, differences, sampled)
    path, past, late = export.look(asking)
    of_traces = list(traces.gather(asking, late.collector.refused if late else 0))
    of_clocks = list(clocks.gather(asking))
    absent = [one for one in of_traces if isinstance(one, Absent)]
    shapes = [one for one in of_traces if one not in absent]
    if absent and isinstance(sampling, Sampling):
        sampling = replace(sampling, kept=absent[0])
    return (
        *PURE,
        *other_applications.gather(asking),
        *shapes,
        *path,
        *of_clocks,
        sampling,
        *([moving] if moving else []),
        *([replace(past, absent=absent)] if past else []),
        *absent,
        *([late] if late else []),
        NothingArrived(),
        *asking.not_asked,
    )


def explained(
    sources: Sequence[Source], found: Iterable[Difference], asked: Sequence[Subject]
) -> tuple[Difference, ...]:
    """Each difference with its reason; those in the same thing for the same reason are one.

    Nothing asked: the maps alone explain all of them.
    """
    return tuple(merged(map(_explainer(sources, lambda case: _reason(case, asked or PURE)), found)))


def _explainer(sources: Sequence[Source], why: Callable[[Case], Reason | None]) -> Explain:
    # Built for the first difference: maps that agree need none.
    index = cache(lambda: Index(sources))
    by_name = {source.name: source for source in sources}
    readable = [source for source in sources if source.map is not None]

    def explain(difference: Difference) -> Difference:
        diverging = by_name[difference.diverging[0]]
        if difference.kind is DifferenceKind.UNREADABLE:
            return replace(difference, cause=diverging.problem, advice=diverging.remedy)
        others = tuple(source for source in readable if source is not diverging)
        reason = why(Case(difference, diverging, others, index()))
        if reason is None:
            return difference
        return difference.explained(reason.expected, reason.cause, reason.evidence, reason.advice)

    return explain


def _reason(case: Case, asked: Sequence[Subject]) -> Reason:
    checked: list[Check] = []
    found = expected_reason(case) or _first(case, asked, checked)
    if found:
        return found
    for mirrored in _made_up(case):
        found = _first(mirrored, asked, [])
        if found:
            cause = f"{mirrored.title} draws it for want of a service's spans: {found.cause}"
            return replace(found, cause=cause)
    done = [str(one) for one in checked if one.done]
    return Reason("unknown", DOCTOR, (*done, *(str(one) for one in checked if not one.done)))


def _first(case: Case, asked: Sequence[Subject], checked: list[Check]) -> Reason | None:
    for subject in asked:
        answer = subject.reason(case)
        if isinstance(answer, Reason):
            return answer
        if answer:
            checked.append(answer)
    return None


def _made_up(case: Case) -> Iterator[Case]:
    """AWS makes up a caller or a callee whose spans it lacks: then it is AWS that is short."""
    if all(end.kind is Kind.SERVICE for end in case.ends):
        return
    lacking = replace(case.difference, kind=DifferenceKind.MISSING_EDGE)
    for other in case.others:
        has_more = case.says(other) > case.said or (case.is_missing and other.name in lacking.present_in)
        if other.backend in (XRAY, CLOUDWATCH) and has_more:
            rest = tuple(source for source in case.sources if source is not other)
            yield Case(lacking, other, rest, case.index)
