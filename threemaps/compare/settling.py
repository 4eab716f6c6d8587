"""One window for all sources: until now where everything is at rest, else one that is over and whole.

`Watch.look` takes one look and says whether the maps have settled. Where calls keep coming, the window is cut
to what the coarsest source can cut, it ends before the slowest source's lag, and calls that cross its ends
are set right (crossing.py).
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from threemaps.compare.crossing import NEAR, Crossing, corrected, crossing_calls, remark
from threemaps.compare.reading import Maps, Reader, Reading
from threemaps.errors import UserError
from threemaps.model.difference import Window
from threemaps.model.servicemap import ServiceMap
from threemaps.model.windows import floored, whole
from threemaps.readers.base import Manners
from threemaps.readers.xray import XRay

SECOND = timedelta(seconds=1)
# On top of the quiet time, which is longer than an SDK holds spans back: the collector's batches and queue.
ON_THE_WAY = timedelta(seconds=2)
FEWEST_LOOKS = 3
PATIENCE = timedelta(seconds=90)  # beyond the slowest source's lag

Agree = Callable[[Reading], bool]
Report = Callable[[float], None]


class Clock:
    """The time of day, and waiting; tests have one of their own."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, length: timedelta) -> None:
        time.sleep(max(0.0, length.total_seconds()))


