"""Waits until the maps stand still: spans are exported late, and flushes come later still."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from threemaps.model.servicemap import ServiceMap

Maps = Mapping[str, ServiceMap | None]

POLL_SECONDS = 1.5
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
    quiet: float,
    report: Callable[[float], None],
) -> Settled:
    """Reads until nothing has moved for a while; where the maps differ, not before the last flush has come.

    `elapsed` gives the seconds since the end of the window; `quiet` is how long nothing may move.
    """
    started = moved = elapsed()
    maps = read()
    while True:
        now = elapsed()
        if now - moved >= quiet and (now >= lag or agree(maps)):
            return Settled(maps, True, now - started)
        if now - started >= LIMIT_SECONDS:
            return Settled(maps, False, now - started)
        report(now - started)
        sleep(min(POLL_SECONDS, quiet))
        again = read()
        if again != maps:
            maps, moved = again, elapsed()
