"""Something is broken for real, and the report names it, with what shows it and what to do."""

import json
import random
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.collector_process import wait_for
from tests.system.bench import Bench, bench_in
from tests.system.trees import CLIENT, MS, SERVER, Forest, Span
from threemaps.diagnose.collector import read_collector
from threemaps.settings import LOCAL_CONFIGURATION_KEY, LOCAL_INGEST_KEY

pytestmark = pytest.mark.system

CALLS = 8


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench_in(tmp_path / "state", monkeypatch) as running:
        yield running


def calls(
    caller: str = "a",
    callee: str = "b",
    *,
    age: float = 0.5,
    ahead: float = 0.0,
    words: dict[str, Any] | None = None,
) -> list[tuple[str, Span]]:
    """Calls from outside to one service, and from there to another, whose clock may be ahead."""
    forest, caller, callee = Forest(random.Random(1), []), "a", "b"
    start = time.time_ns() - int(age * 1000) * MS
    for _ in range(CALLS):
        trace = int(time.time()).to_bytes(4, "big") + secrets.token_bytes(12)
        root = forest.span(trace, caller, SERVER, b"", start, 300)
        call = forest.span(
            trace, caller, CLIENT, root.span_id, start + MS, 200, {"url.full": f"http://{callee}:81/"}
        )
        forest.span(trace, callee, SERVER, call.span_id, start + 2 * MS + int(ahead * 1000) * MS, 100, words)
    return forest.spans


def of(service: str, spans: list[tuple[str, Span]]) -> list[tuple[str, Span]]:
    return [one for one in spans if one[0] == service]


def caused(told: dict[str, Any], backend: str, words: str) -> list[dict[str, Any]]:
    """The differences in which this backend diverges for this reason; each has evidence or advice."""
    found = [one for one in told["differences"] if backend in one["diverging"] and words in one["cause"]]
    assert found, f"{backend}: no cause like {words!r} in {json.dumps(told['differences'], indent=1)}"
    return found


def unexpected(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in told["differences"] if not one["expected"]]


def test_a_rejected_ingest_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"HONEYCOMB_API_KEY": "wrong-key", "HONEYCOMB_CONFIGURATION_KEY": LOCAL_CONFIGURATION_KEY}
    with bench_in(tmp_path / "state", monkeypatch, THREEMAPS_BACKENDS="honeycomb", **keys) as bench:
        bench.send(calls())
        bench.wait_for_call("xray", "a", "b", CALLS)
        bench.wait_for_call("cloudwatch", "a", "b", CALLS)
        bench.wait_for_backlog("honeycomb")
        told = bench.compare()
    assert told["agree"] is False
    for one in caused(told, "honeycomb", "rejects the key"):
        assert "HONEYCOMB_API_KEY" in one["advice"]
        assert any("unknown API key" in line or "401" in line for line in one["evidence"])
    assert "wrong-key" not in json.dumps(told)


@pytest.mark.parametrize("key", ["wrong-key", LOCAL_INGEST_KEY])
def test_a_key_that_may_not_read_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    keys = {"HONEYCOMB_API_KEY": LOCAL_INGEST_KEY, "HONEYCOMB_CONFIGURATION_KEY": key}
    with bench_in(tmp_path / "state", monkeypatch, THREEMAPS_BACKENDS="honeycomb", **keys) as bench:
        bench.send(calls())
        bench.wait_for_call("xray", "a", "b", CALLS)
        bench.wait_for_call("cloudwatch", "a", "b", CALLS)
        told = bench.compare()
    assert told["maps"]["honeycomb"] is None
    (unreadable,) = unexpected(told)
    assert (unreadable["kind"], unreadable["not_in"]) == ("unreadable", ["honeycomb"])
    assert "key" in unreadable["cause"]
    assert (
        "Read Service Maps" in unreadable["advice"] or "HONEYCOMB_CONFIGURATION_KEY" in unreadable["advice"]
    )
    edges = [
        {(e["source"], e["target"], e["requests"]) for e in told["maps"][name]["edges"]}
        for name in ("xray", "cloudwatch")
    ]
    assert edges[0] == edges[1] == {("outside", "a", CALLS), ("a", "b", CALLS)}


