"""query against the stand-in's own app, its rate limit, and against answers that nobody should get."""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from rich.cells import cell_len

from tests.component.cli.test_held import HOSTILE, World, send_spans, world
from tests.conftest import Serve, free_port
from tests.unit.readers.conftest import WINDOW, Vendor, settings_at, text
from tests.unit.readers.conftest import json as answers
from tests.unit.standins.honeycomb.spans import Call
from threemaps.cli.query import heatmap
from threemaps.readers import UnreadableError
from threemaps.readers.questions import Answer, ask
from threemaps.render.heat import cells

__all__ = ["world"]

SECOND = 1_000_000_000


def some_spans(world: World) -> None:
    now = time.time_ns()
    web = [Call("web", n, trace=n, start=now - n * SECOND, duration_ms=n) for n in range(1, 11)]
    send_spans(world, *web, Call(HOSTILE, 99, trace=1, start=now, duration_ms=500))


def test_the_three_questions_as_text(world: World) -> None:
    some_spans(world)
    counts = world.run("query", "count")
    assert counts.returncode == 0, counts.stderr
    assert f"     2  {(1).to_bytes(8).hex() * 2}" in counts.stdout
    p90 = world.run("query", "p90", "--service", "web")
    assert re.search(r"^  whole +(9\.\d|10\.0) ms$", p90.stdout, re.MULTILINE)
    drawn = world.run("query", "heatmap", "--since", "15m").stdout
    assert any(shade in drawn for shade in "░▒▓█")
    hostile = world.run("query", "count", "--service", HOSTILE)
    assert "\x1b" not in hostile.stdout
    assert "COUNT by trace.trace_id, last 10m, ␛[2J<script>" in hostile.stdout
    for done in (counts, p90):
        assert max(cell_len(line) for line in done.stdout.splitlines()) <= 80


def test_the_three_questions_as_json(world: World) -> None:
    some_spans(world)
    told = {
        name: json.loads(world.run("query", name, "--format", "json", "--service", "web").stdout)
        for name in ("count", "heatmap", "p90")
    }
    assert {row["COUNT"] for row in told["count"]["rows"]} == {1}
    assert len(told["count"]["rows"]) == 10
    [row] = told["heatmap"]["rows"]
    assert sum(bucket["count"] for bucket in row["HEATMAP(duration_ms)"]) == 10
    in_time = [
        bucket for point in told["heatmap"]["series"] for bucket in point["data"]["HEATMAP(duration_ms)"]
    ]
    assert sum(bucket["count"] for bucket in in_time) == 10
    assert 9 <= told["p90"]["rows"][0]["P90(duration_ms)"] <= 10
    assert told["p90"]["question"] == "P90(duration_ms)"
    assert told["p90"]["window"]["end"] > told["p90"]["window"]["start"]


@pytest.mark.parametrize("question", ["count", "heatmap", "p90"])
def test_no_spans_is_an_answer(world: World, question: str) -> None:
    done = world.run("query", question)
    assert done.returncode == 0
    assert "no spans in this window" in done.stdout


@pytest.mark.parametrize("since", ["6h", "7h", "2d", "3d", "7d"])
def test_the_newest_spans_are_in_ranges_of_any_length(world: World, since: str) -> None:
    """Honeycomb cuts the end of a range down by up to half an hour, the longer the range the more."""
    send_spans(world, Call("web", 1, trace=1, start=time.time_ns() - SECOND, duration_ms=1))
    done = world.run("query", "count", "--since", since)
    assert f"     1  {(1).to_bytes(8).hex() * 2}" in done.stdout, done.stderr


def test_what_is_longer_than_honeycomb_takes_is_said(world: World) -> None:
    done = world.run("query", "count", "--since", "8d")
    assert done.returncode == 2
    assert "over 7 days at most, not over 8" in done.stderr
    assert "7d or less" in done.stderr


def test_a_name_that_nobody_has_is_not_taken_for_silence(world: World) -> None:
    some_spans(world)
    done = world.run("query", "p90", "--service", "nobody")
    assert "of a service named 'nobody'" in done.stdout


