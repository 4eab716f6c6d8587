"""What is started again, what is left alone, and how often. tests/system has the real collector's panic."""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import free_port
from threemaps.demo import collector, lifecycle, processes, system
from threemaps.demo.health import wait_until
from threemaps.demo.keeper import FIRST_PAUSE, LONGEST_PAUSE, READY, Keeper, last_panic, next_pause
from threemaps.demo.lock import attempted
from threemaps.demo.processes import Running, Spec
from threemaps.settings import Settings

PANIC = "panic: runtime error: index out of range [16] with length 16"
# Ends as a Go program does: the words of a panic and status 2, when told so.
COLLECTOR = f"""
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        if self.path == "/panic":
            sys.stderr.write("{PANIC}\\n\\ngoroutine 7 [running]:\\n"); sys.stderr.flush()
            os._exit(2)
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("{READY.decode()}", flush=True)
server.serve_forever()
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A collector of a few lines, its keeper, and its settings."""
    port = free_port()
    where = Settings.load(
        {
            "THREEMAPS_STATE": str(tmp_path),
            "THREEMAPS_ENV_FILE": os.devnull,
            "THREEMAPS_PORT_HEALTH": str(port),
        }
    )
    command = (sys.executable, "-c", COLLECTOR, str(port))
    spec = Spec("collector", command, dict(os.environ), f"http://127.0.0.1:{port}/", ("health",), tmp_path)
    monkeypatch.setattr(collector, "collector_binary", lambda say: Path(sys.executable))
    monkeypatch.setattr(system, "collector_spec", lambda settings, binary: replace(spec, environment={}))
    lifecycle.bring_up(where, [spec], lambda line: None)
    yield where, spec, Keeper(where)
    lifecycle.bring_down(where, lambda line: None)
    for child in processes._children.values():  # all have ended; nobody has taken note yet
        child.wait(20)


def known(settings: Settings) -> Running:
    return processes.records(settings).load()["collector"]


def end(settings: Settings, spec: Spec, how: str) -> None:
    process = known(settings)
    if how == "panic":
        lifecycle.health.answers(spec.health_url + "panic")
    else:
        os.kill(process.pid, signal.SIGKILL)
    assert wait_until(lambda: not process.alive, 60)


def test_after_a_panic_it_runs_again_and_up_leaves_it_alone(kept) -> None:
    settings, spec, watch = kept
    first = known(settings)
    watch.look()
    assert known(settings) == first
    end(settings, spec, "panic")
    watch.look()
    second = known(settings)
    assert second.alive
    assert (second.restarts, second.fingerprint) == (1, first.fingerprint)
    assert wait_until(lambda: lifecycle.health.answers(spec.health_url), 60)
    lifecycle.bring_up(settings, [spec], lambda line: None)
    assert known(settings) == second


@pytest.mark.parametrize("panicked_before", [False, True])
def test_what_was_killed_stays_so(kept, panicked_before: bool) -> None:
    settings, spec, watch = kept
    if panicked_before:
        end(settings, spec, "panic")
        watch.look()
        assert wait_until(lambda: lifecycle.health.answers(spec.health_url), 60)
    dead = known(settings)
    end(settings, spec, "kill")
    watch.look()
    watch.look()
    assert known(settings) == dead


def test_while_up_or_down_is_at_work_nothing_is_started(kept) -> None:
    settings, spec, watch = kept
    dead = known(settings)
    end(settings, spec, "panic")
    with attempted(settings.run / "up.lock") as is_ours:
        assert is_ours
        watch.look()
        assert known(settings) == dead
    watch.look()
    assert known(settings).alive


def test_a_circle_of_panics_is_slowed_down(kept) -> None:
    settings, spec, watch = kept
    watch._not_before = time.monotonic() + 3600
    end(settings, spec, "panic")
    watch.look()
    assert not known(settings).alive
    watch._not_before = 0.0
    watch.look()
    assert known(settings).alive
    assert watch._not_before > time.monotonic()


def test_each_pause_is_longer_until_it_lives() -> None:
    pauses = [FIRST_PAUSE]
    for _ in range(6):
        pauses.append(next_pause(pauses[-1], lived=0.1))
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert next_pause(LONGEST_PAUSE, lived=60) == FIRST_PAUSE


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("", ""),
        (f"{PANIC}\n\ngoroutine 7 [running]:\n", PANIC),
        ("fatal error: concurrent map writes\n", "fatal error: concurrent map writes"),
        (f'{{"msg":"Everything is ready. Begin"}}\n{PANIC}\n{{"msg":"late"}}\n', PANIC),
        (f'{PANIC}\n{{"msg":"Everything is ready. Begin"}}\n{{"msg":"x"}}\n', ""),
        ('{"error":"panic: said by somebody else"}\n', ""),
    ],
)
def test_a_panic_is_read_from_the_last_run_only(tmp_path: Path, log: str, expected: str) -> None:
    path = tmp_path / "collector.log"
    assert last_panic(path) == ""
    path.write_text(log)
    assert last_panic(path) == expected
