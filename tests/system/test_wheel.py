"""`make test-wheel`: the wheel alone, in an environment and a folder of its own, as a user installs it."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.running import clean_environment, own_variables
from threemaps.settings import PROJECT

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, and an empty folder to work in."""

    threemaps: Path
    folder: Path
    environ: Mapping[str, str]

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [self.threemaps, *arguments]
        return subprocess.run(
            command, env=dict(self.environ), cwd=self.folder, capture_output=True, text=True, timeout=600
        )


def wheel() -> Path:
    (found,) = (PROJECT / "dist").glob("threemaps-*.whl")
    return found


def installed(tmp_path: Path, extra: str) -> Installed:
    venv, folder = tmp_path / "venv", tmp_path / "empty"
    folder.mkdir()
    subprocess.run([os.environ.get("WHEEL_PYTHON", sys.executable), "-m", "venv", venv], check=True)
    uv = shutil.which("uv")
    python = str(venv / "bin" / "python")
    pip = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    subprocess.run([*pip, "--quiet", f"{wheel()}{extra}"], check=True)
    variables = own_variables(tmp_path / "unused")
    del variables["THREEMAPS_STATE"], variables["THREEMAPS_ENV_FILE"]
    environ = {**clean_environment(), **variables, "XDG_STATE_HOME": str(tmp_path / "state")}
    return Installed(venv / "bin" / "threemaps", folder, environ)


def runs(pid: int) -> bool:
    """A zombie waits for its new parent, and runs no more."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_nothing_but_threemaps_is_installed() -> None:
    with zipfile.ZipFile(wheel()) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"threemaps"}
    for inside in ("services/users/__init__.py", "collector/otel-config.yaml", "aws/xray-group.json"):
        assert f"threemaps/project/{inside}" in names
    assert "threemaps/web/static/page.js" in names


def test_the_demo_runs_in_an_empty_folder_and_leaves_nothing(tmp_path: Path) -> None:
    user = installed(tmp_path, "[demo]")
    done = user.run("demo", "--requests", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "threemaps down" in done.stdout
    status = json.loads(user.run("status", "--format", "json").stdout)
    pids = [status["collector"]["pid"], *(one["pid"] for one in status["backends"].values())]
    assert all(runs(pid) for pid in pids)
    assert user.run("down").returncode == 0
    assert not [pid for pid in pids if runs(pid)]
    assert list(user.folder.iterdir()) == []
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["threemaps"]


def test_without_the_demo_it_says_what_to_install(tmp_path: Path) -> None:
    user = installed(tmp_path, "")
    done = user.run("up")
    assert done.returncode == 1
    assert "pip install 'threemaps[demo]'" in done.stderr
    (user.folder / "map.json").write_text('{"nodes": [], "edges": []}')
    assert user.run("compare", "map.json", "map.json", "--format", "json").returncode in (0, 2)
    assert "no answer from" in user.run("doctor").stdout
