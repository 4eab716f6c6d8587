"""Traces of shapes that nobody prepared for, on the live system: no difference without its true cause."""

import json
import random
import secrets
import time
from collections.abc import Callable, Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from tests.collector_process import wait_for
from tests.system.bench import Bench, bench_in
from tests.system.trees import CLIENT, CONSUMER, INTERNAL, MS, PRODUCER, SERVER, Forest, Span
from threemaps.diagnose import shapes
from threemaps.diagnose.collector import read_collector

pytestmark = [pytest.mark.system, pytest.mark.long]

KINDS = (INTERNAL, SERVER, SERVER, CLIENT, CLIENT, CLIENT, PRODUCER, CONSUMER)
CALLEES: tuple[dict[str, Any], ...] = (
    {"url.full": "http://gone.example:81/"},
    {"http.url": "https://api.example/x"},
    {"db.system": "postgresql", "server.address": "db.example"},
    {"rpc.system": "grpc", "rpc.service": "a.B", "server.address": "grpc.example"},
    {},
)
LOCAL_PARENT = 0x101
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


def any_call(forest: Forest, services: list[str]) -> None:
    """As `any_trace`, with whatever a span may say: names of callees, statuses, flags."""
    chance, trace, start = forest.chance, new_trace(), time.time_ns() - 800 * MS
    held: Spans = []
    for number in range(chance.randint(1, 9)):
        kind, service = chance.choice(KINDS), chance.choice(services)
        above = chance.choice(held) if held and chance.random() > 0.05 else None
        parent = above[1].span_id if above else chance.choice((b"", b"", b"", secrets.token_bytes(8)))
        words: dict[str, Any] = dict(chance.choice(CALLEES)) if kind == CLIENT else {}
        if kind == CLIENT and chance.random() < 0.2:
            words = {"peer.service": chance.choice(services)}
        if kind in (PRODUCER, CONSUMER) and chance.random() < 0.7:
            words = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
        if kind != INTERNAL and chance.random() < 0.5:
            words["http.response.status_code"] = chance.choice((200, 404, 503))
        ms = chance.choice((1, 50, 200))
        span = forest.span(trace, service, kind, parent, start + number * MS, ms, words)
        is_other = above is not None and above[0] != service
        span.flags = chance.choice((0, REMOTE_PARENT if is_other else LOCAL_PARENT)) if above else 0
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
@pytest.mark.parametrize("make", [any_trace, any_call])
def test_traces_of_any_shape(bench: Bench, make: Callable[[Forest, list[str]], None], seed: int) -> None:
    chance = random.Random(seed)
    odd = Forest(chance, [])
    for _ in range(TRACES):
        make(odd, [f"odd-{number}" for number in range(chance.choice((2, 4, 9)))])
    plain = Forest(chance, [f"plain-{number}" for number in range(4)], remotes=False, messages=False).grow(10)
    odd.spans += plain.spans
    send_and_wait(bench, odd)
    for pair in combinations(("honeycomb", "xray", "cloudwatch"), 2):
        assert bench.compare(*pair)["agree"], pair
    told = bench.compare()
    unexpected = [one for one in told["differences"] if not one["expected"]]
    assert told["agree"], json.dumps(unexpected, indent=1)
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
        one for one in told["differences"] if one["target"] == "flagged" and one["diverging"] != ["honeycomb"]
    ]


def test_a_fault_that_only_one_side_saw(bench: Bench) -> None:
    """Each side of a call with any status, marked or not: only the caller's counts in CloudWatch."""
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
    told = bench.compare("xray", "cloudwatch")
    causes = {one["cause"] for one in told["differences"] if one["kind"] == "errors"}
    assert told["agree"], json.dumps(told["differences"], indent=1)
    assert causes == {shapes.ONE_SIDE_FAILED.cause}
