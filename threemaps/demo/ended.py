"""Why a process ended while it was starting, and what to type: read from the last lines of its log."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from threemaps.demo.queue_file import is_damaged
from threemaps.settings import Settings

MOST_CHARACTERS, MOST_LINES = 300, 12
PANIC = re.compile(r"(?:panic|fatal error): ")
# As bbolt, in which the collector keeps its queues, says of a file that is cut or overwritten.
DAMAGED = re.compile(
    r'failed to start "([\w/]+)" exporter: (?:invalid database|file size too small|.*checksum|.*page)'
)
IN_THE_QUEUE = "bbolt"


def telling(lines: Sequence[str]) -> list[str]:
    """The lines for people: the collector writes all else as JSON, and its panics in hundreds of lines."""
    panics = [line for line in lines if PANIC.match(line)]
    plain = [line for line in lines if not line.startswith("{")]
    return [line[:MOST_CHARACTERS] for line in (panics or plain or lines)[-MOST_LINES:]]


def advice(settings: Settings, name: str, log: Path, lines: Sequence[str]) -> str:
    text = "\n".join(lines)
    found = DAMAGED.search(text)
    if name == "collector" and found:
        files = sorted(settings.queue.glob(f"exporter_{found[1].replace('/', '_')}_*"))
        return f"a queue's file is damaged; put it aside: {put_aside(files)}"
    if name == "collector" and IN_THE_QUEUE in text:
        files = [file for file in sorted(settings.queue.glob("exporter_*")) if is_damaged(file)]
        which = "it" if files else "the queues"
        return f"a queue's file is damaged; put {which} aside: {put_aside(files or [settings.queue])}"
    return f"see {log}; everything that was started has been stopped. `threemaps doctor` checks the chain"


def put_aside(paths: Sequence[Path]) -> str:
    moves = [f"mv {shlex.quote(str(path))} {shlex.quote(f'{path}.broken')}" for path in paths]
    return " && ".join([*moves, "threemaps up"])
