"""What the kernel dropped at the X-Ray port: UDP has no answer, and the collector never sees it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from threemaps.demo.processes import records
from threemaps.settings import Settings

PROC = Path("/proc")
TABLES = ("udp", "udp6")
# As the kernel lays out a line of them.
ADDRESS, INODE, DROPS = 1, 9, 12


@dataclass(frozen=True, slots=True)
class Dropped:
    """Datagrams for X-Ray's port that the kernel had no room for, since the collector started."""

    datagrams: int
    since: datetime

    def __str__(self) -> str:
        since = f"since the collector started ({self.since:%Y-%m-%d %H:%M:%S} UTC)"
        what = (
            f"the kernel dropped {self.datagrams:,} of the datagrams for X-Ray's port, as its buffer was full"
        )
        return f"{what}, {since}: what was in them is in no map"


def dropped_datagrams(settings: Settings) -> Dropped | None:
    """Since this machine's collector started; nothing where nobody tells: in containers, outside Linux."""
    collector = records(settings).load().get("collector")
    if collector is None or not collector.alive:
        return None
    count = dropped_by(PROC / str(collector.pid), settings.ports["xray"])
    return Dropped(count, datetime.fromtimestamp(collector.started, UTC)) if count else None


def dropped_by(process: Path, port: int) -> int:
    """By this process's own sockets on that port, in its own network namespace."""
    own = set(sockets(process))
    lines = (line.split() for table in TABLES for line in lines_of(process / "net" / table))
    return sum(
        int(line[DROPS])
        for line in lines
        if len(line) > DROPS and line[INODE] in own and int(line[ADDRESS].rpartition(":")[2], 16) == port
    )


def sockets(process: Path) -> Iterator[str]:
    """The inodes of what it has open. Some of it may be closed meanwhile."""
    with contextlib.suppress(OSError):
        for name in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                kind, _, inode = str(name.readlink()).partition(":")
                if kind == "socket":
                    yield inode.strip("[]")


def lines_of(table: Path) -> list[str]:
    """Without the head; none where there is no such table."""
    try:
        return table.read_text().splitlines()[1:]
    except OSError:
        return []
