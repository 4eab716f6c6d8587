"""Starting, stopping, breaking and mending the whole system."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable

import psutil
import pytest

from tests.component.collector import sending
from tests.running import CLI, System
from threemaps.demo.health import wait_until
from threemaps.demo.processes import Running, records
from threemaps.demo.state import OURS
from threemaps.doctor.running import check_collector_up
from threemaps.doctor.walk import Walk
from threemaps.settings import PROJECT

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def breakable(new_system: Callable[..., System]) -> System:
    return new_system().up()


def processes(system: System) -> dict[str, Running]:
    return records(system.settings).load()


@pytest.mark.parametrize(
    "names",
    [("collector", "activities"), ("honeycomb", "frontend_api", "guard"), ("rollbar", "aws", "users", "web")],
)
def test_what_was_killed_is_reported_and_up_makes_it_whole_again(
    breakable: System, names: tuple[str, ...]
) -> None:
    before = processes(breakable)
    for name in names:
        os.kill(before[name].pid, signal.SIGKILL)
    # A server's worker may outlive it by a moment; then nothing answers any more.
    assert wait_until(lambda: down(breakable) == set(names), 60), breakable.run("status").stdout
    breakable.up()
    after = processes(breakable)
    assert {name for name, process in after.items() if process.pid != before[name].pid} == set(names)
    assert breakable.run("status").returncode == 0
    breakable.ok("traffic", "--requests", "2")


def down(system: System) -> set[str]:
    """What `status` says is down."""
    found = re.search(r"\d+ down: (.*?)\. ", system.run("status").stdout)
    return set(found[1].split(", ")) if found else set()


def test_status_tells_scripts_what_runs_where(breakable: System) -> None:
    told = breakable.status()
    pids = {name: process.pid for name, process in processes(breakable).items()}
    assert told["collector"]["pid"] == pids["collector"]
    assert told["backends"]["aws"] == {
        "mode": "local",
        "api": breakable.settings.url("aws"),
        "pid": pids["aws"],
        "region": "us-east-1",
    }
    assert told["backends"]["honeycomb"]["pid"] == pids["honeycomb"]
    assert told["backends"]["rollbar"]["mode"] == "local"
    for url in [*told["services"].values(), told["web"], told["collector"]["health"]]:
        assert url.startswith("http://127.0.0.1:")
    host, port = told["collector"]["otlp_grpc"].split(":")
    with socket.create_connection((host, int(port)), timeout=2):
        pass


def calls(system: System) -> dict[str, int]:
    """Those from panic-a to panic-b, as each vendor's API has them. CloudWatch's map may have lost some."""
    maps = system.compare("honeycomb", "xray", "--service", "panic-*")["maps"]
    drawn = [(source, edge) for source, found in maps.items() for edge in (found or {}).get("edges", ())]
    return {source: edge["requests"] for source, edge in drawn if edge["target"] == "panic-b"}


def test_a_collector_that_panics_is_back_by_itself_and_has_lost_nothing(breakable: System) -> None:
    """One datagram is enough (docs/security.md)."""
    before = breakable.status()["collector"]
    for _ in range(40):
        sending.send(before["otlp_http"], sending.call("panic-a", "panic-b"))
    bad = sending.segment("bad", sending.trace_id()) | {"trace_id": f"1-{'a' * 8}-{'b' * 60}"}
    sending.send_segment(breakable.settings.ports["xray"], bad)
    assert wait_until(lambda: breakable.status()["collector"]["restarts"] == 1, 60)
    assert wait_until(lambda: breakable.run("status").returncode == 0, 60)
    assert breakable.status()["collector"]["pid"] not in {before["pid"], None}
    assert "restarts of the collector after a panic: 1" in breakable.ok("status")
    assert wait_until(lambda: calls(breakable) == {"honeycomb": 40, "xray": 40}, 60)
    assert "restarts after a panic: 1, the last at " in check_collector_up(Walk(breakable.settings)).detail


def test_nothing_listens_beyond_this_machine(breakable: System) -> None:
    listening = [
        connection.laddr
        for process in processes(breakable).values()
        for member in process.members()
        for connection in member.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN or (connection.type == socket.SOCK_DGRAM)
    ]
    assert len(listening) >= 10
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}


def test_nobody_else_reads_what_runs(breakable: System) -> None:
    state = breakable.settings.state
    names = {path.name for path in state.rglob("*")}
    assert {"web.log", "honeycomb_api_key", "aws.duckdb"} <= names
    assert {path.name for path in state.iterdir()} <= set(OURS)
    assert not [path for path in (state, *state.rglob("*")) if path.stat().st_mode & 0o077]


def test_down_leaves_nothing_and_may_be_repeated(new_system: Callable[..., System]) -> None:
    own_system = new_system().up()
    members = [member for process in processes(own_system).values() for member in process.members()]
    assert "9 processes stopped." in own_system.ok("down")
    assert not [m for m in members if m.is_running() and m.status() != psutil.STATUS_ZOMBIE]
    assert "Nothing runs." in own_system.ok("down")
    status = own_system.run("status", "--format", "json")
    assert status.returncode == 1
    assert own_system.status()["collector"]["pid"] is None


def test_a_damaged_queue_is_put_aside_as_told(new_system: Callable[..., System]) -> None:
    system = new_system()
    queue = system.settings.queue
    queue.mkdir(parents=True)
    (queue / "exporter_otlp_grpc_xray_traces").write_bytes(os.urandom(131_072))
    failed = system.run("up")
    assert failed.returncode == 1
    assert "invalid database" in failed.stderr
    command = failed.stderr.partition("put it aside: ")[2].strip()
    shell = {**system.environment, "PATH": f"{CLI.parent}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-c", command], env=shell, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    assert system.run("status").returncode == 0
    assert (queue / "exporter_otlp_grpc_xray_traces.broken").stat().st_size == 131_072


def test_ctrl_c_during_up_leaves_nothing(new_system: Callable[..., System]) -> None:
    system = new_system()
    up = subprocess.Popen(
        [CLI, "up"],
        env=dict(system.environment),
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert wait_until(lambda: bool(processes(system)), 60)
    up.send_signal(signal.SIGINT)
    assert up.wait(timeout=60) != 0
    assert processes(system) == {}
    assert started_for(system) == []


def started_for(system: System) -> list[str]:
    """Whatever still runs with this system's state folder, noted or not."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("THREEMAPS_STATE") == str(system.settings.state):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def test_up_lets_go_of_the_pipe(new_system: Callable[..., System]) -> None:
    """`up | cat` ends when `up` does, although what it started runs on; `down | head -1` stops all."""
    own_system = new_system()
    command = f"{CLI} up | cat"
    done = subprocess.run(
        command, shell=True, env=dict(own_system.environment), capture_output=True, text=True, timeout=60
    )
    assert "users" in done.stdout
    assert processes(own_system)["users"].alive
    # Neither stops half way when nobody reads on: each writes its lines while it works.
    for words, left in (("up", 9), ("down", 0)):
        pipe = f"set -o pipefail; {CLI} {words} | head -1"
        ended = subprocess.run(["bash", "-c", pipe], env=dict(own_system.environment), capture_output=True)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert len(processes(own_system)) == left


def test_a_taken_port_is_named_before_anything_starts(new_system: Callable[..., System]) -> None:
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", 0))
        occupant.listen()
        port = occupant.getsockname()[1]
        system = new_system(THREEMAPS_PORT_HOP_XRAY=str(port))
        done = system.run("up")
    assert done.returncode == 1
    assert f"port {port} (hop_xray) is in use" in done.stderr
    assert processes(system) == {}
