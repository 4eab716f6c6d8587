"""Background processes, with real ones."""

import errno
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.conftest import free_port
from threemaps.demo import health, lifecycle, processes
from threemaps.demo.logs import Rotator, rotate
from threemaps.demo.processes import Records, Spec, start, stop
from threemaps.demo.system import surroundings
from threemaps.errors import UserError
from threemaps.settings import Settings

SERVER = """
import http.server, sys
print("listening on", sys.argv[1], flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
# A parent whose child goes on without it, as a worker does for a while when its server is killed.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('deaf', flush=True)
time.sleep(60)
"""


def spec(tmp_path: Path, program: str, *arguments: str, name: str = "server", port: int = 0) -> Spec:
    return Spec(
        name=name,
        command=(sys.executable, "-c", program, *arguments),
        environment=dict(os.environ),
        health_url=f"http://127.0.0.1:{port}/",
        ports=(name,) if port else (),
        folder=tmp_path,
    )


def settings(tmp_path: Path, **ports: int) -> Settings:
    variables = {f"THREEMAPS_PORT_{name.upper()}": str(port) for name, port in ports.items()}
    return Settings.load({"THREEMAPS_STATE": str(tmp_path / "state"), **variables}, project=tmp_path)


def wait_for_text(path: Path, text: str) -> str:
    assert health.wait_until(lambda: path.exists() and text in path.read_text(), 60)
    return path.read_text()


@pytest.fixture
def web(tmp_path: Path) -> tuple[Settings, Spec]:
    port = free_port()
    return settings(tmp_path, web=port), spec(tmp_path, SERVER, str(port), name="web", port=port)


def test_up_starts_down_stops_and_both_may_be_repeated(web: tuple[Settings, Spec]) -> None:
    where, server = web
    said: list[str] = []
    lifecycle.bring_up(where, [server], said.append)
    first = processes.records(where).load()["web"]
    lifecycle.bring_up(where, [server], said.append)
    assert processes.records(where).load()["web"] == first
    assert "(was running)" in said[1]
    assert lifecycle.bring_down(where, said.append) == 1
    assert not first.alive
    assert lifecycle.bring_down(where, said.append) == 0


def test_what_was_killed_is_started_again(web: tuple[Settings, Spec]) -> None:
    where, server = web
    lifecycle.bring_up(where, [server], print)
    first = processes.records(where).load()["web"]
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    lifecycle.bring_up(where, [server], print)
    second = processes.records(where).load()["web"]
    assert second.pid != first.pid
    assert second.alive
    lifecycle.bring_down(where, print)


def test_what_hangs_is_started_anew(web: tuple[Settings, Spec], monkeypatch: pytest.MonkeyPatch) -> None:
    where, server = web
    monkeypatch.setattr(lifecycle, "HUNG_SECONDS", 0.1)
    lifecycle.bring_up(where, [server], print)
    first = processes.records(where).load()["web"]
    os.kill(first.pid, signal.SIGSTOP)
    said: list[str] = []
    lifecycle.bring_up(where, [server], said.append)
    assert said[0] == "  web           gives no answer: started anew"
    assert not first.alive
    assert health.answers(server.health_url)
    lifecycle.bring_down(where, print)


@pytest.mark.parametrize(
    "records",
    [
        None,
        "",
        "{",
        "[" * 100_000,
        '{"web": {"pid": "12", "started": 1, "fingerprint": ""}}',
        '{"web": {"pid": 1, "started": null, "fingerprint": ""}}',
        '{"web": {"pid": -5, "started": 1, "fingerprint": ""}}',
    ],
)
def test_what_runs_is_found_without_its_record(web: tuple[Settings, Spec], records: str | None) -> None:
    where, server = web
    lifecycle.bring_up(where, [server], print)
    first = processes.records(where).load()["web"]
    file = where.run / "processes.json"
    if records is None:
        file.unlink()
    else:
        file.write_text(records)
    lifecycle.bring_up(where, [server], print)
    second = processes.records(where).load()["web"]
    assert (first.alive, second.alive) == (False, True)
    file.unlink()
    assert lifecycle.bring_down(where, print) == 1
    assert not second.alive


