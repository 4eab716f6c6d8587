"""Other users of the machine, who are tried as such: they read nothing, hold nothing, plant nothing."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.component.standins.process import StandinProcess
from tests.strangers import STRANGER, as_stranger, open_folder
from threemaps.basics.variables import require_trusted
from threemaps.demo.collector import cache_folder, collector_binary
from threemaps.demo.health import wait_until
from threemaps.demo.lifecycle import exclusively
from threemaps.demo.lock import exclusive
from threemaps.demo.processes import Spec, ended, start
from threemaps.demo.resolved import KEYS, forget_keys, write_resolved
from threemaps.demo.state import claim, write_private
from threemaps.errors import UserError
from threemaps.settings import Settings


@pytest.fixture
def shared() -> Iterator[Path]:
    """In a folder like /tmp; and the umask of a careless user."""
    before = os.umask(0)
    with open_folder() as folder:
        yield folder
    os.umask(before)


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & 0o077]


def settings_at(state: Path) -> Settings:
    return Settings.load({"THREEMAPS_STATE": str(state), "THREEMAPS_ENV_FILE": os.devnull})


def test_a_stranger_reads_nothing_and_holds_no_lock(shared: Path) -> None:
    settings = settings_at(shared / "state")
    with exclusively(settings, print):
        write_resolved(settings)
        for name in ("honeycomb_api_key", "up.lock"):
            assert "Permission denied" in as_stranger("cat", settings.run / name).stderr
        assert "Permission denied" in as_stranger("ls", settings.state).stderr
        assert as_stranger("flock", "-n", settings.run / "up.lock", "true").returncode
    assert not open_to_others(settings.state)


def test_what_runs_writes_for_its_user_alone(shared: Path) -> None:
    program = "open('made', 'w'); print('said')"
    spec = Spec("one", (sys.executable, "-c", program), {}, "", (), shared)
    running = start(spec, shared / "logs" / "one.log")
    assert wait_until(lambda: ended(running), 60)
    assert (shared / "made").stat().st_mode & 0o777 == 0o600


def test_a_stand_in_keeps_telemetry_to_itself(shared: Path) -> None:
    state = shared / "state"
    process = StandinProcess("honeycomb", state)
    with process.running():
        events = [{"data": {"name": "secret"}}]
        headers = {"X-Honeycomb-Team": "local-ingest-key"}
        assert requests.post(f"{process.url}/1/batch/any", json=events, headers=headers, timeout=10).ok
        assert list((state / "data").iterdir())
        assert not open_to_others(state / "data")


def test_what_was_open_to_others_is_closed(shared: Path) -> None:
    state = shared / "state"
    (state / "data").mkdir(parents=True)
    (state / "data" / "old").write_text("telemetry")
    claim(state)
    assert not open_to_others(state)
    assert "Permission denied" in as_stranger("cat", state / "data" / "old").stderr


def test_down_takes_the_keys_away(shared: Path) -> None:
    settings = settings_at(shared / "state")
    write_resolved(settings)
    assert all((settings.run / name).exists() for name in KEYS)
    forget_keys(settings)
    forget_keys(settings)
    assert not any((settings.run / name).exists() for name in KEYS)


@pytest.mark.parametrize(
    "plant",
    [
        ("mkdir", "state"),
        ("ln", "-s", "/root", "state"),
        ("mkdir", "-p", "parent/state"),
    ],
)
def test_a_planted_folder_is_refused(shared: Path, plant: tuple[str, ...]) -> None:
    *command, last = plant
    done = as_stranger(*command, shared / last)
    assert done.returncode == 0, done.stderr
    with pytest.raises(UserError, match="belongs to somebody else") as refused:
        claim(settings_at(shared / last).state)
    assert "THREEMAPS_STATE" in refused.value.hint


@pytest.mark.parametrize(
    "plant",
    [
        ("touch", "run/up.lock"),
        ("ln", "-s", "/etc/passwd", "logs/web.log"),
        ("mkfifo", "data/aws.duckdb"),
        ("mkdir", "queue/aws"),
    ],
)
def test_what_is_planted_inside_is_refused(shared: Path, plant: tuple[str, ...]) -> None:
    """In a folder that a careless user left open."""
    *command, last = plant
    (shared / "state" / Path(last).parent).mkdir(parents=True)
    assert as_stranger(*command, shared / "state" / last).returncode == 0
    with pytest.raises(UserError, match="belongs to somebody else"):
        claim(shared / "state")
    assert Path("/etc/passwd").stat().st_mode & stat.S_IROTH


def test_no_link_is_followed(shared: Path) -> None:
    target = shared / "target"
    target.write_text("before")
    run = shared / "run"
    run.mkdir()
    for name in ("lock", "value.new"):
        (run / name).symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"), exclusive(run / "lock", lambda: None):
        pass
    write_private(run / "value", "secret")
    assert target.read_text() == "before"
    with pytest.raises(UserError, match="is a link"):
        claim(shared)


def test_what_else_is_in_the_folder_stays_as_it_is(shared: Path) -> None:
    """Somebody may have named his home, or /tmp."""
    other = shared / "photos" / "one"
    other.parent.mkdir()
    other.touch()
    (shared / "run").mkdir()
    claim(shared)
    assert other.stat().st_mode & 0o777 == 0o666
    assert shared.stat().st_mode & 0o7777 == 0o1777
    assert not open_to_others(shared / "run")


def test_a_folder_that_anybody_may_rename_is_refused(shared: Path) -> None:
    parent = shared / "mine" / "his"
    parent.mkdir(parents=True)
    (shared / "mine").chmod(0o755)
    claim(parent / "state")  # in a folder of ours it is found out: what was put in its place is another's
    os.chown(parent, STRANGER, STRANGER)
    with pytest.raises(UserError, match="anybody may rename"):
        claim(parent / "state")


def test_settings_of_strangers_are_refused(shared: Path) -> None:
    """Left in /tmp for whoever starts something there; in the stranger's own folder they are his to have."""
    assert as_stranger("sh", "-c", f"echo THREEMAPS_COLLECTOR=/tmp/evil > {shared}/.env").returncode == 0
    with pytest.raises(UserError, match="belongs to somebody else"):
        Settings.load({}, project=shared)
    assert as_stranger("sh", "-c", f"mkdir {shared}/his && echo A=b > {shared}/his/.env").returncode == 0
    (shared / "his").chmod(0o755)
    require_trusted(shared / "his" / ".env", "")


