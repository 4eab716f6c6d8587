"""Keeps room on the disk for the collector's queues.

Release 0.152.0 drops what it reads from a queue while it cannot write there, without a word: so acknowledged
spans are lost on a full disk, also when others filled it. Each queue's file has blocks set aside behind its
end. With less than LEAST_ROOM left the collector takes nothing in: what is set aside is for what waits.
"""

import contextlib
import ctypes
import logging
import os
import shutil
import signal
from pathlib import Path

from threemaps.basics.periodic import Periodic
from threemaps.demo.health import answers
from threemaps.demo.processes import records
from threemaps.settings import Settings

log = logging.getLogger("threemaps.room")

SECONDS = 0.25
LEAST_ROOM = 16_000_000  # bytes
ENOUGH = 2 * LEAST_ROOM
SET_ASIDE = 8_000_000  # behind the end of a queue's file
KEEP_SIZE = 1  # fallocate(2)
# The last --config of the launcher's collector. Both texts are as long: changing one takes no room.
FILE = "intake.yaml"
LENGTH = 500
OPEN = "{} # The collector takes everything in.\n"
SHUT = """# The disk is full: the collector takes nothing in, and sends what waits.
processors:
  memory_limiter:
    { check_interval: 20ms, limit_mib: 2, spike_limit_mib: 1, \
min_gc_interval_when_soft_limited: 60s, min_gc_interval_when_hard_limited: 60s }
extensions: { file_storage: { compaction: { on_start: false, on_rebound: false } } }
"""


def padded(text: str) -> str:
    return text.ljust(LENGTH - 1) + "\n"


def is_shut(settings: Settings) -> bool:
    """Whether the collector has to take nothing in."""
    try:
        return (settings.run / FILE).read_text() == padded(SHUT)
    except OSError:
        return False


def room(settings: Settings) -> int:
    """Bytes that are left on the disk of the queues; much where that cannot be seen."""
    try:
        return shutil.disk_usage(settings.queue).free
    except OSError:
        return ENOUGH


class Room(Periodic):
    def __init__(self, settings: Settings) -> None:
        super().__init__("room for the queues", SECONDS, self.look)
        self._settings = settings

    def look(self) -> None:
        for file in self._settings.queue.glob("exporter_*"):
            with contextlib.suppress(OSError):
                set_aside(file)
        left, shut = room(self._settings), is_shut(self._settings)
        if (left < LEAST_ROOM and not shut) or (left > ENOUGH and shut):
            self._turn(OPEN if shut else SHUT, left)

    def _turn(self, text: str, left: int) -> None:
        collector = records(self._settings).load().get("collector")
        # The signal ends one that is only starting.
        if collector is None or not collector.alive or not answers(self._settings.url("health")):
            return
        with (self._settings.run / FILE).open("r+") as file:
            file.write(padded(text))
        os.kill(collector.pid, signal.SIGHUP)  # it reads its files again
        what = "takes nothing in" if text == SHUT else "takes everything in again"
        log.warning("%d MB are left on the disk: the collector %s", left // 1_000_000, what)


def set_aside(file: Path) -> None:
    """Raises OSError where the disk has no room, or knows no such thing."""
    held = file.stat()
    if not hasattr(os, "posix_fallocate") or held.st_blocks * 512 >= held.st_size + SET_ASIDE // 2:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW)
    try:
        length = ctypes.c_int64(held.st_size + SET_ASIDE)
        if libc.fallocate(descriptor, KEEP_SIZE, ctypes.c_int64(0), length):
            raise OSError(ctypes.get_errno(), "fallocate")
    finally:
        os.close(descriptor)
