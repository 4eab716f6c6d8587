"""What lies in the reading itself: maps that still moved, windows of two times, maps without anything."""

from dataclasses import dataclass
from datetime import timedelta

from threemaps.diagnose.case import DOCTOR, Case, Check, Reason
from threemaps.model.drawing import title


class OtherWindow:
    """A file has a window of its own."""

    def reason(self, case: Case) -> Reason | Check | None:
        own = case.diverging.window
        other = next((other for other in case.others if other.window.distance(own) > 2), None)
        if other is None:
            return None
        if case.is_missing and not other.window.overlaps(own):
            return Reason(
                f"it is not in {case.diverging.name}, which is of another time",
                "the map has changed between the two, or no call took this way then; "
                "take the later map over a longer --since to be sure",
            )
        return Reason(
            f"{case.diverging.name} and {other.name} cover windows that overlap, but are not the same",
            "compare maps of one window, or of two that do not overlap",
        )


@dataclass(frozen=True, slots=True)
class StillMoving:
    """The maps had not settled when waiting came to its end."""

    waited: float
    lag: timedelta = timedelta()
    slowest: str = ""  # the backend whose lag it is

    def reason(self, case: Case) -> Reason:
        late = (
            f"; {title(self.slowest)} may show calls {self.lag.total_seconds() / 60:g} minutes late"
            if self.lag
            else ""
        )
        return Reason(
            f"the maps were still moving when they were read, after {self.waited:.0f} s{late}",
            "wait longer (--wait 10m), or compare a window that is over (--until 10m)"
            if self.lag
            else "run it again in half a minute",
        )


class NothingArrived:
    def reason(self, case: Case) -> Reason | None:
        if case.diverging.holds_others or not case.index.is_empty(case.diverging.name):
            return None
        return Reason(
            f"{case.title} draws nothing at all of this window", DOCTOR if case.diverging.is_live else ""
        )
