"""Another user of this machine, who tries things with the system's own tools."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.needs import missing

STRANGER = 65534  # nobody


def as_stranger(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs it as user `nobody`, who is in no group of ours."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        missing("another user: it takes root, and setpriv of util-linux")
    become = ("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups")
    return subprocess.run([*become, *command], capture_output=True, text=True, timeout=30)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder in which everybody may make files, as /tmp is: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o1777)
        yield folder
