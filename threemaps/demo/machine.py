"""What is wrong around the processes that run: state folder, open files, clock, what was put aside."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from threemaps.demo.processes import Running, known, records
from threemaps.model.difference import Trouble
from threemaps.settings import Settings

NEARLY_ALL = 0.95
SET_SECONDS = 5.0  # a clock that is kept right moves by less
ANEW = "threemaps down && threemaps up"


def machine_troubles(settings: Settings) -> Iterator[Trouble]:
    recorded = [one for one in records(settings).load().values() if one.alive]
    yield from _state_folder(settings, recorded)
    yield from _open_files(recorded)
    yield from _clock(recorded)
    for broken in sorted(settings.data.glob("*.journal.*.broken")):
        yield Trouble(
            f"{broken} is no journal: rows that its stand-in had taken may be missing from its maps",
            f"rm {quote(str(broken))}",
        )


def _state_folder(settings: Settings, recorded: list[Running]) -> Iterator[Trouble]:
    elsewhere = {one.started_in for one in recorded} - {"", str(settings.state)}
    if elsewhere:
        what = f"the state folder was moved from {', '.join(sorted(elsewhere))} to {settings.state}"
        yield Trouble(f"{what} while {len(recorded)} processes run: they look for it at its old place", ANEW)
    if any(one.name == "collector" for one in recorded) and not any(settings.queue.glob("exporter_*")):
        what = f"the collector's queues were deleted or moved from {settings.queue} while it runs"
        yield Trouble(f"{what}: what waits in them is lost when it ends", ANEW)
    for one in recorded:
        for file in deleted_files(one.pid, settings.state):
            lost_with_it = "what waits in it is lost" if "exporter_" in file else "what it says is lost"
            what = f"{file} was deleted while {one.name} (pid {one.pid}) writes to it"
            yield Trouble(f"{what}: {lost_with_it} when it ends", ANEW)
    lost = [] if recorded else [one for one in known(settings).values() if one.alive]
    if lost:
        pids = ", ".join(f"{one.name} ({one.pid})" for one in lost)
        what = f"the state folder {settings.state} was deleted or moved while these ran: {pids}"
        yield Trouble(f"{what}; what they still hold is lost with them", ANEW)


def deleted_files(pid: int, state: Path) -> list[str]:
    """Queues and logs that the process has open and nobody else can; none where that cannot be seen."""
    found = set()
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                file, is_deleted, _ = os.readlink(link).rpartition(" (deleted)")
                is_kept = file.endswith(".log") or Path(file).name.startswith("exporter_")
                if is_deleted and is_kept and file.startswith(f"{state}/"):
                    found.add(file)
    return sorted(found)


def _open_files(recorded: list[Running]) -> Iterator[Trouble]:
    for one in recorded:
        used, most = one.open_files
        if most and used >= NEARLY_ALL * most:
            yield Trouble(
                f"{one.name} (pid {one.pid}) has {used:,} of {most:,} files and connections open, and takes "
                "no new ones: somebody keeps connections open without use",
                f"lsof -p {one.pid}; then {ANEW}",
            )


def _clock(recorded: list[Running]) -> Iterator[Trouble]:
    step = max((one.clock_step for one in recorded), key=abs, default=0.0)
    if abs(step) > SET_SECONDS:
        way = "forward" if step > 0 else "back"
        yield Trouble(
            f"the clock of this machine was set {way} by {abs(step):,.0f} s since threemaps was started: "
            "calls before and after that are so far apart in every map",
            "compare a window that begins after it",
        )