def test_the_command_says_it_in_two_lines(shared: Path) -> None:
    assert as_stranger("mkdir", shared / "state").returncode == 0
    command = Path(sys.executable).with_name("threemaps")
    for name in ("up", "status", "compare", "down"):
        environment = {**os.environ, "THREEMAPS_STATE": str(shared / "state")}
        done = subprocess.run([command, name], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        lines = done.stderr.strip().splitlines()
        assert "belongs to somebody else" in lines[0], done.stderr
        assert len(lines) == 2


def test_a_planted_collector_is_not_started(shared: Path) -> None:
    environ = {"XDG_CACHE_HOME": str(shared)}
    planted = cache_folder(environ) / "otelcol-contrib"
    assert as_stranger("mkdir", "-p", planted.parent).returncode == 0
    assert as_stranger("ln", "-s", "/bin/true", planted).returncode == 0
    with pytest.raises(UserError, match="belongs to somebody else"):
        collector_binary(print, environ)


def test_a_container_takes_the_state_folder_that_its_image_has(shared: Path) -> None:
    """/state is root's, and what is in it the user's: for both, without a look at the way there."""
    state = shared / "image" / "state"
    (state / "run").mkdir(parents=True)
    for folder in (state.parent, state):
        folder.chmod(0o755)
    os.chown(state / "run", STRANGER, STRANGER)
    assert settings_at(state).run.exists()
    require_trusted(state, "")
