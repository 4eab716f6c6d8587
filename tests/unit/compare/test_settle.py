"""When a map counts as standing still. Time is told by the test."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.compare.maps import WINDOW, a_map
from threemaps.compare.settle import LIMIT_SECONDS, Maps, Settled, settle
from threemaps.compare.side_by_side import Reader
from threemaps.readers import http
from threemaps.settings import Settings

LAG = 30.0
QUIET_SECONDS = 6.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def settled(
    reads: Iterator[Maps], *, agree: bool = True, started: float = 0.0
) -> tuple[Settled, list[float]]:
    clock, told = Clock(), list[float]()
    clock.now = started
    result = settle(
        lambda: next(reads),
        lambda maps: agree,
        elapsed=lambda: clock.now,
        sleep=clock.sleep,
        lag=LAG,
        quiet=QUIET_SECONDS,
        report=told.append,
    )
    return result, told


def growing(until: int) -> Iterator[Maps]:
    count = 0
    while True:
        count = min(count + 1, until)
        yield {"xray": a_map(f"web>api {count}")}


def test_a_map_that_stands_still_is_taken_after_a_quiet_while() -> None:
    result, told = settled(growing(1))
    assert result.settled
    assert QUIET_SECONDS <= result.waited < QUIET_SECONDS + 3
    assert told[0] == 0


def test_a_moving_map_is_waited_for() -> None:
    result, _ = settled(growing(5))
    assert result.settled
    assert result.maps["xray"] == a_map("web>api 5")


def test_maps_that_differ_are_waited_for_until_the_last_flush() -> None:
    result, _ = settled(growing(1), agree=False)
    assert result.settled
    assert result.waited >= LAG
    late, _ = settled(growing(1), agree=False, started=2 * LAG)
    assert late.waited < QUIET_SECONDS + 3


def test_the_wait_has_a_limit() -> None:
    result, _ = settled(growing(10**9))
    assert not result.settled
    assert LIMIT_SECONDS <= result.waited < LIMIT_SECONDS + 3


def test_a_backend_that_hangs_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        variables = {
            "THREEMAPS_URL_HONEYCOMB": f"http://127.0.0.1:{hanging.getsockname()[1]}",
            "THREEMAPS_STATE": str(tmp_path),
            "THREEMAPS_ENV_FILE": os.devnull,
        }
        reader = Reader(Settings.load(variables), ["honeycomb", "xray"], WINDOW)
        assert reader._one("honeycomb", WINDOW) is None
        assert "no answer within" in reader.failures["honeycomb"].message
        assert list(reader.answering) == ["xray"]
