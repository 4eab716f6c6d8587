"""A collector that ended with a panic is started again, as Docker would.

Release 0.152.0 panics at one bad datagram that anybody on this machine can send: docs/security.md.
What somebody killed or stopped stays so: `status` and `doctor` say so.
"""

import logging
import re
import time
from dataclasses import replace
from pathlib import Path

from threemaps.basics.periodic import Periodic
from threemaps.demo.lock import attempted
from threemaps.demo.logs import rotate
from threemaps.demo.processes import Records, Running, ended, records, start
from threemaps.errors import UserError
from threemaps.settings import Settings

log = logging.getLogger("threemaps.keeper")

NAME = "collector"
CHECK_SECONDS = 0.5
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY_SECONDS = 10.0  # who has lived so long is not in a circle of panics
TAIL_BYTES = 262_144
READY = b"Everything is ready"
PANIC = re.compile(rb"^(?:panic|fatal error): .*$", re.MULTILINE)


def last_panic(collector_log: Path) -> str:
    """What ended the last run of the collector, or nothing if it was no panic."""
    try:
        with collector_log.open("rb") as file:
            file.seek(max(0, collector_log.stat().st_size - TAIL_BYTES))
            last_run = file.read().rpartition(READY)[2]
    except OSError:
        return ""
    found = PANIC.search(last_run)
    return found.group().decode(errors="replace")[:200] if found else ""


def next_pause(pause: float, lived: float) -> float:
    return FIRST_PAUSE if lived > STEADY_SECONDS else min(2 * pause, LONGEST_PAUSE)


class Keeper(Periodic):
    def __init__(self, settings: Settings) -> None:
        super().__init__("keeping the collector", CHECK_SECONDS, self.look)
        self._settings = settings
        self._log = settings.logs / f"{NAME}.log"
        self._left_alone: Running | None = None
        self._pause = FIRST_PAUSE
        self._not_before = 0.0

    def look(self) -> None:
        """Cheap as long as the collector runs."""
        known = records(self._settings).load().get(NAME)
        if known is None or known == self._left_alone or not ended(known):
            return
        panic = last_panic(self._log)
        if not panic:
            self._left_alone = known
        elif time.monotonic() >= self._not_before:
            self._mend(known, panic)

    def _mend(self, known: Running, panic: str) -> None:
        """Unless an `up` or a `down` is at work, or was since we looked."""
        with attempted(self._settings.run / "up.lock") as is_ours:
            stored = records(self._settings)
            if is_ours and stored.load().get(NAME) == known:
                self._pause = next_pause(self._pause, time.time() - known.started)
                self._not_before = time.monotonic() + self._pause
                self._start_again(stored, known, panic)

    def _start_again(self, stored: Records, known: Running, panic: str) -> None:
        # Seldom needed, and large: the guard always has a keeper.
        from threemaps.demo.collector import collector_binary
        from threemaps.demo.system import collector_spec

        try:
            spec = collector_spec(self._settings, collector_binary(log.info))
        except UserError as error:
            log.error("the collector panicked and cannot be started again: %s", error.message)
            return
        rotate(self._log)
        again = replace(start(spec, self._log), fingerprint=known.fingerprint, restarts=known.restarts + 1)
        stored.save({**stored.load(), NAME: again})
        log.warning("the collector ended (%s) and was started again as process %d", panic, again.pid)
