"""One window for all sources, whether calls keep coming or not; lagging vendors; calls that got lost."""

from datetime import timedelta

import pytest

from tests.unit.compare.simulated import API, LOCAL, NOON, WEB, World, slow
from threemaps.compare.side_by_side import Comparing
from threemaps.model.difference import Comparison, DifferenceKind

THREE = ("honeycomb", "xray", "cloudwatch")


def compared(world: World, since: float, monkeypatch: pytest.MonkeyPatch, **more: timedelta) -> Comparison:
    world.install(monkeypatch)
    wait = more.pop("wait", None)
    comparing = Comparing(LOCAL, THREE, timedelta(seconds=since), clock=world.clock, **more)
    return comparing.once(wait)


def counts(comparison: Comparison) -> set[int]:
    found = [held.edge(WEB, API) if held else None for held in comparison.maps.values()]
    return {edge.requests or 0 if edge else 0 for edge in found}


@pytest.mark.parametrize("since", [20, 60, 300])
@pytest.mark.parametrize("rate", [1, 10, 50])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_steady_traffic_agrees_with_equal_counts(
    rate: float, since: float, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = compared(World(rate, begins=-since - 200, seed=seed, fails=0.1), since, monkeypatch)

    assert comparison.agree, [one.cause for one in comparison.differences if not one.expected]
    assert all(one.kind.startswith("missing") for one in comparison.differences)
    assert len(counts(comparison)) == 1
    assert max(counts(comparison)) >= rate * max(60, since) * 0.5
    window = comparison.window
    assert (window.start.second, window.end.second) == (0, 0)
    assert window.seconds >= max(60, since)
    assert any("calls keep coming" in note for note in comparison.notes)
    assert comparison.settled


@pytest.mark.parametrize("ended", [-100, -30, -3])
def test_at_rest_the_window_goes_on_until_now(ended: float, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(10, begins=ended - 20, ends=ended)
    comparison = compared(world, 900, monkeypatch)

    assert comparison.agree
    assert counts(comparison) == {200}
    assert world.clock.now() - comparison.window.end < timedelta(seconds=2)
    assert world.clock.now() - NOON < timedelta(seconds=20)
    assert not comparison.notes


@pytest.mark.parametrize("pipeline", ["xray", "honeycomb"])
def test_lost_calls_are_no_agreement(pipeline: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(10)
    lost = frozenset(range(0, len(world.requests), 100))
    world.honeycomb.lost = lost if pipeline == "honeycomb" else frozenset()
    if pipeline == "xray":
        world.xray.lost = world.cloudwatch.lost = lost
    comparison = compared(world, 60, monkeypatch)

    assert not comparison.agree
    [one] = [
        one for one in comparison.differences if one.kind is DifferenceKind.REQUESTS and one.target == API
    ]
    assert pipeline in one.diverging
    assert not one.expected


def test_maps_of_moving_traffic_that_differ_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources that cut to the second: the next look could have a window of its own each time."""
    world = World(10)
    world.xray.lost = frozenset(range(0, len(world.requests), 100))
    world.install(monkeypatch)
    comparing = Comparing(LOCAL, ("honeycomb", "xray"), timedelta(minutes=1), clock=world.clock)
    comparison = comparing.once()

    assert comparison.settled
    assert not comparison.agree
    assert world.clock.now() - NOON < timedelta(seconds=30)
    seen = {comparison.window.end}
    for _ in range(20):
        seen.add(comparing.look().window.end)
        world.clock.sleep(timedelta(seconds=1.5))
    assert len(seen) > 2, "later windows are compared, too"


def test_a_lagging_account_is_waited_for_as_long_as_it_lags(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(10, begins=-60, ends=-30)
    slow(world.cloudwatch, 300)
    comparison = compared(world, 900, monkeypatch)

    assert comparison.agree
    assert counts(comparison) == {300}
    assert timedelta(seconds=270) < world.clock.now() - NOON < timedelta(seconds=330)


def test_under_traffic_the_window_ends_before_the_slowest_source(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(10, begins=-1500)
    slow(world.cloudwatch, 600)
    slow(world.xray, 120)
    comparison = compared(world, 120, monkeypatch)

    assert comparison.agree
    assert len(counts(comparison)) == 1
    assert world.clock.now() - comparison.window.end > timedelta(minutes=10)
    assert any("10 minutes ago for the slowest source" in note for note in comparison.notes)


def test_waiting_has_an_end_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(10, begins=-60, ends=-30)
    slow(world.cloudwatch, 300)
    comparison = compared(world, 900, monkeypatch, wait=timedelta(seconds=30))

    assert not comparison.agree
    assert not comparison.settled
    assert timedelta(seconds=29) < world.clock.now() - NOON < timedelta(seconds=35)
    assert any("CloudWatch may show calls 5 minutes late" in one.cause for one in comparison.differences)


def test_until_compares_a_window_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(10)
    comparison = compared(world, 120, monkeypatch, until=timedelta(minutes=5))

    assert comparison.agree
    assert len(counts(comparison)) == 1
    assert comparison.window.seconds == 120
    assert timedelta(minutes=5) <= NOON - comparison.window.end < timedelta(minutes=6)
    assert world.clock.now() - NOON < timedelta(seconds=10)


def test_looks_under_traffic_agree_and_change_only_with_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(10)
    world.install(monkeypatch)
    comparing = Comparing(LOCAL, THREE, timedelta(minutes=5), clock=world.clock)
    looks = []
    for _ in range(100):
        looks.append(comparing.look())
        world.clock.sleep(timedelta(seconds=1.5))

    assert sum(one.settled and one.agree for one in looks) >= 94
    assert len({id(one) for one in looks if one.settled}) <= 4


@pytest.mark.parametrize("begins", [-4, -1, 2, 20, 40])
def test_looks_from_the_start_of_traffic_say_when_maps_are_compared(
    begins: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(20, begins=begins)
    world.install(monkeypatch)
    comparing = Comparing(LOCAL, THREE, timedelta(minutes=5), clock=world.clock)
    waited_for = None
    while world.clock.now() < NOON + timedelta(minutes=3):
        look = comparing.look()
        if look.settled and not look.is_empty:
            break
        assert not look.differences
        waited_for = look.settles_at or waited_for
        world.clock.sleep(timedelta(seconds=1.5))
    else:
        pytest.fail("never compared")

    assert waited_for is not None
    assert timedelta() <= world.clock.now() - waited_for < timedelta(seconds=5)
    assert look.agree, look.differences
    assert look.settles_at is None


def test_an_account_is_asked_every_half_minute_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(1, begins=-60, ends=-30)
    slow(world.xray, 120)
    world.xray.manners = type(world.xray.manners)(timedelta(seconds=120), poll=timedelta(seconds=10))
    world.install(monkeypatch)
    comparing = Comparing(LOCAL, THREE, timedelta(minutes=5), clock=world.clock)
    for _ in range(100):
        comparing.look()
        world.clock.sleep(timedelta(seconds=1.5))

    moments = {at for name, at in world.asked if name == "xray"}
    assert len(moments) <= 2 * 6
