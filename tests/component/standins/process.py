"""A stand-in as a process, on a port and in a folder of its own; may be killed and started again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import free_port
from tests.running import clean_environment
from threemaps.demo.health import answers, wait_until

START_SECONDS = 60.0


class StandinProcess:
    def __init__(self, name: str, state: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = [sys.executable, "-m", "threemaps.standins", name]
        self.environ = {
            **clean_environment(),
            "THREEMAPS_STATE": str(state),
            "THREEMAPS_ENV_FILE": os.devnull,
            f"THREEMAPS_PORT_{name.upper()}": str(self.port),
        }

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Killed at the end of the block, if it still runs: what was acknowledged has to outlive that."""
        with subprocess.Popen(self.command, env=self.environ, stderr=subprocess.DEVNULL) as process:
            try:
                wait_until(lambda: self._healthy() or process.poll() is not None, START_SECONDS)
                assert process.poll() is None, f"the stand-in ended with {process.returncode}"
                yield process
            finally:
                process.kill()

    def _healthy(self) -> bool:
        return answers(f"{self.url}/healthz")

    def refused(self, **variables: str) -> str:
        """What another one says that cannot start."""
        environ = {**self.environ, **variables}
        done = subprocess.run(self.command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr
