"""Waits until the maps stand still: spans are exported late, and flushes come later still."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from threemaps.model.servicemap import ServiceMap

Maps = Mapping[str, ServiceMap | None]

POLL_SECONDS = 1.5
# Longer than an SDK holds spans back (5 s by default), so that a map that is agreed on is also whole.
QUIET_SECONDS = 6.0
LIMIT_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Settled:
    maps: Maps
    settled: bool
    waited: float


def settle(
    read: Callable[[], Maps],
    agree: Callable[[Maps], bool],
    *,
    elapsed: Callable[[], float],
    sleep: Callable[[float], None],
    lag: float,
    report: Callable[[float], None],
) -> Settled:
    """Reads until nothing has moved for a while; where the maps differ, not before the last flush has come.

    `elapsed` tells the seconds since the end of the window.
    """
    started = moved = elapsed()
    maps = read()
    while True:
        now = elapsed()
        quiet = now - moved >= QUIET_SECONDS
        if quiet and (now >= lag or agree(maps)):
            return Settled(maps, True, now - started)
        if now - started >= LIMIT_SECONDS:
            return Settled(maps, False, now - started)
        report(now - started)
        sleep(POLL_SECONDS)
        again = read()
        if again != maps:
            maps, moved = again, elapsed()
