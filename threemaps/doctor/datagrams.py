"""Segments of X-Ray SDKs come as datagrams: what did not fit into the socket's buffer is gone."""

from pathlib import Path

from threemaps.diagnose.datagrams import dropped_datagrams
from threemaps.doctor.check import Check, good, noted
from threemaps.doctor.walk import Walk

LINK = "collector"
# The receiver has no setting for its buffer: it gets the kernel's default, when it starts.
BUFFER = Path("/proc/sys/net/core/rmem_default")
ROOM = 8 * 1024 * 1024  # for 6,500 small segments; the usual default has room for 166


def check_datagrams(walk: Walk) -> Check:
    """A note and no broken link: the kernel's count stays until a restart, long after a burst is over."""
    dropped = dropped_datagrams(walk.settings)
    if dropped is None:
        return good(LINK, "datagrams", "no datagram for X-Ray is known to be dropped")
    more = f"sudo sysctl -w net.core.rmem_default={larger_buffer()}"
    return noted(LINK, "datagrams", str(dropped), f"{more} && threemaps down && threemaps up")


def larger_buffer(setting: Path = BUFFER) -> int:
    try:
        return max(ROOM, 2 * int(setting.read_text()))
    except (OSError, ValueError):
        return ROOM
