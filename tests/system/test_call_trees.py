"""Services that nobody prepared for: each map has exactly the true edges, calls and faults."""

import json
import random
import secrets
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.component.collector.sending import segment, send_segment, trace_id
from tests.running import System
from tests.system.drawing import check
from tests.system.trees import (
    CLIENT,
    CONSUMER,
    INTERNAL,
    MS,
    OUTSIDE,
    PRODUCER,
    SERVER,
    Forest,
    batches,
    request_of,
    send,
)

pytestmark = pytest.mark.system


def prefix_of_its_own() -> str:
    return f"{secrets.token_hex(4)}-"


@settings(
    max_examples=6,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # a map that stays wrong takes a minute: nothing to look for smaller ones with
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**32),
    services=st.integers(1, 60),
    traces=st.integers(1, 8),
    depth=st.integers(0, 6),
    fan_out=st.integers(1, 3),
    error_rate=st.sampled_from((0.0, 0.1, 0.5, 1.0)),
    size=st.sampled_from((1, 7, 50, 5000)),
)
def test_any_tree_of_services_is_drawn_as_it_is(
    system: System,
    seed: int,
    services: int,
    traces: int,
    depth: int,
    fan_out: int,
    error_rate: float,
    size: int,
) -> None:
    chance, prefix = random.Random(seed), prefix_of_its_own()
    names = [f"{prefix}{number}" for number in range(services)]
    forest = Forest(
        chance, names, remotes=False, error_rate=error_rate, depth=depth, fan_out=fan_out, limit=600
    ).grow(traces)
    send(system.settings.url("otlp_http"), batches(chance, forest.spans, size))
    check(system.settings, prefix, forest.truth.drawn_by)


@pytest.fixture(scope="module", params=[2, pytest.param(60, marks=pytest.mark.long)])
def large(system: System, request: pytest.FixtureRequest) -> tuple[str, Forest]:
    """Of so many services, and callees without spans."""
    chance, prefix = random.Random(request.param), prefix_of_its_own()
    names = [f"{prefix}{number}" for number in range(request.param)]
    forest = Forest(chance, names, limit=2_000).grow(40)
    send(system.settings.url("otlp_http"), batches(chance, forest.spans, 100))
    return prefix, forest


def test_callees_without_spans_are_drawn_by_their_address(system: System, large: tuple[str, Forest]) -> None:
    prefix, forest = large
    assert len(forest.truth.calls) > 3
    check(system.settings, prefix, forest.truth.drawn_by)


def test_the_report_agrees_on_trees_of_every_shape(system: System, large: tuple[str, Forest]) -> None:
    prefix, forest = large
    told = system.compare("--since", "10m", "--service", f"{prefix}*")
    assert told["agree"], json.dumps(told["differences"], indent=1)
    drawn_edges = {(edge["source"], edge["target"]) for edge in told["maps"]["xray"]["edges"]}
    assert {(source[0], target[0]) for source, target in forest.truth.calls} <= drawn_edges


def service(name: str) -> tuple[str, str]:
    return name, "service"


FROM_OUTSIDE = (OUTSIDE, "outside")


def test_what_starts_on_its_own_is_called_from_outside(system: System) -> None:
    """A script, a job and a worker without a known sender: two maps draw a caller from outside."""
    prefix = prefix_of_its_own()
    forest = Forest(random.Random(1), [])
    start = time.time_ns() - 500 * MS
    for name, kind in (("script", CLIENT), ("job", INTERNAL), ("worker", CONSUMER), ("sender", PRODUCER)):
        trace = int(time.time()).to_bytes(4, "big") + secrets.token_bytes(12)
        outer = forest.span(trace, prefix + name, kind, b"", start, 300)
        inner = outer
        if kind in (INTERNAL, CONSUMER):
            inner = forest.span(trace, prefix + name, CLIENT, outer.span_id, start + MS, 200)
        callee = CONSUMER if kind == PRODUCER else SERVER
        forest.span(trace, f"{prefix}callee", callee, inner.span_id, start + 2 * MS, 100)
        forest.truth.count(FROM_OUTSIDE, service(prefix + name), False)
        forest.truth.count(service(prefix + name), service(f"{prefix}callee"), False)
    send(system.settings.url("otlp_http"), [request_of(forest.spans)])
    check(system.settings, prefix, forest.truth.drawn_by)


@pytest.mark.parametrize("mixed", [False, True])
def test_segments_of_an_xray_sdk_draw_the_same_maps(system: System, mixed: bool) -> None:
    """As aws-xray-sdk sends them, to the daemon's port; mixed, the callees are OpenTelemetry's."""
    prefix, forest = prefix_of_its_own(), Forest(random.Random(1), [])
    edge, middle, leaf = (f"{prefix}{name}" for name in ("edge", "middle", "leaf"))
    for number in range(10):
        trace, status = trace_id(), 503 if number % 5 == 0 else 200
        fault = {"fault": True} if status == 503 else {}
        answered = {"response": {"status": status}}

        def called(host: str, trace: str = trace, **more: Any) -> dict[str, Any]:
            http = {"request": {"method": "GET", "url": f"http://{host}:8000/x"}, **more.pop("http", {})}
            found = segment(host, trace, namespace="remote", http=http, **more)
            found.pop("trace_id")
            return found

        outer = called("middle.internal", http=answered, **fault)
        gone = called("gone.example", fault=True, cause={"exceptions": [{"id": "00" * 8, "message": "no"}]})
        inner = called("leaf.internal", http={"response": {"status": 200}})
        root = segment(
            edge,
            trace,
            http={"request": {"method": "GET", "url": "http://edge/"}, **answered},
            subsegments=[outer, gone],
            **fault,
        )
        forest.truth.count(FROM_OUTSIDE, service(edge), status == 503)
        forest.truth.count(service(edge), service(middle), status == 503)
        forest.truth.count(service(edge), ("gone.example:8000", "remote"), True)
        forest.truth.count(service(middle), service(leaf), False)
        between = segment(middle, trace, parent_id=outer["id"], http=answered, subsegments=[inner], **fault)
        segments = [root] if mixed else [root, between]
        parent = bytes.fromhex(inner["id"])
        start = time.time_ns() - 15 * MS
        if mixed:
            words = {"http.request.method": "GET", "http.response.status_code": status}
            own = forest.span(
                bytes.fromhex(trace), middle, SERVER, bytes.fromhex(outer["id"]), start, 4, words
            )
            own.status.code = 2 if status == 503 else 0
            parent = forest.span(bytes.fromhex(trace), middle, CLIENT, own.span_id, start, 3).span_id
            forest.span(bytes.fromhex(trace), leaf, SERVER, parent, start, 2)
        else:
            segments.append(segment(leaf, trace, parent_id=inner["id"], http={"response": {"status": 200}}))
        for one in segments:
            send_segment(system.settings.ports["xray"], one)
    send(system.settings.url("otlp_http"), [request_of(forest.spans)])
    check(system.settings, prefix, forest.truth.drawn_by)
