"""A span whose times make no sense: every backend has its call, which takes no time."""

from typing import Any

import pytest

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import SERVER, call, segment, send_segment, span, trace_id

# What is wrong → the times that a span tells, in nanoseconds around its own.
ODD: dict[str, dict[str, int]] = {
    "backwards": {"endTimeUnixNano": -50_000_000},
    "no-end": {"endTimeUnixNano": 0},
    "no-start": {"startTimeUnixNano": 0},
}


def with_times(one: dict[str, Any], odd: dict[str, int]) -> dict[str, Any]:
    start = int(one["startTimeUnixNano"])
    return one | {name: str(start + offset if offset else 0) for name, offset in odd.items()}


@pytest.mark.parametrize("what", ODD)
def test_a_call_without_sound_times_counts_and_takes_none(chain: Chain, what: str) -> None:
    caller, callee = f"{what}-a", f"{what}-b"
    sent = call(caller, callee)
    chain.send([with_times(one, ODD[what]) for one in sent])
    for one in sent:
        told = chain.segment(one["spanId"])
        assert told["start_time"] == told["end_time"]
        assert abs(told["start_time"] - int(one["startTimeUnixNano"]) / 1e9) < 1
    wait_for(lambda: len(chain.honeycomb(caller)) == 2 and len(chain.honeycomb(callee)) == 1)
    assert {one["nanoseconds"] for service in (caller, callee) for one in chain.honeycomb(service)} == {0}
    wait_for(lambda: chain.vendors.calls()[caller, callee, ""] == 1)
    wait_for(lambda: chain.vendors.calls()["user", caller, "virtual_node"] == 1)
    wait_for(lambda: seconds(chain, callee, "client") and seconds(chain, callee, "server"))
    assert sum(seconds(chain, callee, "client") + seconds(chain, callee, "server")) == 0


def test_sound_times_stay(chain: Chain) -> None:
    sent = call("sound-a", "sound-b")
    chain.send(sent)
    told = [chain.segment(one["spanId"]) for one in sent]
    assert [round(one["end_time"] - one["start_time"], 3) for one in told] == [0.01] * 3


def test_an_xray_sdks_segment_may_end_before_it_starts(chain: Chain) -> None:
    backwards = segment("sdk-backwards", trace_id())
    backwards["end_time"] = backwards["start_time"] - 1
    send_segment(chain.collector.settings.ports["xray"], backwards)
    told = chain.segment(backwards["id"])
    assert told["start_time"] == told["end_time"] == pytest.approx(backwards["start_time"], abs=0.001)


def test_what_is_in_progress_has_no_end(chain: Chain) -> None:
    begun = span("begun", SERVER, trace_id(), attributes={"aws.xray.inprogress": True}, endTimeUnixNano="0")
    done = span("begun", SERVER, trace_id())
    chain.send([begun, done])
    told = chain.segment(begun["spanId"])
    assert told["in_progress"] is True
    assert "end_time" not in told
    wait_for(lambda: chain.honeycomb("begun"))
    assert [one["id"] for one in chain.honeycomb("begun")] == [done["spanId"]]


def seconds(chain: Chain, callee: str, side: str) -> list[float]:
    """What the map's events add up to for the calls of this service, by either side's clock."""
    metric = f"traces_service_graph_request_{side}"
    return [one[metric]["Sum"] for one in chain.vendors.told() if one["server"] == callee and metric in one]