def test_usage_and_unreadable_exit_with_2(world: World) -> None:
    world.honeycomb = f"http://127.0.0.1:{free_port()}"
    for arguments, complaint in (
        (("count",), "could not be reached"),
        (("p90", "--since", "soon"), "--since 'soon'"),
        (("p99",), "'p99'"),
    ):
        done = world.run("query", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert complaint in done.stderr
        assert "Traceback" not in done.stderr


def limited(seconds: int) -> Callable[[], Any]:
    again = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    return answers({"error": "You have exceeded your rate limit."}, 429, Retry_After=again)


MADE = answers({"id": "q"})
DONE = answers({"id": "r", "complete": True, "data": {"results": [{"data": {"COUNT": 3}}]}})


def test_one_question_too_many_waits_as_told(serve: Serve) -> None:
    waits: list[float] = []
    vendor = Vendor(MADE, limited(1), DONE)
    told = ask(settings_at(serve(vendor.app)), "count", WINDOW, None, on_wait=waits.append)
    assert told.rows == ({"COUNT": 3},)
    [wait] = waits
    assert 0 < wait <= 2


def test_who_cannot_tell_of_a_long_wait_does_not_wait(serve: Serve) -> None:
    vendor = Vendor(MADE, limited(50), DONE)
    with pytest.raises(UnreadableError, match="limiting the rate"):
        ask(settings_at(serve(vendor.app)), "count", WINDOW, None)
    assert len(vendor.requests) == 2


def result(**data: Any) -> tuple[Any, ...]:
    return MADE, answers({"id": "r", "complete": True, "data": data})


def point(value: Any, moment: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    return {"time": moment, "data": {"HEATMAP(duration_ms)": value}}


@pytest.mark.parametrize(
    "given",
    [
        (text("<html>"),),
        (answers([]),),
        (answers({"id": 5}),),
        (MADE, answers({"complete": True})),
        result(results=5),
        result(results=[5]),
        result(results=[{"data": [1]}]),
        result(series=[point([], "now")]),
        result(series=[point([], "2026-01-01T00:00:00")]),
        result(series=[point(5)]),
        result(series=[point([5])]),
        result(series=[point([{"count": 1}])]),
        result(series=[point([{"min": "a", "max": 1, "count": 1}])]),
        result(series=[point([{"min": 1e300, "max": 1, "count": 1}])]),
    ],
)
def test_an_answer_that_makes_no_sense_is_said_to(serve: Serve, given: tuple[Any, ...]) -> None:
    with pytest.raises(UnreadableError):
        ask(settings_at(serve(Vendor(*given).app)), "heatmap", WINDOW, None)


def test_a_heatmap_is_darker_where_more_is() -> None:
    start = WINDOW.start.isoformat()
    buckets = [{"min": 0, "max": 10, "count": 9}, {"min": 10, "max": 20, "count": 1}]
    series = ((start, {"HEATMAP(duration_ms)": buckets}),)
    grid = cells(series, WINDOW, rows=2, columns=10)
    assert grid is not None
    assert [row[0] for row in grid.shares] == [1.0, pytest.approx(1 / 9)]
    lines = list(heatmap(Answer(series=series), WINDOW))
    assert sum(line.count("█") for line in lines) == 1
    assert sum(line.count("░") for line in lines) == 1
    assert max(cell_len(line) for line in lines) <= 80


def test_a_question_of_ones_own(world: World) -> None:
    some_spans(world)
    own = ("--visualize", "MAX(duration_ms)", "--group-by", "service.name", "--where", "duration_ms > 4")
    lines = world.run("query", *own).stdout.splitlines()
    assert lines[0].split() == ["MAX(duration_ms)", "service.name"]
    assert [line.split()[0] for line in lines[1:]] == ["500", "10"]
    rows = json.loads(world.run("query", *own, "--service", "web", "--format", "json").stdout)["rows"]
    assert rows == [{"service.name": "web", "MAX(duration_ms)": 10}]


@pytest.mark.parametrize("arguments", [(), ("count", "--group-by", "name"), ("--where", "nothing")])
def test_one_question_is_asked(world: World, arguments: tuple[str, ...]) -> None:
    done = world.run("query", *arguments)
    assert done.returncode == 2
    assert "→" in done.stderr
