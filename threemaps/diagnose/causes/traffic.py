"""What happened to the traffic itself, or to the reading of it."""

from collections.abc import Iterator

from threemaps.diagnose.causes.case import DOCTOR, Case, Reason
from threemaps.diagnose.evidence.model import Evidence
from threemaps.model.difference import DifferenceKind
from threemaps.model.servicemap import Kind, Node

SKEW_SECONDS = 2.0
SAMPLING_TOLERANCE = 3.0  # standard deviations


def other_window(case: Case, evidence: Evidence) -> Reason | str:
    own = case.odd.window
    other = next((other for other in case.others if other.window.distance(own) > 2), None)
    if other is None:
        return "the windows: they are the same"
    if case.is_missing and not other.window.overlaps(own):
        return Reason(
            f"it is not in {case.odd.name}, which is of another time",
            "the map has changed between the two, or no call took this way then; "
            "take the later map over a longer --since to be sure",
        )
    return Reason(
        f"{case.odd.name} and {other.name} cover windows that overlap, but are not the same",
        "compare maps of one window, or of two that do not overlap",
    )


def clock(case: Case, evidence: Evidence) -> Reason | str:
    for end in (*case.ends, *neighbours(case)):
        ahead = evidence.skew.get(end.name, 0.0)
        if end.kind is Kind.SERVICE and abs(ahead) >= SKEW_SECONDS:
            way = "ahead" if ahead > 0 else "behind"
            return Reason(
                f"the clock of {end} is {abs(ahead):.0f} s {way}: its spans fall into another window",
                f"set the clock on the machine of {end}, as with `timedatectl set-ntp true`",
                (f"spans of {end} start {abs(ahead):.1f} s {way} of the calls that caused them",),
            )
    return "the clocks: no service's spans start before or long after their callers'"


def neighbours(case: Case) -> Iterator[Node]:
    """A node is not drawn where none of its calls is, be it for the other end of them."""
    if len(case.ends) == 1:
        calls = case.index.touching(case.ends[0], [other.name for other in case.others])
        yield from dict.fromkeys(end for call in calls for end in call.key)


def sampling(case: Case, evidence: Evidence) -> Reason | str:
    if case.difference.kind is not DifferenceKind.REQUESTS:
        return "sampling: it thins a map out, it does not take edges away"
    usual, said = case.usual, case.said
    for one in evidence.sampling:
        spread = (usual * one.rate * (1 - one.rate)) ** 0.5
        within = abs(said - usual * one.rate) <= SAMPLING_TOLERANCE * spread + 1
        if one.rate < 1 and one.backend in (None, case.odd.backend) and within:
            return Reason(
                f"sampling: {one.where} keeps {one.rate:.0%} of the calls",
                "compare shares instead of counts, or keep everything while you compare",
                (f"{said:g} of {usual:g} calls is what {one.rate:.0%} would leave",),
                expected=case.odd.sampled,
            )
    return "sampling: no rule or setting in force explains this share"


def still_moving(case: Case, evidence: Evidence) -> Reason | str:
    if evidence.settled:
        return "edges on the move: the maps had settled"
    return Reason(
        "the maps were still moving when they were read",
        "run it again in half a minute",
    )


def nothing_arrived(case: Case, evidence: Evidence) -> Reason | str:
    if case.odd.holds_others or not case.index.is_empty(case.odd.name):
        return f"{case.title}: other edges of this window are there"
    return Reason(f"{case.title} holds nothing at all of this window", DOCTOR)
