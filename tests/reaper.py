"""Stops the systems of a test process that ended without doing so: killed by a timeout, or with Ctrl-C twice.

`python -m tests.reaper` reads the environment of one system a line. When its input ends, whoever started it
is gone, and what still runs of these systems is taken down.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from threemaps.demo.processes import records
from threemaps.settings import PROJECT, Settings

CLI = Path(sys.executable).with_name("threemaps")
_input: list[IO[str]] = []


def watch(environment: Mapping[str, str]) -> None:
    """Has this system taken down when the calling process ends, however it ends."""
    if not _input:
        reaper = subprocess.Popen(
            [sys.executable, "-m", "tests.reaper"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        reaper.returncode = 0  # nobody waits for it: it outlives us
        assert reaper.stdin is not None
        _input.append(reaper.stdin)
    _input[0].write(json.dumps(dict(environment)) + "\n")
    _input[0].flush()


def main() -> None:
    systems = [json.loads(line) for line in sys.stdin]
    for environment in systems:
        if any(process.alive for process in records(Settings.load(environment)).load().values()):
            subprocess.run([CLI, "down"], env=environment, cwd=PROJECT, timeout=120, check=False)


if __name__ == "__main__":
    main()
