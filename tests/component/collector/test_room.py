"""Before the disk is full the collector takes nothing in, and what waits is sent."""

from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import requests

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import call, payload
from threemaps.compare.troubles import standing_troubles
from threemaps.demo import room
from threemaps.demo.processes import Running, records
from threemaps.diagnose.losses import losses
from threemaps.diagnose.recorder import Recorder


def status_of_a_call(chain: Chain) -> int:
    url = f"{chain.collector.otlp_http}/v1/traces"
    try:
        return requests.post(url, json=payload(call("x", "y")), timeout=20).status_code
    except requests.ConnectionError:  # it reads its files again
        return 0


def test_short_of_room_it_sends_what_waits_and_takes_nothing(
    own_chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, pid = own_chain.collector.settings, own_chain.collector.pid
    started = psutil.Process(pid).create_time()
    records(settings).save({"collector": Running("collector", pid, started, "")})
    own_chain.vendors.fail(503)
    spans = call("waiting-a", "waiting-b")
    own_chain.send(spans)
    recorder, guard = Recorder(settings), room.Room(settings)
    wait_for(lambda: own_chain.vendors.refused["honeycomb"])
    recorder.look()

    monkeypatch.setattr(room, "LEAST_ROOM", 1 << 60)
    guard.look()
    wait_for(lambda: status_of_a_call(own_chain) == 503)
    assert any("takes nothing in" in one.what for one in standing_troubles(settings, datetime.now(UTC)))
    assert requests.get(settings.url("health"), timeout=5).ok
    own_chain.vendors.heal()
    ids = {one["spanId"] for one in spans}
    wait_for(lambda: ids <= {one["id"] for one in list(own_chain.vendors.spans)})
    wait_for(lambda: ids <= own_chain.xray_ids())

    monkeypatch.setattr(room, "LEAST_ROOM", 0)
    monkeypatch.setattr(room, "ENOUGH", 0)
    guard.look()
    wait_for(lambda: status_of_a_call(own_chain) == 200)
    assert not room.is_shut(settings)
    for _ in range(3):  # what its end interrupted was kept
        recorder.look()
    assert losses(settings) == []


def test_blocks_are_set_aside_behind_the_end_of_a_file(tmp_path: Path) -> None:
    queue = tmp_path / "exporter_x"
    queue.write_bytes(b"x" * 5000)
    try:
        room.set_aside(queue)
    except OSError as error:
        pytest.skip(f"not on this disk: {error}")
    assert queue.read_bytes() == b"x" * 5000
    assert queue.stat().st_blocks * 512 >= room.SET_ASIDE
