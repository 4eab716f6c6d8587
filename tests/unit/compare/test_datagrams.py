"""What the kernel drops at a UDP port: counted by the kernel, and said where all maps lack the same."""

import os
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from threemaps.compare.troubles import standing_troubles
from threemaps.demo.processes import Running, records
from threemaps.diagnose.datagrams import Dropped, dropped_by, dropped_datagrams
from threemaps.settings import Settings

OURS = Path("/proc/self")
SENT = 2_000

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"])
def door(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A socket that nobody reads."""
    family, host = request.param
    with socket.socket(family, socket.SOCK_DGRAM) as door:
        try:
            door.bind((host, 0))
        except OSError:
            pytest.skip(f"no {host} here")
        yield door


def overfill(door: socket.socket) -> int:
    """How many datagrams found no room."""
    with socket.socket(door.family, socket.SOCK_DGRAM) as sender:
        for _ in range(SENT):
            sender.sendto(b"x" * 500, door.getsockname()[:2])
    door.setblocking(False)
    held = 0
    try:
        while door.recv(1000):
            held += 1
    except BlockingIOError:
        return SENT - held


def settings_at(state: Path, port: int) -> Settings:
    return Settings.load(
        {
            "THREEMAPS_STATE": str(state),
            "THREEMAPS_ENV_FILE": os.devnull,
            "THREEMAPS_PORT_XRAY": str(port),
        }
    )


@needs_linux
def test_what_found_no_room_is_counted(door: socket.socket) -> None:
    port = door.getsockname()[1]
    assert dropped_by(OURS, port) == 0
    lost = overfill(door)
    assert lost > 0
    assert dropped_by(OURS, port) == lost


@needs_linux
def test_another_process_s_socket_is_not_counted(door: socket.socket) -> None:
    overfill(door)
    assert dropped_by(Path("/proc") / str(os.getppid()), door.getsockname()[1]) == 0


@needs_linux
def test_it_is_the_collector_of_this_machine(door: socket.socket, tmp_path: Path) -> None:
    settings = settings_at(tmp_path, door.getsockname()[1])
    lost = overfill(door)
    assert dropped_datagrams(settings) is None
    started = psutil.Process().create_time()
    records(settings).save({"collector": Running("collector", os.getpid(), started, "")})
    assert dropped_datagrams(settings) == Dropped(lost, datetime.fromtimestamp(started, UTC))
    # Its number belongs to another process now.
    records(settings).save({"collector": Running("collector", os.getpid(), started - 60, "")})
    assert dropped_datagrams(settings) is None


def test_where_nobody_tells_nothing_is_said(tmp_path: Path) -> None:
    assert dropped_by(tmp_path / "gone", 2000) == 0


@needs_linux
def test_maps_that_agree_are_not_trusted_blindly(door: socket.socket, tmp_path: Path) -> None:
    settings = settings_at(tmp_path, door.getsockname()[1])
    lost = overfill(door)
    started = psutil.Process().create_time()
    records(settings).save({"collector": Running("collector", os.getpid(), started, "")})
    told = [one.what for one in standing_troubles(settings, datetime.now(UTC))]

    assert any(f"the kernel dropped {lost:,} of the datagrams for X-Ray's port" in what for what in told)
    assert any("gives no answer" in what for what in told)  # at its health check
