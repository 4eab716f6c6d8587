"""Whether the collector's guard (threemaps/diagnose/guard.py) runs: it touches a file, and needs no port.

So it can be seen from another container that has the folder.
"""

import time
from pathlib import Path

from threemaps.settings import Settings

FRESH_SECONDS = 10.0


def _file(settings: Settings) -> Path:
    return settings.logs / "guard.alive"


def beat(settings: Settings) -> None:
    """Raises OSError where the folder is gone, or a full disk has no room for the first one."""
    _file(settings).touch(0o600)


def end(settings: Settings) -> None:
    _file(settings).unlink(missing_ok=True)


def beats(settings: Settings) -> bool:
    try:
        return time.time() - _file(settings).stat().st_mtime < FRESH_SECONDS
    except OSError:
        return False