class Watch:
    """Looks at the sources as often as `look` is called, and remembers what it saw."""

    def __init__(
        self, reader: Reader, since: timedelta, until: timedelta | None = None, clock: Clock | None = None
    ) -> None:
        self.reader = reader
        self.since = since
        self.clock = clock or Clock()
        self.quiet = timedelta(seconds=reader.settings.quiet)
        self.path = self.quiet + ON_THE_WAY
        now = self.clock.now()
        self._fixed = whole(now - until - since, now - until, self.grain) if until is not None else None
        self._start = now - since
        self._began = now  # of what is being waited for
        self._moved = now  # when the maps were last seen to change
        self._moving = False
        self._last: Reading | None = None
        self._crossing: dict[tuple[datetime, ...], Crossing] = {}

    @property
    def lag(self) -> timedelta:
        return self.reader.manners.lag

    @property
    def grain(self) -> timedelta:
        """A source may find out only in reading that it cuts windows more coarsely."""
        return self.reader.manners.grain

    def look(self, agree: Agree) -> Reading:
        """The maps as they are, `settled` where they can be compared. `agree`: do they need no cause?"""
        if not self.reader.live:
            now = self.clock.now()
            window = Window(now - self.since, now)
            return Reading(window, self.reader.read(window))
        if self._fixed:
            return self._over(self._fixed, agree)
        if self._moving and self._calls_lately():
            return self._over(self._past(), agree)
        if self._moving:
            self._moving, self._last, self._began = False, None, self.clock.now()
        return self._until_now(agree)

    def _past(self) -> Window:
        """The newest window that is over and whole; but the one that is being settled, until it has."""
        last = self._last
        if last is not None and last.moving and not last.settled and holds_calls(last):
            held = last.window
            if whole(held.start, held.end, self.grain) == held:
                return held
        end = self.clock.now() - self.lag - self.path
        return whole(floored(end, self.grain) - self.since, end, self.grain)

    def _calls_lately(self) -> bool:
        now = self.clock.now()
        return self.reader.has_calls(Window(now - 2 * self.path - self.grain_of_look, now))

    @property
    def grain_of_look(self) -> timedelta:
        """What `has_calls` can tell: the finest source's grain, where it is no second."""
        grains = [backend.manners.grain for backend in self.reader.live.values()]
        finest = min(grains, default=SECOND)
        return finest if finest > SECOND else timedelta()

    def _until_now(self, agree: Agree) -> Reading:
        first = self._last is None
        end = floored(self.clock.now(), SECOND) + SECOND
        # The window's last second has to be over, or the vendors would cut it each in their own way.
        self.clock.sleep(end - self.clock.now())
        if self._last is None or self._last.settled:
            self._start = floored(end - self.since, self.grain)  # not while waiting: old calls would leave
        window = Window(self._start, end)
        reading = self._read(window, (window.start,))
        now = self.clock.now()
        if self._last is None or reading.maps != self._last.maps:
            if self._last is not None and self._last.settled:
                self._began = now
            self._moved = now
            self._last = replace(reading, settled=False)
        if first and not self._worth_waiting(reading, end):
            return self._settled(reading)
        is_late = now - self._began >= self.lag + self.path
        if now - self._moved >= self.quiet and (is_late or agree(reading)):
            return self._settled(reading)
        if now - self._began >= self.path / 2 and self._has_begun_since(end):
            self._moving = True
            self._moved = now
            self._last = None
            return self._over(self._past(), agree)
        return replace(reading, settled=False)

    def _settled(self, reading: Reading) -> Reading:
        self._last = replace(reading, settled=True)
        return self._last

    def _worth_waiting(self, reading: Reading, end: datetime) -> bool:
        """Only what happened a moment ago still moves; and a first span may be on its way to an empty map."""
        readable = [found for found in reading.maps.values() if found is not None]
        if not readable:
            return False
        if not any(found.nodes for found in readable):
            return True
        start = max(reading.window.start, end - self.lag - 2 * self.path - self.grain_of_look)
        # A source that cuts to the minute has what came while the others were read.
        return self.reader.has_calls(Window(start, self.clock.now() + SECOND))

    def _has_begun_since(self, end: datetime) -> bool:
        start = self._began + SECOND
        if self.grain_of_look:
            start = floored(start, self.grain_of_look) + self.grain_of_look
        return start < end and self.reader.has_calls(Window(start, end))

    def _over(self, window: Window, agree: Agree) -> Reading:
        """A window whose end lies in the past."""
        last = self._last
        if last is not None and last.window == window and last.settled:
            return last
        now = self.clock.now()
        if last is None or last.window != window:
            self._moved = now
        reading = replace(self._read(window, (window.start, window.end)), moving=True)
        if last is None or last.window != window or last.maps != reading.maps:
            self._moved = now
        # Where traffic began only now, the next window has it.
        is_next = self._moving and not holds_calls(reading)
        end = window.end + self.grain if is_next else window.end
        settles_at = end + self.lag + self.path
        self._last = replace(reading, settled=False, settles_at=settles_at)
        is_whole = now >= settles_at
        if is_whole and agree(reading):
            return self._settled(reading)
        if is_whole and now - self._moved >= self.quiet:
            return self._settled(reading)
        return self._last

    def _read(self, window: Window, cuts: tuple[datetime, ...]) -> Reading:
        found = self.reader.read(window)
        reading = Reading(window, found)
        drawn_by = {self.reader.backends[name].drawn_by for name in self.reader.live}
        if not drawn_by - {"honeycomb"}:
            return self._only(reading)
        try:
            crossing = self._calls_across(cuts)
        except UserError as error:
            note = f"calls that cross the window's ends could not be looked up: {error.message}"
            return self._only(replace(reading, notes=(note,)))
        if crossing == Crossing():
            return self._only(reading)
        maps: dict[str, ServiceMap | None] = dict(found)
        remarks: dict[str, tuple[str, ...]] = {}
        for name, backend in self.reader.live.items():
            held = found[name]
            if held is None:
                continue
            own = getattr(backend, "own", None)
            maps[name], counts = corrected(backend.drawn_by, held, own, window, crossing)
            if counts:
                remarks[name] = (remark(crossing, counts, cuts),)
        return self._only(replace(reading, maps=maps, remarks=remarks))

    def _calls_across(self, cuts: tuple[datetime, ...]) -> Crossing:
        """What crosses a cut does not change once it lies far enough back."""
        if not any(self.reader.has_calls(Window(cut - NEAR, cut + NEAR)) for cut in cuts):
            return Crossing()
        if cuts not in self._crossing:
            xray = next((one for one in self.reader.live.values() if isinstance(one, XRay)), None)
            calls = crossing_calls(xray or XRay.of(self.reader.settings), cuts)
            if self.clock.now() < max(cuts) + self.lag + 2 * self.path:
                return calls
            self._crossing = {cuts: calls}
        return self._crossing[cuts]

    def _only(self, reading: Reading) -> Reading:
        service = self.reader.service
        maps: Maps = {
            name: found.only(service) if found is not None else None for name, found in reading.maps.items()
        }
        return replace(reading, maps=maps)


def holds_calls(reading: Reading) -> bool:
    return any(found and found.nodes for found in reading.maps.values())


def settle(watch: Watch, agree: Agree, wait: timedelta | None, report: Report) -> Reading:
    """Looks until the maps have settled, or for as long as one is willing to wait."""
    clock = watch.clock
    started = clock.now()
    limit = wait if wait is not None else watch.lag + PATIENCE
    looks = 0
    while True:
        reading = watch.look(agree)
        looks += 1
        waited = clock.now() - started
        # Where reading itself takes that long, it is still found out whether calls keep coming.
        if reading.settled or (waited >= limit and looks >= FEWEST_LOOKS):
            return replace(reading, waited=waited.total_seconds())
        report(waited.total_seconds())
        poll = watch.reader.manners.poll
        clock.sleep(poll if poll > Manners().poll else min(poll, watch.quiet))
