"""The short form of `make chaos`: nothing that was acknowledged is lost in silence."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.collector_process import wait_for
from tests.system.chaos.bounded import QUEUE_MEGABYTES, memory_limits, on_disk
from tests.system.chaos.disk import can_mount, state_full
from tests.system.chaos.measure import await_calls, run, settle
from tests.system.chaos.proxy import PIPELINES
from tests.system.chaos.table import figures_of
from tests.system.chaos.traffic import Traffic
from tests.system.chaos.troubles import HALF, SHORT, Trouble
from tests.system.chaos.world import World
from threemaps.readers import BACKENDS

# Several waits, each far longer than what is waited for takes.
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

CALLS = 60
QUIET_SECONDS = 100.0
# What is lost all the same: what a vendor refused inside a 200.
MAY_BE_LOST = {HALF.name: set(PIPELINES)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World.running(tmp_path_factory.mktemp("chaos") / "state") as world:
        yield world


@pytest.mark.parametrize("trouble", SHORT, ids=lambda trouble: trouble.name)
def test_nothing_is_lost_in_silence(world: World, trouble: Trouble) -> None:
    result = run(world, trouble, f"short{SHORT.index(trouble)}", CALLS)
    figures = "\n".join(figures_of([result]))
    lost = {pipeline for pipeline, found in result.pipelines.items() if found.lost}
    assert lost <= MAY_BE_LOST.get(trouble.name, set()), figures
    assert not {pipeline for pipeline, found in result.pipelines.items() if "SILENCE" in found.verdict}, (
        figures
    )
    assert all(found.acknowledged >= CALLS for found in result.pipelines.values()), figures


def test_after_all_that_every_process_is_within_its_limit(world: World) -> None:
    """`python -m tests.system.chaos.bounded` is the long form: an hour of full load."""
    limits = memory_limits()
    held = {name: one.pid for name, one in world.standins.items()} | {"collector": world.collector.pid}
    memory = {name: psutil.Process(pid).memory_info().rss / 1e6 for name, pid in held.items()}
    assert all(memory[name] < limits[name] for name in held), memory
    assert on_disk(world.collector.settings.queue) < QUEUE_MEGABYTES


def test_after_a_quiet_while_each_map_has_all_calls(world: World) -> None:
    """Quiet for longer than any limit on idle things that there is: connections 75 and 90 s, stores 5 s."""
    for seconds in (0.0, QUIET_SECONDS):
        begin = time.monotonic()
        wait_for(lambda begin=begin, seconds=seconds: time.monotonic() > begin + seconds, seconds + 10)
        traffic, started = Traffic(world.collector, f"quiet{seconds:.0f}"), time.time()
        for _ in range(40):
            traffic.send_call()
        assert traffic.calls == 40
        settle(world, traffic)
        for backend in BACKENDS:
            await_calls(world, traffic, started, backend)


@pytest.mark.skipif(not can_mount(), reason="mounts a small disk")
def test_others_fill_the_disk_of_the_state_folder(tmp_path: Path) -> None:
    result = state_full(tmp_path / "state", CALLS * 5)
    assert not any(found.lost for found in result.pipelines.values()), "\n".join(figures_of([result]))
