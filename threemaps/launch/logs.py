"""Log files that do not grow for ever."""

import threading
from pathlib import Path

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


class Rotator:
    """Looks after a folder of logs every few seconds, as long as the process lives."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES, seconds: float = CHECK_SECONDS) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log rotation", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            for log in self._folder.glob("*.log"):
                rotate(log, self._max_bytes)