@pytest.mark.parametrize("backend", ["honeycomb", "xray"])
def test_an_export_path_that_is_down_has_a_backlog_and_drains(bench: Bench, backend: str) -> None:
    bench.answers[backend] = 503
    bench.send(calls())
    for other in ("honeycomb",) if backend == "xray" else ("xray", "cloudwatch"):
        bench.wait_for_call(other, "a", "b", CALLS)
    bench.wait_for_backlog(backend)
    told = bench.compare()
    assert told["agree"] is False
    for one in caused(told, backend, "still draining"):
        assert "bytes" in one["evidence"][0]
        assert "doctor" in one["advice"]
    bench.answers.clear()
    bench.wait_for_call(backend, "a", "b", CALLS)
    assert bench.compare()["agree"] is True


def test_a_clock_that_is_a_minute_ahead(bench: Bench) -> None:
    bench.send(calls(ahead=60))
    bench.wait_for_call("cloudwatch", "a", "b", CALLS)
    wait_for(lambda: not read_collector(bench.settings).paths["xray"].queued)
    told = bench.compare()
    assert told["agree"] is False
    found = caused_by(told, "the clock of b is 60 s ahead")
    # CloudWatch counts the caller's spans; Honeycomb draws no callee without its own.
    assert {name for one in found for name in one["diverging"]} == {"xray"}


def caused_by(told: dict[str, Any], words: str) -> list[dict[str, Any]]:
    found = [one for one in told["differences"] if words in one["cause"]]
    assert found, json.dumps(told["differences"], indent=1)
    return found


def test_spans_that_x_ray_took_and_does_not_hold(bench: Bench) -> None:
    """As where it refuses them inside an answer of 200."""
    spans = calls()
    bench.send_past("xray", of("b", spans))
    bench.send(of("a", spans))
    bench.wait_for_call("honeycomb", "a", "b", CALLS)
    bench.wait_for_call("xray", "outside", "a", CALLS)
    told = bench.compare()
    assert told["agree"] is False
    for one in caused(told, "xray", "X-Ray lacks spans of these calls that Honeycomb holds"):
        assert any("is whole in Honeycomb and not in X-Ray" in line for line in one["evidence"])
        assert "200 kB" in one["advice"]


def test_a_span_too_large_for_x_ray_is_drawn(bench: Bench) -> None:
    """X-Ray refuses the request with it, and takes it with its texts cut."""
    bench.send(calls(words={"app.large": "x" * 210_000}))
    for backend in ("honeycomb", "xray", "cloudwatch"):
        bench.wait_for_call(backend, "a", "b", CALLS)
    assert bench.compare()["agree"] is True


def test_spans_that_come_twice_are_counted_once(bench: Bench) -> None:
    spans = calls()
    bench.send(spans)
    bench.send(spans)
    for backend in ("honeycomb", "xray", "cloudwatch"):
        bench.wait_for_call(backend, "a", "b", CALLS)
    told = bench.compare()
    assert told["agree"] is True
    assert {calls_of(found, "a", "b") for found in told["maps"].values()} == {CALLS}


def calls_of(found: dict[str, Any], source: str, target: str) -> int:
    return sum(e["requests"] for e in found["edges"] if (e["source"], e["target"]) == (source, target))


def test_a_service_without_instrumentation(bench: Bench) -> None:
    """It is an address in two maps and nothing in the third, which is as it should be."""
    bench.send(of("a", calls()))
    bench.wait_for_call("cloudwatch", "a", "b", CALLS)
    bench.wait_for_call("xray", "a", "b", CALLS)
    told = bench.compare()
    assert told["agree"] is True
    assert caused(told, "honeycomb", "b answered no such call with spans of its own")
    assert caused(told, "honeycomb", "Honeycomb draws no node for callers from outside")


def test_a_backend_that_takes_everything_and_shows_nothing(bench: Bench) -> None:
    bench.answers["honeycomb"] = 200
    bench.send(calls())
    bench.wait_for_call("xray", "a", "b", CALLS)
    bench.wait_for_call("cloudwatch", "a", "b", CALLS)
    told = bench.compare()
    assert told["agree"] is False
    for one in caused(told, "honeycomb", "Honeycomb holds nothing at all of this window"):
        assert "doctor" in one["advice"]


def test_no_data_is_said_with_what_to_do(bench: Bench) -> None:
    told = bench.compare()
    assert told["agree"] is True
    assert all(found == {"nodes": [], "edges": []} for found in told["maps"].values())
    assert any("threemaps doctor" in note for note in told["notes"])
