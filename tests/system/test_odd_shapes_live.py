"""Traces of shapes that nobody prepared for, on the live system: no difference without its true cause."""

import json
import random
import secrets
import time
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from tests.collector_process import wait_for
from tests.system.bench import Bench, bench_in
from tests.system.trees import CLIENT, CONSUMER, INTERNAL, MS, PRODUCER, SERVER, Forest, Span
from threemaps.diagnose import shapes
from threemaps.diagnose.collector import read_collector
from threemaps.model.drawing import SHAPES

pytestmark = [pytest.mark.system, pytest.mark.long]

KINDS = (INTERNAL, SERVER, SERVER, CLIENT, CLIENT, CLIENT, PRODUCER, CONSUMER)
REMOTE_PARENT = 0x301  # the flags of a span whose parent is in another process
TRACES = 90
SEEDS = (1, 2)

Spans = list[tuple[str, Span]]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench_in(tmp_path / "state", monkeypatch) as running:
        yield running


def new_trace() -> bytes:
    return int(time.time()).to_bytes(4, "big") + secrets.token_bytes(12)


def any_trace(forest: Forest, services: list[str]) -> None:
    """Spans of any kind below spans of any kind, of any service, some below one that never comes."""
    chance, trace, start = forest.chance, new_trace(), time.time_ns() - 800 * MS
    held: Spans = []
    for number in range(chance.randint(1, 8)):
        kind, service = chance.choice(KINDS), chance.choice(services)
        above = chance.choice(held) if held else None
        parent = above[1].span_id if above else chance.choice((b"", b"", secrets.token_bytes(8)))
        words: dict[str, Any] = {"url.full": "http://gone.example:81/"} if kind == CLIENT else {}
        words |= {"messaging.system": "kafka"} if kind == PRODUCER else {}
        span = forest.span(trace, service, kind, parent, start + number * MS, 200, words)
        if above and above[0] != service and chance.random() < 0.3:
            span.flags = REMOTE_PARENT
        span.status.code = chance.choice((0, 0, 2))
        held.append((service, span))


def the_last_call(forest: Forest) -> None:
    """When CloudWatch draws it, it has drawn all that came before it."""
    words = {"url.full": "http://gone.example:81/"}
    forest.span(new_trace(), "last", CLIENT, b"", time.time_ns() - 100 * MS, 50, words)


def send_and_wait(bench: Bench, forest: Forest) -> None:
    bench.send(forest.spans)
    marker = Forest(forest.chance, [])
    the_last_call(marker)
    bench.send(marker.spans)
    for backend in ("cloudwatch", "xray"):
        bench.wait_for_call(backend, "last", "gone.example:81")
    wait_for(lambda: not any(leg.queued for leg in read_collector(bench.settings).paths.values()))


@pytest.mark.parametrize("seed", SEEDS)
def test_traces_of_any_shape(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    odd = Forest(chance, [])
    for _ in range(TRACES):
        any_trace(odd, [f"odd-{number}" for number in range(chance.choice((2, 4, 9)))])
    plain = Forest(chance, [f"plain-{number}" for number in range(4)], remotes=False, messages=False).grow(10)
    odd.spans += plain.spans
    send_and_wait(bench, odd)
    for pair in combinations(("honeycomb", "xray", "cloudwatch"), 2):
        assert bench.compare(*pair)["agree"], pair
    told = bench.compare()
    unexpected = [one for one in told["differences"] if not one["expected"]]
    assert told["agree"], json.dumps(unexpected, indent=1)
    shaped = {one["cause"] for one in told["differences"] if one["advice"]}
    assert shaped <= {shape.cause for shape in SHAPES}
    for backend, drawn in told["maps"].items():
        edges = {
            ((one["source"], one["source_kind"]), (one["target"], one["target_kind"])): (
                one["requests"],
                one["errors"],
            )
            for one in drawn["edges"]
            if one["target"].startswith("plain-")
        }
        assert edges == plain.truth.drawn_by(backend), backend


def test_each_shape_is_named(bench: Bench) -> None:
    """One trace a shape, and the edge on which the maps differ."""
    forest, words = Forest(random.Random(1), []), {"url.full": "http://gone.example:81/"}

    def add(service: str, kind: Any, above: Span | bytes = b"", trace: bytes = b"") -> Span:
        parent = above.span_id if isinstance(above, Span) else above
        own = above.trace_id if isinstance(above, Span) else trace or new_trace()
        more = words if kind == CLIENT else {}
        return forest.span(own, service, kind, parent, time.time_ns() - 500 * MS, 100, more)

    add("browsed", SERVER, secrets.token_bytes(8))
    add("called", SERVER, add("half", CLIENT, secrets.token_bytes(8)))
    add("inner", SERVER, add("outer", SERVER))
    message = add("sender", PRODUCER, add("sender", SERVER))
    for reader in ("reader", "other-reader"):
        add(reader, CONSUMER, message)
    add("task", INTERNAL, add("starter", SERVER))
    flagged = add("flagged", INTERNAL, add("caller", CLIENT, add("caller", SERVER)))
    flagged.flags = REMOTE_PARENT
    send_and_wait(bench, forest)
    told = bench.compare()
    assert told["agree"], json.dumps(told["differences"], indent=1)
    for source, target, shape in (
        ("half", "called", shapes.CALLER_WITHOUT_ENTRY),
        ("outer", "inner", shapes.NO_CLIENT_SPAN),
        ("starter", "task", shapes.NO_SERVER_SPAN),
    ):
        found = [one for one in told["differences"] if (one["source"], one["target"]) == (source, target)]
        assert shape.cause in {one["cause"] for one in found}, json.dumps(found, indent=1)
    shared = [one for one in told["differences"] if one["source"] == "sender" and one["target"]]
    assert [one["cause"] for one in shared] == [shapes.SHARED_CLIENT_SPAN.cause]
    assert not [
        one for one in told["differences"] if one["target"] == "flagged" and one["odd"] != ["honeycomb"]
    ]


def test_a_fault_is_one_whether_the_span_is_marked_or_not(bench: Bench) -> None:
    """Each side of a call with any status, marked or not: X-Ray and CloudWatch count the same."""
    forest = Forest(random.Random(1), [])
    codes = (0, 200, 404, 429, 503)
    for client, server, marked, failed in product(codes, codes, (0, 2), (0, 2)):
        trace, start = new_trace(), time.time_ns() - 500 * MS
        root = forest.span(trace, "a", SERVER, b"", start, 300)
        caller = f"{client}-{marked}-{failed}"
        told = {"http.response.status_code": client} if client else {}
        call = forest.span(trace, caller, CLIENT, b"", start, 200, {"url.full": "http://b:81/", **told})
        call.parent_span_id = forest.span(trace, caller, SERVER, root.span_id, start, 250).span_id
        words = {"http.response.status_code": server} if server else {}
        served = forest.span(trace, "b", SERVER, call.span_id, start + 2 * MS, 100, words)
        call.status.code, served.status.code = marked, failed
    send_and_wait(bench, forest)
    assert not [one for one in bench.compare("xray", "cloudwatch")["differences"] if one["kind"] == "errors"]
