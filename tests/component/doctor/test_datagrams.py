"""Segments that come faster than the collector reads: the doctor says how many the kernel dropped."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.collector_process import wait_for
from tests.component.collector import sending
from tests.component.collector.conftest import Chain, chain_in
from threemaps.cli.doctor import as_text
from threemaps.demo.processes import Running, records
from threemaps.diagnose.datagrams import dropped_datagrams
from threemaps.doctor.check import as_json, good
from threemaps.doctor.datagrams import ROOM, check_datagrams, larger_buffer
from threemaps.doctor.walk import Walk

BURST = 2_000


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """With a collector that counts as one that `threemaps up` started."""
    with chain_in(tmp_path / "state") as chain:
        pid = chain.collector.pid
        ours = Running("collector", pid, psutil.Process(pid).create_time(), "")
        records(chain.collector.settings).save({"collector": ours})
        yield chain


def send_at_once(chain: Chain) -> None:
    """Nobody reads meanwhile, as on a machine that has no time for the collector."""
    os.kill(chain.collector.pid, signal.SIGSTOP)
    try:
        for _ in range(BURST):
            segment = sending.segment("burst", sending.trace_id())
            sending.send_segment(chain.collector.settings.ports["xray"], segment)
    finally:
        os.kill(chain.collector.pid, signal.SIGCONT)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_what_the_kernel_dropped_is_said_and_breaks_no_link(chain: Chain) -> None:
    walk = Walk(chain.collector.settings)
    assert check_datagrams(walk) == good(
        "collector", "datagrams", "no datagram for X-Ray is known to be dropped"
    )
    send_at_once(chain)
    dropped = dropped_datagrams(chain.collector.settings)
    assert dropped
    # Not one more and not one less.
    arrived = BURST - dropped.datagrams
    wait_for(lambda: len(chain.honeycomb("burst")) == arrived)
    found = check_datagrams(walk)
    assert found.ok
    assert found.detail == str(dropped)
    assert found.next_step.startswith("sudo sysctl -w net.core.rmem_default=")
    assert as_json([found])["ok"] is True
    first, _, third = as_text([found]).splitlines()
    assert first == f"all 1 link holds; but {found.detail} → {found.next_step}"
    assert third.startswith("  ! collector: ")


def test_a_buffer_that_is_large_already_is_doubled(tmp_path: Path) -> None:
    setting = tmp_path / "rmem_default"
    assert larger_buffer(setting) == ROOM
    setting.write_text("212992\n")
    assert larger_buffer(setting) == ROOM
    setting.write_text(f"{ROOM}\n")
    assert larger_buffer(setting) == 2 * ROOM