def test_a_full_disk_keeps_nobody_from_stopping(
    web: tuple[Settings, Spec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, server = web
    port = free_port()
    other = spec(tmp_path, SERVER, str(port), name="users", port=port)
    where = replace(where, ports={**where.ports, "users": port})
    lifecycle.bring_up(where, [server, other], print)
    running = processes.records(where).load().values()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Records, "save", full)
    assert lifecycle.bring_down(where, print) == 2
    assert not any(process.alive for process in running)


def test_a_changed_environment_restarts(web: tuple[Settings, Spec], tmp_path: Path) -> None:
    where, server = web
    lifecycle.bring_up(where, [server], print)
    first = processes.records(where).load()["web"]
    changed = replace(server, environment={**server.environment, "MODE": "x"})
    lifecycle.bring_up(where, [changed], print)
    assert processes.records(where).load()["web"].pid != first.pid
    assert not first.alive
    lifecycle.bring_down(where, print)


def test_a_failing_process_is_named_with_its_last_lines_and_nothing_is_left(
    web: tuple[Settings, Spec], tmp_path: Path
) -> None:
    where, server = web
    broken = spec(tmp_path, "print('no such table: users'); raise SystemExit(3)", name="users")
    with pytest.raises(UserError) as caught:
        lifecycle.bring_up(where, [server, broken], print)
    assert "users ended while starting" in caught.value.message
    assert "no such table: users" in caught.value.message
    assert str(where.logs / "users.log") in caught.value.hint
    assert processes.records(where).load() == {}
    assert not health.answers(server.health_url)


def test_what_an_earlier_start_said_is_no_reason_now(web: tuple[Settings, Spec], tmp_path: Path) -> None:
    where, _ = web
    for words in ("LOG_LEVEL is wrong", "no such table: users"):
        broken = spec(tmp_path, f"print({words!r}); raise SystemExit(3)", name="users")
        with pytest.raises(UserError) as caught:
            lifecycle.bring_up(where, [broken], print)
    assert "no such table: users" in caught.value.message
    assert "LOG_LEVEL" not in caught.value.message


def test_a_port_in_use_is_named_before_anything_starts(web: tuple[Settings, Spec], tmp_path: Path) -> None:
    where, server = web
    occupant = start(server, tmp_path / "occupant.log")
    wait_for_text(tmp_path / "occupant.log", "listening")
    try:
        with pytest.raises(UserError) as caught:
            lifecycle.bring_up(where, [server], print)
        assert f"port {where.ports['web']} (web) is in use by python" in caught.value.message
        assert "THREEMAPS_PORT_WEB=" in caught.value.hint
    finally:
        stop([occupant])


def test_a_port_given_twice_is_named_before_anything_starts(web: tuple[Settings, Spec]) -> None:
    where, server = web
    where = replace(where, ports={**where.ports, "users": where.ports["web"]})
    with pytest.raises(UserError, match=f"port {where.ports['web']} is given to both web and users"):
        lifecycle.bring_up(where, [server, replace(server, name="users", ports=("users",))], print)
    assert not health.answers(server.health_url)


@pytest.mark.parametrize("host", ["localhots.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_no_port_in_use(web: tuple[Settings, Spec], host: str) -> None:
    where, server = web
    with pytest.raises(UserError, match=f"THREEMAPS_BIND='{host}' is no IPv4 address"):
        lifecycle.bring_up(replace(where, bind=host), [server], print)


def test_what_runs_here_is_not_looked_for_through_a_proxy(
    web: tuple[Settings, Spec], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, server = web
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.com")
    lifecycle.bring_up(where, [server], print)
    lifecycle.bring_down(where, print)
    told = surroundings(where)
    assert told["http_proxy"] == "http://127.0.0.1:9"
    assert told["NO_PROXY"] == told["no_proxy"] == "example.com,127.0.0.1,localhost,::1"


def test_a_worker_whose_parent_was_killed_is_found_and_stopped(tmp_path: Path) -> None:
    log = tmp_path / "parent.log"
    parent = start(spec(tmp_path, PARENT), log)
    child = int(wait_for_text(log, "\n"))
    os.kill(parent.pid, signal.SIGKILL)
    os.waitpid(parent.pid, 0)
    assert not parent.alive
    stop([parent])
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_process_deaf_to_sigterm_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "deaf.log"
    process = start(spec(tmp_path, STUBBORN), log)
    wait_for_text(log, "deaf")
    assert stop([process], seconds=0.2) == ["server"]
    assert not process.alive


def test_a_later_process_with_the_same_pid_is_not_ours(tmp_path: Path) -> None:
    process = start(spec(tmp_path, STUBBORN), tmp_path / "log")
    somebody_else = type(process)("another", process.pid, process.started - 100, "")
    assert process.alive
    assert not somebody_else.alive
    stop([process], seconds=0.1)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"web": 3}', '{"web": {"pid": 1}}', '{"web": {"x": 1}}'])
def test_a_broken_record_counts_as_nothing_running(tmp_path: Path, content: str) -> None:
    path = tmp_path / "processes.json"
    path.write_text(content)
    assert Records(path).load() == {}


def test_a_long_log_is_moved_away_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old" * 10)
        assert not rotate(log, max_bytes=30)
        assert rotate(log, max_bytes=29)
        writer.write(b"new")
    assert log.read_bytes() == b"new"
    assert (tmp_path / "x.log.1").read_bytes() == b"old" * 10


def test_logs_are_looked_after_while_they_grow(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    rotator = Rotator(tmp_path, max_bytes=1000, seconds=0.01)
    rotator.start()
    with log.open("a") as writer:
        for number in range(1, 4):
            writer.write(f"{number}" * 2000)
            writer.flush()
            assert health.wait_until(lambda: log.stat().st_size == 0, 60)
    rotator.stop()
    assert log.with_suffix(".log.1").read_text() == "3" * 2000
