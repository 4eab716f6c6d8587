"""What is gone for good: datagrams without room in the socket's buffer, and what the collector dropped."""

from pathlib import Path
from shlex import quote

from threemaps.demo.machine import machine_troubles
from threemaps.diagnose.datagrams import dropped_datagrams
from threemaps.diagnose.losses import is_counted, losses
from threemaps.doctor.check import Check, broken, good, noted, unseen
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


def check_machine(walk: Walk) -> Check:
    """Before all links: with any of this none can be understood. Only a clock that was set breaks nothing."""
    found = list(machine_troubles(walk.settings))
    if not found:
        return good("machine", "machine", "state folder, open files and clock are as they were at the start")
    first = found[0]
    is_a_note = all(one.what.startswith("the clock") or ".broken" in one.what for one in found)
    return (noted if is_a_note else broken)("machine", "machine", first.what, first.advice)


def check_losses(walk: Walk) -> Check:
    """A note, too: what was dropped does not come back, and whoever misses calls has to know."""
    found = losses(walk.settings)
    if not found and not is_counted(walk.settings):
        what = "what the collector dropped: the guard, which counts it, does not run, or cannot write it down"
        return unseen(LINK, "losses", what)
    if not found:
        return good(LINK, "losses", "nothing is known to be dropped since the state folder began")
    log = walk.settings.logs / "collector.log"
    return noted(LINK, "losses", "; ".join(map(str, found)), f"grep -i dropp {quote(str(log))}")


def larger_buffer(setting: Path = BUFFER) -> int:
    try:
        return max(ROOM, 2 * int(setting.read_text()))
    except (OSError, ValueError):
        return ROOM
