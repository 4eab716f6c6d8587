"""THREEMAPS_XRAY_INGEST=segments, for accounts without Transaction Search: what X-Ray gets as segments."""

import os
import threading
from pathlib import Path

import pytest
import requests

from tests.collector_process import CollectorProcess, wait_for
from tests.component.collector.conftest import Chain, chain_in
from tests.component.collector.sending import (
    CLIENT,
    CONSUMER,
    INTERNAL,
    PRODUCER,
    SERVER,
    call,
    pairs,
    payload,
    segment,
    send_segment,
    span,
    trace_id,
)
from threemaps.errors import UserError
from threemaps.settings import Settings


def test_a_caller_that_is_itself_the_root_is_a_service(by_segments: Chain) -> None:
    trace = trace_id()
    client = span("script", CLIENT, trace, attributes={"url.full": "http://127.0.0.1:8001/"})
    job = span("job", INTERNAL, trace_id(), name="nightly")
    consumer = span("worker", CONSUMER, trace_id(), "00000000000000aa", name="orders process")
    by_segments.send([client, span("script-b", SERVER, trace, client["spanId"]), job, consumer])
    call_segment = by_segments.xray(client["spanId"])
    assert call_segment["type"] == "subsegment"
    assert by_segments.xray(str(call_segment["parent_id"]))["name"] == "script"
    assert by_segments.xray(job["spanId"])["name"] == "job"
    assert by_segments.xray(consumer["spanId"])["name"] == "worker"


def test_callee_and_service_are_named(by_segments: Chain) -> None:
    spans = call("names-a", "names-b", url="http://10.0.0.7:8001/x")
    by_segments.send(spans)
    assert [by_segments.xray(one["spanId"])["name"] for one in spans] == [
        "names-a",
        "10.0.0.7:8001",
        "names-b",
    ]


def test_an_unfinished_span_does_not_stop_the_collector(by_segments: Chain) -> None:
    """awsxray takes the mark off spans that others share: it is alone in its pipeline."""
    begun = span("begun", SERVER, trace_id(), attributes={"aws.xray.inprogress": True}, endTimeUnixNano="0")
    done = span("begun", SERVER, trace_id(), attributes={"aws.xray.inprogress": True})
    by_segments.send([begun, done])
    told = by_segments.xray(begun["spanId"])
    assert told["in_progress"] is True
    assert "end_time" not in told
    wait_for(lambda: by_segments.honeycomb("begun"))
    assert [one["id"] for one in by_segments.honeycomb("begun")] == [done["spanId"]]
    assert by_segments.collector.running


def test_an_xray_sdks_segment_may_end_before_it_starts(by_segments: Chain) -> None:
    backwards = segment("sdk-backwards", trace_id())
    backwards["end_time"] = backwards["start_time"] - 1
    send_segment(by_segments.collector.settings.ports["xray"], backwards)
    told = by_segments.xray(backwards["id"])
    assert told["start_time"] == told["end_time"] == pytest.approx(backwards["start_time"], abs=0.001)


@pytest.mark.parametrize("provider", ["gcp", "azure", "unknown", ""])
@pytest.mark.parametrize("kind", [CLIENT, PRODUCER])
def test_a_script_in_another_cloud_ends_no_collector(by_segments: Chain, provider: str, kind: int) -> None:
    """awsxray panics on the root that calls, and again with each start, since it is still in the queue."""
    script = span(f"script-{provider}", kind, trace_id(), attributes={"url.full": "http://shop.example/"})
    document = payload([script])
    document["resourceSpans"][0]["resource"]["attributes"] += pairs({"cloud.provider": provider})
    url = f"{by_segments.collector.otlp_http}/v1/traces"
    requests.post(url, json=document, timeout=20).raise_for_status()
    assert by_segments.xray(script["spanId"])["name"] == "shop.example"
    wait_for(lambda: f"script-{provider}" in {one["name"] for one in list(by_segments.vendors.segments)})
    assert by_segments.collector.running


def test_a_slow_x_ray_is_sent_nothing_twice(tmp_path: Path) -> None:
    """awsxray gives a batch 5 s: more than one call each, and the first ones would come again and again."""
    never = threading.Event()
    with chain_in(tmp_path / "state", THREEMAPS_XRAY_INGEST="segments") as chain:
        chain.vendors.faults["xray"] = lambda: never.wait(1.5) or None
        spans = [one for _ in range(84) for one in call("a", "b")]
        chain.send(spans)
        wait_for(lambda: {one["spanId"] for one in spans} <= chain.xray_ids())
        assert len(chain.vendors.segments) == len(spans)


@pytest.mark.parametrize("before", ["otlp", "segments"])
def test_the_way_can_be_changed_while_something_waits(tmp_path: Path, before: str) -> None:
    """What is in the queue goes out by whichever way there is at the next start."""
    after = {"otlp": "segments", "segments": "otlp"}[before]
    with chain_in(tmp_path / "state", THREEMAPS_XRAY_INGEST=before) as chain:
        chain.vendors.fail(403, "xray")
        spans = call("a", "b")
        chain.send(spans)
        wait_for(lambda: chain.vendors.refused["xray"])
        chain.collector.stop()
        environ = {**chain.collector.settings.environ, "THREEMAPS_XRAY_INGEST": after}
        chain.vendors.heal()
        other = CollectorProcess(Settings.load(environ)).start()
        try:
            wait_for(lambda: {one["spanId"] for one in spans} <= chain.xray_ids())
        finally:
            other.stop()
    assert bool(chain.vendors.segments) == (after == "segments")


def test_another_way_is_named() -> None:
    with pytest.raises(UserError, match="THREEMAPS_XRAY_INGEST='front'"):
        Settings.load({"THREEMAPS_XRAY_INGEST": "front", "THREEMAPS_ENV_FILE": os.devnull})
