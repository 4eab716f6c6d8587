"""What happens around processes that run: their state folder goes, their files run out, the clock is set."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from tests.collector_process import wait_for
from tests.running import own_variables
from threemaps.compare.troubles import standing_troubles
from threemaps.demo.machine import machine_troubles
from threemaps.demo.processes import Running, Spec, records, start, stop
from threemaps.demo.system import collector_spec, guard_spec
from threemaps.doctor.datagrams import check_machine
from threemaps.doctor.walk import Walk
from threemaps.settings import Settings

EVER = datetime.fromtimestamp(0, UTC)

WAITS = "import time; time.sleep(600)"
OPENS = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
held = []
try:
    while True: held.append(open('/dev/null'))
except OSError: pass
{WAITS}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(own_variables(tmp_path / "state"))


@pytest.fixture
def started(settings: Settings) -> Iterator[list[Running]]:
    running: list[Running] = []
    yield running
    stop(running)


def run(settings: Settings, started: list[Running], program: str = WAITS) -> Running:
    command = (sys.executable, "-c", program)
    spec = Spec("users", command, {}, "http://127.0.0.1:1", (), settings.state.parent)
    process = start(spec, settings.logs / "users.log")
    started.append(process)
    records(settings).save({"users": process})
    wait_for(lambda: bool(psutil.Process(process.pid).environ()))  # empty until its exec is over
    return process


def said(settings: Settings) -> str:
    return "\n".join(one.what for one in machine_troubles(settings))


def test_nothing_is_said_of_what_is_as_it_was(settings: Settings, started: list[Running]) -> None:
    run(settings, started)
    assert said(settings) == ""
    assert check_machine(Walk(settings)).ok


def test_a_deleted_state_folder_is_named_with_who_runs(settings: Settings, started: list[Running]) -> None:
    process = run(settings, started)
    shutil.rmtree(settings.state)
    assert f"{settings.state} was deleted or moved while these ran: users ({process.pid})" in said(settings)
    check = check_machine(Walk(settings))
    assert not check.ok
    assert check.next_step.startswith("threemaps down")


def test_a_moved_state_folder_is_named(settings: Settings, started: list[Running]) -> None:
    run(settings, started)
    moved = settings.state.with_name("moved")
    settings.state.rename(moved)
    assert f"moved from {settings.state} to {moved}" in said(replace(settings, state=moved))


def test_queues_that_are_gone_are_named(settings: Settings, started: list[Running]) -> None:
    process = run(settings, started)
    settings.queue.mkdir(parents=True)
    (settings.queue / "exporter_x").touch()
    records(settings).save({"collector": replace(process, name="collector")})
    assert said(settings) == ""
    shutil.rmtree(settings.queue)
    assert f"were deleted or moved from {settings.queue}" in said(settings)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for open files")
def test_a_log_that_was_deleted_under_its_writer_is_named(settings: Settings, started: list[Running]) -> None:
    process = run(settings, started)
    (log,) = settings.logs.glob("*.log")
    log.unlink()
    assert f"{log} was deleted while users (pid {process.pid}) writes to it" in said(settings)


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_clock_that_was_set_loses_no_process(
    settings: Settings, started: list[Running], seconds: int
) -> None:
    """All times of starts move with the clock."""
    process = run(settings, started)
    before = replace(process, started=process.started - seconds)
    records(settings).save({"users": before})
    assert before.alive
    assert f"was set {'forward' if seconds > 0 else 'back'} by 3,600 s" in said(settings)
    assert check_machine(Walk(settings)).ok
    stop([before])
    assert not process.alive


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for a limit")
def test_open_files_that_run_out_are_named(settings: Settings, started: list[Running]) -> None:
    process = run(settings, started, OPENS)
    wait_for(lambda: process.open_files[0] > 38)
    assert f"users (pid {process.pid}) has 40 of 40 files and connections open" in said(settings)


def test_a_collector_without_an_answer_has_not_stopped(settings: Settings, started: list[Running]) -> None:
    process = run(settings, started)
    records(settings).save({"collector": replace(process, name="collector")})
    found = [one.what for one in standing_troubles(settings, EVER)]
    assert any(f"runs (pid {process.pid}) and gives no answer" in one for one in found), found


@pytest.mark.parametrize(
    "given",
    [
        {"GOMAXPROCS": "2"},
        {"GOGC": "50", "GOMEMLIMIT": "90MiB"},
        {"THREEMAPS_XRAY_INGEST": "segments", "THREEMAPS_BIND": "0.0.0.0"},
        {"THREEMAPS_REDACT_KEYS": "^a", "THREEMAPS_REDACT_VALUES": "b+"},
        {"THREEMAPS_BACKENDS": "cloud", "HONEYCOMB_API_KEY": "key", "AWS_ACCESS_KEY_ID": "a"},
        {"THREEMAPS_BACKENDS": "aws", "AWS_REGION": "eu-west-1", "AWS_PROFILE": "one"},
        {"THREEMAPS_BACKENDS": "honeycomb", "HONEYCOMB_API_ENDPOINT": "https://api.eu1.honeycomb.io"},
    ],
)
def test_what_is_started_again_after_a_panic_is_the_same(tmp_path: Path, given: dict[str, str]) -> None:
    binary = tmp_path / "otelcol"
    settings = Settings.load({**own_variables(tmp_path / "state"), **given})
    guard = Settings.load(dict(guard_spec(settings, binary).environment))
    first, again = (collector_spec(one, binary) for one in (settings, guard))
    assert again.command == first.command
    # The key is read from its file; the digest of it only tells `up` of a new one.
    changes = {"THREEMAPS_RESOLVED"}
    assert {**again.environment}.keys() == {**first.environment}.keys()
    differing = {name for name, value in first.environment.items() if again.environment[name] != value}
    assert differing <= changes
