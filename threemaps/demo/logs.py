"""Log files that do not grow for ever."""

from pathlib import Path

from threemaps.basics.periodic import Periodic

MAX_BYTES = 10_000_000
CHECK_SECONDS = 10.0


def rotate(log: Path, max_bytes: int = MAX_BYTES) -> bool:
    """Moves a long log's content to NAME.log.1. Its writer goes on: it appends, so truncating is safe."""
    try:
        if log.stat().st_size <= max_bytes:
            return False
        log.with_suffix(".log.1").write_bytes(log.read_bytes())
        with log.open("r+b") as file:
            file.truncate(0)
        return True
    except OSError:
        return False


def rotate_all(folder: Path, max_bytes: int = MAX_BYTES) -> None:
    for log in folder.glob("*.log"):
        rotate(log, max_bytes)


class Rotator(Periodic):
    """Looks after a folder of logs every few seconds, as long as the process lives."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES, seconds: float = CHECK_SECONDS) -> None:
        super().__init__("log rotation", seconds, lambda: rotate_all(folder, max_bytes))
