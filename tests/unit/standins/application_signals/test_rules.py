"""How spans become Application Signals' records: the rules of AWS's distro and of its agent, one by one."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.standins.application_signals.conftest import START_NS, Keep
from tests.unit.standins.application_signals.spans import (
    CLIENT,
    CONSUMER,
    INTERNAL,
    LOCAL,
    PRODUCER,
    REMOTE,
    SERVER,
    SpanRow,
    columns_of,
)
from threemaps.standins import aws
from threemaps.standins.application_signals.metrics import Question, SignalMetrics
from threemaps.standins.application_signals.records import Records, Window
from threemaps.standins.store import Store

HOUR = Window(START_NS // 10**6, START_NS // 10**6 + 3_600_000)
AT: dict[str, Any] = {"start_ns": START_NS}

# (service, operation) or (service, operation, callee) → calls
Drawn = dict[tuple[str, ...], int]


def drawn(store: Store, *, by_trace: bool = True) -> Drawn:
    sql = "SELECT service, operation, remote_service, sum(calls)::BIGINT FROM signals.minutes GROUP BY ALL"
    rows = Records(store, by_trace=by_trace).rows(HOUR, sql)
    return {tuple(name for name in row[:3] if name is not None): row[3] for row in rows}


def test_internal_spans_count_for_nothing_and_an_edge_has_its_entry_spans_operation(
    store: Store, keep: Keep
) -> None:
    server = SpanRow("shop", SERVER, name="GET /buy", **AT)
    inner = [server]
    for _ in range(70):
        inner.append(SpanRow("shop", INTERNAL, inner[-1], name="work", flags=LOCAL, **AT))
    keep(*inner, SpanRow("shop", CLIENT, inner[-1], peer_service="bank", flags=LOCAL, **AT))
    assert drawn(store) == {("shop", "GET /buy"): 1, ("shop", "GET /buy", "bank"): 1}


@pytest.mark.parametrize(
    ("parent", "flags", "span_kind", "is_root"),
    [
        (None, 0, None, True),
        (SpanRow("other", SERVER, **AT), 0, None, True),
        (SpanRow("other", SERVER, **AT), REMOTE, None, True),
        (SpanRow("job", SERVER, **AT), 0, None, False),
        (SpanRow("job", SERVER, **AT), LOCAL, None, False),
        (SpanRow("job", SERVER, **AT), REMOTE, None, True),
        (SpanRow("job", SERVER, **AT), LOCAL, "LOCAL_ROOT", True),
    ],
)
def test_a_local_root_counts_as_a_request_of_its_service(
    store: Store, keep: Keep, parent: SpanRow | None, flags: int, span_kind: str | None, is_root: bool
) -> None:
    keep(*filter(None, (parent, SpanRow("job", INTERNAL, parent, flags=flags, span_kind=span_kind, **AT))))
    assert (("job", "InternalOperation") in drawn(store)) is is_root


def test_messages_are_calls_of_whoever_takes_them_and_of_their_broker(store: Store, keep: Keep) -> None:
    kafka = {"messaging.system": "kafka"}
    producer = SpanRow("shop", PRODUCER, attributes=kafka, **AT)
    keep(producer, SpanRow("mails", CONSUMER, producer, attributes=kafka, **AT))
    operation = "InternalOperation"
    roots = {("shop", operation): 1, ("mails", operation): 1, ("mails", operation, "kafka"): 1}
    assert drawn(store) == roots | {("shop", operation, "mails"): 1}
    assert drawn(store, by_trace=False) == roots | {("shop", operation, "kafka"): 1}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ({"remote_service": "a", "peer_service": "b"}, "a"),
        ({"peer_service": "b", "attributes": {"rpc.service": "c"}}, "b"),
        ({"attributes": {"rpc.service": "c", "db.system": "d"}}, "c"),
        ({"attributes": {"rpc.system": "aws-api", "rpc.service": "S3"}}, "AWS::S3"),
        ({"attributes": {"db.system": "mysql", "server.address": "host"}}, "mysql"),
        ({"attributes": {"faas.invoked_name": "function"}}, "function"),
        ({"attributes": {"messaging.system": "kafka"}}, "kafka"),
        ({"attributes": {"graphql.operation.type": "query"}}, "graphql"),
        ({"attributes": {"net.peer.name": "host", "net.peer.port": 80}}, "host:80"),
        ({"attributes": {"server.address": "host", "server.port": 8443}}, "host:8443"),
        ({"attributes": {"http.url": "http://user@host:1/path"}}, "user@host:1"),
        ({"attributes": {"url.full": "https://host/path"}}, "host"),
        ({}, "UnknownRemoteService"),
    ],
)
def test_a_callee_without_spans_is_named_in_the_distros_order(
    store: Store, keep: Keep, words: dict[str, Any], name: str
) -> None:
    keep(SpanRow("shop", CLIENT, **AT, **words))
    assert ("shop", "InternalOperation", name) in drawn(store)


@pytest.mark.parametrize(
    ("status", "http_status", "fault", "error"),
    [
        (0, None, 0, 0),
        (2, None, 1, 0),
        (0, 200, 0, 0),
        (2, 200, 1, 0),
        (0, 404, 0, 1),
        (2, 404, 0, 1),
        (0, 500, 1, 0),
        (1, 599, 1, 0),
        (2, 600, 1, 0),
        (0, 399, 0, 0),
    ],
)
def test_faults_and_errors(
    store: Store, keep: Keep, status: int, http_status: int | None, fault: int, error: int
) -> None:
    keep(SpanRow("shop", status=status, http_status=http_status, **AT))
    sql = "SELECT faults, errors FROM signals.minutes"
    assert Records(store).rows(HOUR, sql) == [(fault, error)]


def test_a_span_that_comes_twice_counts_once_and_one_in_progress_not_at_all(store: Store, keep: Keep) -> None:
    once = SpanRow("shop", trace=1, span=77, took_ms=None, **AT)
    keep(once)
    assert drawn(store) == {}
    ended = SpanRow("shop", trace=1, span=77, received=5, **AT)
    keep(ended, ended)
    keep(SpanRow("shop", trace=2, span=77, **AT))
    assert drawn(store) == {("shop", "GET /api"): 2}


def test_names_that_no_dimension_can_have_draw_nothing_and_long_ones_are_cut(
    store: Store, keep: Keep
) -> None:
    keep(SpanRow("größe", **AT), SpanRow(" ", **AT), SpanRow("x" * 300, name="y" * 2_000, **AT))
    assert drawn(store) == {("x" * 255, "y" * 1_024): 1}


def test_beyond_500_names_an_hour_calls_are_counted_together(store: Store, keep: Keep) -> None:
    servers = [SpanRow("shop", name=f"GET /{number}", trace=number, **AT) for number in range(600)]
    keep(*servers)
    found = drawn(store)
    assert len(found) == 501
    assert found["shop", "AllOtherOperations"] == 100
    assert sum(found.values()) == 600


def test_a_trace_that_reaches_over_the_hour_is_still_joined(store: Store, keep: Keep) -> None:
    early = {"start_ns": START_NS - 10**9}
    client = SpanRow("shop", CLIENT, peer_service="10.0.0.7", took_ms=1_500.0, **early)
    keep(client, SpanRow("bank", SERVER, client, took_ms=1.0, **early))
    assert drawn(store) == {("shop", "InternalOperation"): 1, ("shop", "InternalOperation", "bank"): 1}


def test_parents_in_a_circle_end(store: Store, keep: Keep) -> None:
    first = SpanRow("shop", INTERNAL, SpanRow("shop", span=902), span=901, flags=LOCAL, **AT)
    second = SpanRow("shop", INTERNAL, first, span=902, flags=LOCAL, **AT)
    keep(first, second, SpanRow("shop", CLIENT, second, peer_service="bank", flags=LOCAL, **AT))
    assert drawn(store) == {("shop", "UnknownOperation", "bank"): 1}


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0.001, 1e5), st.integers(0, 59)), min_size=1, max_size=40), st.data())
def test_statistics_are_those_of_all_values(values: Sequence[tuple[float, int]], data: st.DataObject) -> None:
    percent = data.draw(st.sampled_from([0.0, 1.0, 50.0, 95.0, 99.9, 100.0]))
    period = data.draw(st.sampled_from([60_000, 300_000, 3_600_000]))
    spans = [
        SpanRow("shop", start_ns=START_NS + minute * 60 * 10**9, took_ms=took % 5_000, trace=number)
        for number, (took, minute) in enumerate(values)
    ]
    store = Store(":memory:", aws.SCHEMA)
    store.append("spans", columns_of(spans))
    question = Question("Latency", (("Environment", "generic:default"), ("Service", "shop")), period, percent)
    (points,) = SignalMetrics(Records(store)).points([question], HOUR.start_ms, HOUR.end_ms)
    store.close()
    expected: dict[int, list[float]] = {}
    for span in spans:
        end = span.start_ns + round((span.took_ms or 0) * 1e6)
        slot = end // 60_000_000_000 * 60_000 // period * period
        expected.setdefault(slot, []).append((end - span.start_ns) / 1e6)
    assert [point.start_ms for point in points] == sorted(expected)
    for point in points:
        held = sorted(expected[point.start_ms])
        assert (point.count, point.least, point.most) == (len(held), held[0], held[-1])
        assert point.total == pytest.approx(sum(held))
        at_least = next(one for place, one in enumerate(held, 1) if place * 100 >= percent * len(held))
        assert point.percentile == at_least
