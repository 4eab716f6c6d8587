"""Clocks that are off: a service's spans then fall into another window."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from statistics import median

from threemaps.diagnose.asking import Asking, now
from threemaps.diagnose.case import Case, Check, Reason, Subject, at
from threemaps.diagnose.traces import xray_ids
from threemaps.model.difference import DifferenceKind, Window
from threemaps.model.servicemap import Kind, Node
from threemaps.readers.batch import batch_get_traces
from threemaps.readers.segments import documents
from threemaps.readers.xray import XRay

SKEW_SECONDS = 2.0
SAME_TIME = 1.0  # seconds; starts this close together are by the same clock
BY_A_WRONG_CLOCK = timedelta(minutes=10)  # so far outside the window a trace of it is looked for
LOOKED_AT = 50  # traces; enough to see a pattern, few enough to be quick

Segment = tuple[str, float, float]  # name, start and end


def gather(asking: Asking) -> Iterator[Subject]:
    xray = asking.xray
    if xray and asking.services:
        skew = asking.ask("the services' clocks", lambda: clock_skew(xray, asking.window, asking.services))
        if skew is not None:
            yield Clocks(skew, now())


@dataclass(frozen=True, slots=True)
class Clocks:
    skew: Mapping[str, float]  # service → seconds its clock is ahead
    moment: datetime

    def reason(self, case: Case) -> Reason | Check | None:
        if case.difference.kind is DifferenceKind.LATENCY:
            return None
        for end in (*case.ends, *neighbours(case)):
            ahead = self.skew.get(end.name, 0.0)
            if end.kind is not Kind.OUTSIDE and abs(ahead) >= SKEW_SECONDS:
                way = "ahead" if ahead > 0 else "behind"
                return Reason(
                    f"the clock of {end} is {abs(ahead):.0f} s {way}: its spans fall into another window",
                    f"set the clock on the machine of {end}, as with `timedatectl set-ntp true`",
                    (
                        f"spans of {end} start {abs(ahead):.1f} s {way} of the calls that caused them "
                        f"({at(self.moment)})",
                    ),
                )
        return Check(
            "the clocks: in X-Ray's traces no service's spans start before or long after their callers' "
            f"({at(self.moment)})"
        )


def neighbours(case: Case) -> Iterator[Node]:
    """A node is not drawn where none of its calls is, be it for the other end of them."""
    if len(case.ends) == 1:
        calls = case.index.touching(case.ends[0], [other.name for other in case.others])
        yield from dict.fromkeys(end for call in calls for end in call.key)


def clock_skew(xray: XRay, window: Window, services: set[str]) -> Mapping[str, float]:
    """By how many seconds each service's clock is ahead of most others', where that is more than a moment."""
    offsets: dict[str, list[float]] = {}
    wide = Window(window.start - BY_A_WRONG_CLOCK, window.end + BY_A_WRONG_CLOCK)
    ids = islice(xray_ids(xray, wide, services), LOOKED_AT)
    for trace in batch_get_traces(xray.client, xray.settings, ids):
        segments = [
            (str(document.get("name")), float(start), float(end))
            for document in documents(trace)
            if isinstance(start := document.get("start_time"), int | float)
            and isinstance(end := document.get("end_time", start), int | float)
        ]
        for name, ahead in skew_in_trace(segments, window).items():
            offsets.setdefault(name, []).append(ahead)
    return {name: median(seen) for name, seen in offsets.items() if abs(median(seen)) > SAME_TIME}


def skew_in_trace(segments: Sequence[Segment], window: Window | None = None) -> dict[str, float]:
    """A call lies within its caller's time. The clock of most services is taken as right, else the window's.

    The most services whose segments overlap each other are by one clock, one outside of them is by another.
    """
    if len(segments) < 2:
        return {}
    groups = [overlapping(segment, segments) for segment in segments]
    right = max(groups, key=lambda group: (len({one[0] for one in group}), inside(group, window)))
    start, end = min(one[1] for one in right), max(one[2] for one in right)
    found = {}
    for name, began, ended in segments:
        outside = began - end if began > end else min(0.0, ended - start)
        found[name] = began - start if abs(outside) > SAME_TIME else 0.0
    return found


def inside(segments: Sequence[Segment], window: Window | None) -> int:
    if window is None:
        return 0
    start, end = window.start.timestamp(), window.end.timestamp()
    return sum(began <= end and ended >= start for _, began, ended in segments)


def overlapping(one: Segment, segments: Sequence[Segment]) -> list[Segment]:
    return [other for other in segments if other[1] <= one[2] + SAME_TIME and other[2] >= one[1] - SAME_TIME]
