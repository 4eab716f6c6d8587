"""Comparisons while calls keep coming: the maps that agree are equal, and what was lost is not excused."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.collector_process import wait_for
from tests.running import System
from tests.system.chaos.proxy import Answer, Exchange
from tests.system.chaos.traffic import Traffic
from tests.system.chaos.world import World
from threemaps.compare.side_by_side import Comparing, compare_now

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(900)]

LOOKS = 3
MINUTE = timedelta(minutes=1)
LOST = {
    "honeycomb": "spans that X-Ray has did not come to Honeycomb",
    "xray": "X-Ray lacks spans of these calls that Honeycomb holds",
}


def between_services(told: dict[str, Any], backend: str) -> dict[tuple[str, str], int]:
    edges = told["maps"][backend]["edges"]
    return {(one["source"], one["target"]): one["requests"] for one in edges if one["source"] != "outside"}


def unexpected(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in told["differences"] if not one["expected"]]


@pytest.mark.parametrize("awkward", ["", "index:10", "index:1"])
def test_maps_that_agree_are_equal(new_system: Callable[..., System], awkward: str) -> None:
    """Also where X-Ray indexes a share: then the calls that cross an end of the window are in `aws/spans`."""
    system = new_system(THREEMAPS_AWS_AWKWARD=awkward).up()
    with system.steady_traffic(rate=20):
        for _ in range(LOOKS):
            told = system.compare("--since", "1m", "--wait", "4m")
            assert told["agree"], json.dumps(unexpected(told), indent=1)
            of_honeycomb = between_services(told, "honeycomb")
            assert len(of_honeycomb) == 3, told["maps"]
            assert of_honeycomb == between_services(told, "cloudwatch")
            assert awkward or of_honeycomb == between_services(told, "xray")


def test_looks_from_the_start_of_traffic(new_system: Callable[..., System]) -> None:
    """A page that is open when the first call comes says when maps are compared, then that they agree."""
    system = new_system().up()
    looks: Counter[str] = Counter()
    comparing = Comparing(system.settings, since=5 * MINUTE)
    ends = time.monotonic() + 180
    with system.steady_traffic(rate=20):
        while time.monotonic() < ends:
            look = comparing.look()
            assert look.agree, [one.to_json() for one in look.differences]
            said = "says when" if look.settles_at else "empty" if look.is_empty else "reading"
            looks["agrees" if look.settled and not look.is_empty else said] += 1
            time.sleep(1.5)
    assert looks["empty"] + looks["reading"] <= 12, looks
    assert looks["agrees"] > looks["says when"], looks


@pytest.mark.parametrize("pause", [0.02, 0.1], ids=["50/s", "10/s"])
@pytest.mark.parametrize("vendor", ["honeycomb", "xray"])
def test_a_hundredth_that_is_lost_on_the_way(tmp_path: Path, vendor: str, pause: float) -> None:
    """One request in a hundred is answered with 200 and kept by nobody, as a broken proxy would."""
    chance, lost = random.Random(7), []

    def lossy(exchange: Exchange) -> Answer | None:
        if not exchange.is_otlp or chance.random() >= 0.01:
            return exchange.forward(exchange)
        lost.append((time.time(), exchange.items()))
        return Answer(200, {"Content-Type": "application/x-protobuf"}, b"")

    with World.running(tmp_path / "state") as world:
        world.faults[vendor] = lossy
        with Traffic(world.collector, "live", pause):
            wait_for(lambda: bool(lost), 300)
            first, _ = lost[0]
            told = compare_now(world.readers, since=MINUTE, wait=timedelta(minutes=4)).to_json()
            while told["window"]["end"] < as_text(first + 1):
                told = compare_now(world.readers, since=MINUTE, wait=timedelta(minutes=4)).to_json()
    assert not told["agree"], told["maps"]
    causes = {one["cause"] for one in unexpected(told)}
    assert all(LOST[vendor] in one for one in causes), json.dumps(unexpected(told), indent=1)


def as_text(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
