"""Gateways that come and go, told from a collector that is restarted and from gateways that only go on."""

import random
from datetime import UTC, datetime

import pytest

from tests.unit.compare.maps import a_map, only, three
from threemaps.diagnose.evidence.model import Evidence
from threemaps.diagnose.evidence.ring import Ring, ring_of
from threemaps.model.difference import DifferenceKind

AT = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
WHOLE = a_map("(outside)>web 40", "web>api 40")
CAME = Evidence(ring=Ring({"otel-stream-d": AT}, {}))
WENT = Evidence(ring=Ring({}, {"otel-stream-a": AT}))


def flushes(start: float, end: float, seed: int = 0, share: float = 0.6) -> list[int]:
    """Twice a second, as far as this gateway had something to write."""
    chance = random.Random(seed)
    steps = range(int(start * 2), int(end * 2))
    return [step * 500 + chance.randrange(100) for step in steps if chance.random() < share]


def test_gateways_that_go_on_side_by_side_are_a_ring_without_a_change() -> None:
    for seed in range(50):
        for share in (0.1, 0.6, 1.0):
            ring = ring_of({str(one): flushes(0, 900, 3 * seed + one, share) for one in range(3)})
            assert ring is not None
            assert not ring.changed


def test_a_collector_and_its_restarts_are_no_ring() -> None:
    assert ring_of({}) is None
    assert ring_of({"a": flushes(0, 900)}) is None
    assert ring_of({"a": flushes(0, 300), "b": flushes(299, 600, 1), "c": flushes(600, 900, 2)}) is None


def test_a_gateway_that_is_replaced_went_and_came() -> None:
    steady = {"a": flushes(0, 60, 1), "b": flushes(0, 60, 2)}
    ring = ring_of({**steady, "c": flushes(0, 28, 3), "d": flushes(31, 60, 4)})
    assert ring is not None
    assert (set(ring.began), set(ring.ended)) == ({"d"}, {"c"})
    assert 25 <= ring.ended["c"].timestamp() <= 28 <= 31 <= ring.began["d"].timestamp() <= 34


@pytest.mark.parametrize("evidence", [CAME, WENT])
def test_the_cause_is_named_with_the_moment(evidence: Evidence) -> None:
    lacks = a_map("(outside)>web 40", "web>api 33")
    found = only(three(a_map("web>api 40"), WHOLE, lacks, evidence=evidence), DifferenceKind.REQUESTS)
    assert "a gateway came or went inside the window" in found.cause
    assert "12:05:00" in found.evidence[0]
    assert "--since" in found.advice
    assert not found.expected


def test_halves_that_stay_alone_are_drawn_from_outside_and_to_nowhere() -> None:
    drawn = a_map("(outside)>web 40", "(outside)>api 4", "web>api 33", "web>api:80! 3")
    found = three(a_map("web>api 40"), WHOLE, drawn, evidence=CAME).differences
    unexpected = [one for one in found if not one.expected]
    assert len(unexpected) >= 3
    assert all("a gateway came or went" in one.cause for one in unexpected)


def test_it_explains_nothing_else() -> None:
    lost = only(three(a_map("web>api 33"), WHOLE, WHOLE, evidence=CAME), DifferenceKind.REQUESTS)
    assert "gateway" not in lost.cause
    steady = Evidence(ring=Ring({}, {}))
    lacks = a_map("(outside)>web 40", "web>api 33")
    assert (
        only(three(a_map("web>api 40"), WHOLE, lacks, evidence=steady), DifferenceKind.REQUESTS).cause
        == "unknown"
    )
