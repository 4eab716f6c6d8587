"""A machine without Docker is told what to do. No engine needed."""

import os
import subprocess
import sys
from pathlib import Path

from tests.system.docker.run import UNAVAILABLE
from threemaps.settings import PROJECT


def run_with(path: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """On a machine whose only programs are in this folder."""
    surroundings = {"PATH": str(path), "HOME": str(cache), "XDG_CACHE_HOME": str(cache)}
    return subprocess.run(
        [sys.executable, "-m", "tests.system.docker.run", "never-run"],
        env=surroundings,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_no_engine_and_none_to_be_had(tmp_path: Path) -> None:
    done = run_with(tmp_path, tmp_path)
    assert done.returncode == UNAVAILABLE
    assert "no Docker engine answers" in done.stderr
    assert "install Docker" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_engine_that_does_not_start(tmp_path: Path) -> None:
    says = "failed to mount overlay: operation not permitted"
    for name in ("docker", "dockerd", "iptables"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
        program.chmod(0o755)
    done = run_with(tmp_path, tmp_path)
    assert done.returncode == UNAVAILABLE
    assert "Traceback" not in done.stderr
    assert (says if os.geteuid() == 0 else "start it") in done.stderr
