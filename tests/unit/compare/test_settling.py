"""What a reader of several sources does with one that hangs or fails."""

from datetime import timedelta

import pytest

from tests.unit.compare.simulated import LOCAL, FakeHoneycomb, World
from threemaps.compare import reading
from threemaps.compare.reading import Reader
from threemaps.compare.side_by_side import Comparing
from threemaps.model.difference import Window
from threemaps.readers import SilentError, UnreadableError


class Hanging(FakeHoneycomb):
    asked = 0

    def read_map(self, window: Window, service: str | None = None) -> object:  # type: ignore[override]
        type(self).asked += 1
        raise SilentError("no answer", hint="try again")


def test_a_backend_that_hangs_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(1, begins=-60, ends=-50)
    world.install(monkeypatch)
    usual = reading.open_backend
    monkeypatch.setattr(
        reading, "open_backend", lambda name, s: Hanging(world) if name == "honeycomb" else usual(name, s)
    )
    Hanging.asked = 0
    comparison = Comparing(LOCAL, clock=world.clock).once()

    assert Hanging.asked == 1
    assert not comparison.readable
    assert [one.cause for one in comparison.differences if one.kind == "unreadable"] == ["no answer"]


def test_a_source_that_failed_may_answer_again_for_whoever_goes_on_looking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(1, begins=-60, ends=-50)
    world.install(monkeypatch)
    comparing = Comparing(LOCAL, since=timedelta(minutes=2), clock=world.clock)
    comparing.reader.failures["xray"] = UnreadableError("gone")

    assert comparing.look().readable


def test_other_calls_of_the_window_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(1, begins=-60, ends=-50)
    world.install(monkeypatch)
    reader = Reader(LOCAL, ["honeycomb"], "nobody")
    reader.read(Window(world.clock.now() - timedelta(minutes=5), world.clock.now()))

    assert reader.holding_others == {"honeycomb"}
