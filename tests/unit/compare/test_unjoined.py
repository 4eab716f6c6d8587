"""Spans that came minutes apart: Honeycomb holds them, its query does not relate them, compare says so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.compare.maps import a_map, compared, source
from tests.unit.readers.test_honeycomb_ways import CONFIGURATION, MANAGEMENT, World, account, world
from tests.unit.standins.honeycomb.spans import Call, request_of
from threemaps.diagnose.asking import Asking
from threemaps.diagnose.traces import honeycomb_ids, honeycomb_spans, times_of
from threemaps.diagnose.unjoined import Unjoined, gather
from threemaps.model.diff import differences
from threemaps.model.difference import Comparison, Window
from threemaps.readers import open_backend
from threemaps.settings import Settings
from threemaps.standins.honeycomb.relations import APART_MS

__all__ = ["world"]

MINUTE = timedelta(minutes=1)


def calls(count: int) -> list[Call]:
    """As many traces of a call of `web` to `api`."""
    spans = []
    for number in range(count):
        root = 10 * number + 1
        spans += [Call("web", root, trace=number + 1), Call("api", root + 1, root, trace=number + 1)]
    return spans


def sent(world: World, count: int, late: int, apart_ms: int) -> None:
    """`late` of the spans of `api` came so much later than all others."""
    world.free.send_spans(request_of(calls(count)))
    world.store.execute(
        f"UPDATE events SET stored_at = stored_at + {apart_ms} WHERE span_id IN "
        f"(SELECT span_id FROM events WHERE parent_id IS NOT NULL ORDER BY trace_id LIMIT {late})"
    )


def against_xray(settings: Settings, true: int) -> tuple[Comparison, list[Unjoined]]:
    backend = open_backend("honeycomb", settings)
    now = datetime.now(UTC)
    taken = Window(now - 10 * MINUTE, now + MINUTE)
    own = replace(source("honeycomb", backend.read_map(taken)), read_through=backend.read_through)
    other = source("xray", a_map(f"web>api {true}"))
    asking = Asking(settings, {"honeycomb": backend}, taken, tuple(differences([own, other])))
    held = honeycomb_spans(backend, honeycomb_ids(backend, asking.services or {"api"}, taken), taken)
    found = list(gather(asking, held, times_of(taken)))
    assert not asking.not_asked
    return compared(own, other, asked=found), found


@pytest.mark.parametrize("late", [3, 8])
def test_what_came_minutes_apart_is_the_cause(world: World, late: int) -> None:
    sent(world, 8, late, APART_MS + 1)
    comparison, _ = against_xray(account(world.free, **MANAGEMENT), 8)
    assert not comparison.agree
    for found in comparison.differences:
        assert "its query does not relate their spans" in found.cause
        assert found.evidence[0].startswith("trace ")


def test_what_came_a_minute_apart_is_related(world: World) -> None:
    sent(world, 8, 5, 60_000)
    comparison, _ = against_xray(account(world.free, **MANAGEMENT), 8)
    assert comparison.agree


def test_what_was_lost_is_no_such_call(world: World) -> None:
    """Ten calls were made, eight came and are related: the cause is another."""
    sent(world, 8, 0, 0)
    comparison, _ = against_xray(account(world.free, **MANAGEMENT), 10)
    [found] = comparison.differences
    assert found.cause == "unknown"
    assert any("it relates those of" in line for line in found.evidence)


def test_more_lost_than_came_apart_is_not_explained_by_it(world: World) -> None:
    sent(world, 8, 1, APART_MS + 1)
    comparison, _ = against_xray(account(world.free, **MANAGEMENT), 40)
    assert {one.cause for one in comparison.differences} == {"unknown"}


def test_the_map_api_does_not_mind(world: World) -> None:
    sent(world, 8, 5, APART_MS + 1)
    comparison, asked = against_xray(account(world.enterprise, **CONFIGURATION), 8)
    assert comparison.agree
    assert asked == []
