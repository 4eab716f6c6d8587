"""Spans by OTLP, the same as segment documents, and some of each: one map, and the obvious way's map."""

import random
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.system.trees import (
    CLIENT,
    CONSUMER,
    INTERNAL,
    MS,
    PRODUCER,
    SERVER,
    Forest,
    Span,
    attributes,
    batches,
    request_of,
)
from tests.unit.standins.xray import reference
from threemaps.standins import aws
from threemaps.standins.spans.endpoint import TracesEndpoint
from threemaps.standins.spans.reading import read_traces
from threemaps.standins.store import Store
from threemaps.standins.xray.graph import Graph, Window, derive
from threemaps.standins.xray.ingest import Ingest
from threemaps.standins.xray.traces import documents_of

KINDS = (INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER, 0)
WORDS: tuple[dict[str, Any], ...] = (
    {},
    {"peer.service": "pay.example"},
    {"peer.service": "pay", "aws.remote.service": "pay:8443", "aws.remote.operation": "POST /pay"},
    {"aws.local.service": "inner", "aws.span.kind": "LOCAL_ROOT"},
    {"http.status_code": 429},
    {"http.response.status_code": 503, "http.url": "http://a/b"},
    {"rpc.system": "grpc", "rpc.service": "a.B"},
    {"net.peer.name": "mail.example"},
)
# Calls whose nodes have a type of their own.
TYPED: tuple[dict[str, Any], ...] = (
    {"rpc.system": "aws-api", "rpc.service": "DynamoDB", "aws.table_name": "carts"},
    {"rpc.system": "aws-api"},
    {"aws.service": "SQS", "aws.queue_url": "https://x/1/mails"},
    {"db.system": "postgresql", "db.name": "orders", "db.connection_string": "postgresql://db:5432/orders"},
    {"db.system": "redis"},
)


@pytest.fixture(scope="module")
def shared_store() -> Iterator[Store]:
    """One for all examples: each has traces of its own."""
    store = Store(":memory:", aws.SCHEMA)
    yield store
    store.close()


def strange_spans(chance: random.Random, words: tuple[dict[str, Any], ...]) -> list[tuple[str, Span]]:
    """Traces as instrumentation would make them, with spans of any kind below any other, unfinished too."""
    forest = Forest(chance, ["a", "b", "c"], limit=25).grow(chance.randint(1, 3))
    for _ in range(chance.randint(0, 12)):
        _, above = chance.choice(forest.spans)
        parent = chance.choice((above.span_id, above.span_id, b"", chance.randbytes(8)))
        span = forest.span(above.trace_id, chance.choice("abcd"), chance.choice(KINDS), parent, now(), 50)
        span.attributes.extend(attributes(chance.choice(words)))
        span.flags = chance.choice((0, 0x1, 0x101, 0x301))
        span.status.code = chance.choice((0, 1, 2))
        if chance.random() < 0.2:
            span.attributes.add(key="aws.xray.inprogress").value.bool_value = True
    return forest.spans


def now() -> int:
    return time.time_ns() // MS * MS - 500 * MS


def take(store: Store, bodies: Iterator[bytes]) -> None:
    endpoint = TracesEndpoint(store, lambda: True)
    for body in bodies:
        assert endpoint.take(body).rejected == []


def put(store: Store, documents: list[dict[str, Any]]) -> None:
    texts = [orjson.dumps(document).decode() for document in documents]
    for first in range(0, len(texts), 50):
        answer = Ingest(store).put_trace_segments({"TraceSegmentDocuments": texts[first : first + 50]})
        assert answer == {"UnprocessedTraceSegments": []}


def keys_of(spans: list[tuple[str, Span]]) -> list[tuple[int, int]]:
    return list({(int.from_bytes(span.trace_id[:8]), int.from_bytes(span.trace_id[8:])) for _, span in spans})


def documents_in(store: Store, spans: list[tuple[str, Span]]) -> list[dict[str, Any]]:
    found = read_traces(store, keys_of(spans))
    return [document for records in found.values() for document in documents_of(records)]


def told(graph: Graph) -> dict[Any, Any]:
    return {
        edge: (one.total, one.faults, one.errors, one.throttles, one.histogram)
        for edge, one in graph.edges.items()
    }


@settings(max_examples=40, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_spans_give_what_their_documents_give_the_obvious_way(
    shared_store: Store, chance: random.Random
) -> None:
    spans = strange_spans(chance, WORDS)
    again = spans + chance.choices(spans, k=len(spans) // 2)
    take(shared_store, batches(chance, again, chance.randint(1, 40)))
    graph = derive(shared_store, Window(), keys_of(spans))
    calls, faults = reference.edges_of(documents_in(shared_store, spans))
    assert {edge: one.total for edge, one in graph.edges.items()} == dict(calls)
    assert {edge: one.faults for edge, one in graph.edges.items()} == dict(faults)


@settings(max_examples=40, deadline=None)
@given(chance=st.randoms(use_true_random=False), share=st.sampled_from((0.0, 0.5)))
def test_documents_and_spans_mixed_give_the_same_graph(
    shared_store: Store, chance: random.Random, share: float
) -> None:
    """`share` of the spans come by OTLP, the others as the documents that X-Ray makes of them."""
    spans = strange_spans(chance, WORDS + TYPED)
    take(shared_store, batches(chance, spans, 20))
    by_otlp = derive(shared_store, Window(), keys_of(spans))
    kept = [one for one in spans if chance.random() < share]
    sent = {one.span_id.hex() for _, one in kept}
    made_for = {one.span_id.hex() for _, one in spans} - sent
    documents = documents_in(shared_store, spans)
    # The segment made around a call goes where the call goes.
    parents = {one["id"]: one.get("parent_id") for one in documents}
    made = {parents[name] for name in made_for if parents[name] not in made_for | sent}
    other = Store(":memory:", aws.SCHEMA)
    put(other, [one for one in documents if one["id"] in made_for or one["id"] in made])
    if kept:
        take(other, iter([request_of(kept)]))
    assert told(derive(other, Window(), keys_of(spans))) == told(by_otlp)
    other.close()
