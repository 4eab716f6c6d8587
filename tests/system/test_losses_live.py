"""What the collector loses or has not sent yet, brought about for real: the report names it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from tests.collector_process import wait_for
from tests.system.bench import SINCE, Bench, bench_in
from tests.system.test_causes_live import CALLS, calls, caused, of, unexpected
from threemaps.compare import side_by_side
from threemaps.diagnose.collector import read_collector
from threemaps.readers.snapshot import snapshot_text

pytestmark = pytest.mark.system

SMALL_QUEUE = """
exporters:
  otlp_grpc/honeycomb:
    sending_queue:
      queue_size: 8000
      batch: { flush_timeout: 200ms, sizer: bytes, min_size: 1000, max_size: 4000 }
"""


def test_a_queue_that_was_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench_in(tmp_path / "state", monkeypatch, SMALL_QUEUE) as bench:
        bench.answers["honeycomb"] = 503
        wait_for(lambda: refuses(bench))
        bench.answers.clear()
        wait_for(lambda: not read_collector(bench.settings).paths["honeycomb"].queued)
        told = bench.compare()
    assert told["agree"] is False
    for one in caused(told, "honeycomb", "its queue was full"):
        assert "could not queue" in one["cause"]
        assert "not queued: " in one["evidence"][0]


def refuses(bench: Bench) -> bool:
    """Sends once more, and tells whether the collector had no room for it."""
    try:
        bench.send(calls())
    except requests.HTTPError as error:
        return error.response.status_code == 503
    return False


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench_in(tmp_path / "state", monkeypatch) as running:
        yield running


def test_maps_that_never_stand_still(bench: Bench) -> None:
    """The callees' spans are always some seconds behind: X-Ray has callees by address, CloudWatch waits."""

    def is_said() -> bool:
        told = side_by_side.compare_now(bench.settings, since=SINCE, wait=timedelta(seconds=2)).to_json()
        assert told["agree"] is False
        return any("still moving" in one["cause"] for one in unexpected(told))

    with late_callees(bench):
        bench.wait_for_call("xray", "a", "b", 1)
        wait_for(is_said, 60)


@contextmanager
def late_callees(bench: Bench) -> Iterator[None]:
    """Calls of one moment that come little by little: in the window, and never all of them."""
    over, moment = threading.Event(), time.time()

    def send() -> None:
        behind: list[list[tuple[str, object]]] = []
        while not over.wait(0.2):
            spans = calls(age=time.time() - moment)
            bench.send(of("a", spans))
            behind.append(of("b", spans))  # type: ignore[arg-type]
            if len(behind) > 10:
                bench.send(behind.pop(0))  # type: ignore[arg-type]

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()


def test_a_snapshot_whose_window_overlaps(bench: Bench, tmp_path: Path) -> None:
    bench.send(calls())
    bench.wait_for_call("xray", "a", "b", CALLS)
    source, held = side_by_side.snapshot_now(bench.settings, "xray", SINCE)
    file = tmp_path / "before.json"
    file.write_text(snapshot_text(source.backend, source.window, held))
    bench.send(calls())
    bench.wait_for_call("xray", "a", "b", 2 * CALLS)
    told = side_by_side.compare_now(bench.settings, (str(file), "xray"), SINCE / 2).to_json()
    found = caused(told, str(file), "cover windows that overlap, but are not the same")
    assert {one["target"] for one in found} >= {"b"}
    assert told["agree"] is False


def test_a_caller_that_x_ray_does_not_hold_is_not_outside(bench: Bench) -> None:
    """X-Ray then draws its callee as called from outside, and that is no lack of CloudWatch's."""
    spans = calls()
    roots = [one for one in spans if not one[1].parent_span_id]
    bench.send_past("xray", roots)
    bench.send([one for one in spans if one not in roots])
    bench.wait_for_call("xray", "outside", "b", CALLS)
    bench.wait_for_call("honeycomb", "a", "b", CALLS)
    told = bench.compare()
    assert unexpected(told)
    for one in unexpected(told):
        assert "X-Ray lacks spans of these calls that Honeycomb holds" in one["cause"], one
