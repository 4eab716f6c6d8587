"""Surroundings of anything: a command does what it does, or says in lines of its own why not."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.running import System, own_variables

THREEMAPS = Path(sys.executable).with_name("threemaps")
SURROUNDINGS: dict[str, Mapping[str, str | None]] = {
    "the locale C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "an unknown locale": {"LC_ALL": "xx_YY.nothing"},
    "no home": {"HOME": None, "USER": None},
    "a home that is not there": {"HOME": "/nonexistent/home"},
    "an empty home": {"HOME": ""},
    "a home that is a file": {"HOME": "/etc/passwd"},
    "nowhere for temporary files": {"TMPDIR": "/proc"},
    "no path": {"PATH": ""},
    "modules from anywhere": {"PYTHONPATH": "/nonexistent:/etc/passwd:"},
    "a state folder that is a file": {"THREEMAPS_STATE": "/etc/passwd"},
    "a state folder in a file": {"THREEMAPS_STATE": "/etc/passwd/state"},
    "a state folder that cannot be": {"THREEMAPS_STATE": "/proc/state"},
    "a long name": {"THREEMAPS_STATE": f"/tmp/{'a' * 300}"},
    "every terminal": {"TERM": "\x1b[31m", "COLUMNS": "-1", "NO_COLOR": "\n"},
    "a wrong zone": {"TZ": "Nowhere/Nothing"},
}
# What a shell does before the command starts.
SHELLS = {
    "no standard streams": 'exec "$@" <&- >&- 2>&-',
    "no output": 'exec "$@" >&-',
    "no input": 'exec "$@" <&-',
    "a full output": 'exec "$@" >/dev/full',
    "few open files": 'ulimit -n 24; exec "$@"',
    "a folder that is gone": 'mkdir gone && cd gone && rmdir ../gone && exec "$@"',
    "umask 0": 'umask 0; exec "$@"',
    "umask 777": 'umask 777; exec "$@"',
}
COMMANDS = (("status",), ("compare", "--since", "1m"), ("down",), ("fault", "--clear"), ("snapshot", "xray"))


def surrounded(tmp_path: Path, name: str) -> dict[str, str]:
    changed = SURROUNDINGS.get(name, {})
    environ = {**os.environ, **own_variables(tmp_path / "state"), **changed, "AWS_MAX_ATTEMPTS": "1"}
    return {name: value for name, value in environ.items() if value is not None}


def assert_in_order(done: "subprocess.CompletedProcess[str]") -> None:
    assert done.returncode in {0, 1, 2}, done
    assert "Traceback" not in done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.long
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_commands_in_any_environment(tmp_path: Path, name: str) -> None:
    environ = surrounded(tmp_path, name)
    for command in COMMANDS:
        assert_in_order(
            subprocess.run(
                [THREEMAPS, *command], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120
            )
        )


@pytest.mark.parametrize("name", SHELLS)
def test_commands_from_any_shell(tmp_path: Path, name: str) -> None:
    for command in COMMANDS[1:3]:
        started = ["sh", "-c", SHELLS[name], "sh", THREEMAPS, *command]
        environ = surrounded(tmp_path, name)
        assert_in_order(
            subprocess.run(started, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        )


@pytest.mark.long
@pytest.mark.system
def test_all_starts_in_hostile_surroundings(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "flask.py").write_text("raise SystemExit('planted')")
    system = System.at(tmp_path / "state", LC_ALL="C", TMPDIR="/proc", PYTHONPATH="", LANG="nothing")
    environ = {name: value for name, value in system.environment.items() if name not in ("HOME", "USER")}
    shell = ["sh", "-c", f"{SHELLS['umask 0'].partition(';')[0]}; {SHELLS['no standard streams']}", "sh"]
    # Whoever starts it in a folder of others runs nothing of theirs.
    up = subprocess.run([*shell, THREEMAPS, "up"], env=environ, cwd=planted, timeout=170)
    try:
        assert up.returncode == 0
        assert system.run("status").returncode == 0
        assert system.run("traffic", "--requests", "5").returncode == 0
        assert not [path for path in system.settings.state.rglob("*") if path.stat().st_mode & 0o077]
    finally:
        assert system.run("down").returncode == 0
