"""What the scripts here share: running a program, saying what takes a while, and where things are kept."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


class Missing(Exception):  # noqa: N818 - it says what is missing
    """What this machine lacks, and what to do about it."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def say(text: str) -> None:
    sys.stdout.write(f"docker: {text}\n")
    sys.stdout.flush()


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "threemaps" / "docker"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def succeeds(*command: str, environ: Mapping[str, str], seconds: float = 30) -> bool:
    """Whether it ended well; not when it is not there, or takes too long."""
    try:
        done = subprocess.run(command, env=dict(environ), capture_output=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def output(*command: str, environ: Mapping[str, str]) -> list[str]:
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
    return done.stdout.split()


def do(*command: str, environ: Mapping[str, str], what: str, folder: Path | None = None) -> None:
    """A step that has to end well; only a failure shows its output."""
    done = subprocess.run(
        command,
        env=dict(environ),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        last = " | ".join(done.stdout.strip().splitlines()[-4:])
        raise Missing(f"{what} failed: {last}", f"{' '.join(command)} shows all of it")
