"""A span whose times make no sense: every backend has its call, which takes no time."""

from typing import Any

import pytest

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import call

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
def test_a_call_without_sound_times_takes_none(chain: Chain, what: str) -> None:
    caller, callee = f"{what}-a", f"{what}-b"
    sent = call(caller, callee)
    chain.send([with_times(one, ODD[what]) for one in sent])
    wait_for(lambda: len(chain.honeycomb(caller)) == 2 and len(chain.honeycomb(callee)) == 1)
    told = [*chain.honeycomb(caller), *chain.honeycomb(callee), *(chain.xray(one["spanId"]) for one in sent)]
    starts = {one["spanId"]: int(one["startTimeUnixNano"]) for one in sent}
    assert [one["nanoseconds"] for one in told] == [0] * 6
    assert all(abs(one["start"] - starts[one["id"]]) < 1e9 for one in told)


def test_sound_times_stay(chain: Chain) -> None:
    sent = call("sound-a", "sound-b")
    chain.send(sent)
    assert [chain.xray(one["spanId"])["nanoseconds"] for one in sent] == [10_000_000] * 3
