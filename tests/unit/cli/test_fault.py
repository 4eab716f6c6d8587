"""`fault --clear` without a name, whatever runs."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import free_port
from threemaps.cli.fault import command
from threemaps.demo.faults import NO_FAULT, Fault, read, switch
from threemaps.settings import SERVICES, Settings


@pytest.fixture
def flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THREEMAPS_STATE", str(tmp_path))
    monkeypatch.setenv("THREEMAPS_ENV_FILE", "/dev/null")
    monkeypatch.setenv("THREEMAPS_BACKENDS", "local")
    for name in SERVICES:
        monkeypatch.setenv(f"THREEMAPS_PORT_{name.upper()}", str(free_port()))
    path = Settings.load().flags_file
    path.parent.mkdir(parents=True)
    return path


def test_everything_is_cleared_at_once_though_nothing_runs(flags: Path) -> None:
    for name in SERVICES:
        switch(flags, name, Fault(down=True))
    done = CliRunner().invoke(command, ["--clear"])
    assert done.exit_code == 0, done.output
    assert read(flags) == dict.fromkeys(SERVICES, NO_FAULT)
    assert done.output.splitlines() == [f"{name}: as it should be" for name in SERVICES]


def test_a_fault_needs_a_service(flags: Path) -> None:
    done = CliRunner().invoke(command, ["--down"])
    assert done.exit_code == 2
    assert f"name a service: {', '.join(SERVICES)}" in done.output
    assert read(flags) == {}
