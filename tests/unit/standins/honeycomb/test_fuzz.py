"""Bodies that nobody should send: refused as Honeycomb refuses them, and nothing that was taken is lost."""

import gzip
import random
import zlib
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import zstandard
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.standins.honeycomb.conftest import CONFIGURATION, INGEST, PLENTY, PROTOBUF, ready
from tests.unit.standins.honeycomb.spans import Call, request_of
from threemaps.standins.honeycomb.urls import SCHEMA, create_app
from threemaps.standins.otlp_messages import LogsRequest, TraceRequest
from threemaps.standins.store import Store

JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Encoding": "gzip"}
ZSTD = {"Content-Encoding": "zstd"}
GOOD = request_of([Call("a", 1), Call("b", 2, 1)]).SerializeToString()


def varint(number: int) -> bytes:
    return bytes((number & 127 | 128,)) + varint(number >> 7) if number > 127 else bytes((number,))


def deep_attribute(depth: int) -> bytes:
    """A KeyValue whose value is a list in a list in a list …"""
    value = b""
    for _ in range(depth):
        for tag in (b"\x0a", b"\x2a"):
            value = tag + varint(len(value)) + value
    return b"\x0a\x01k\x12" + varint(len(value)) + value


def span_with(attribute: bytes) -> bytes:
    request = TraceRequest()
    request.resource_spans.add().scope_spans.add().spans.add().attributes.append(attribute)
    return bytes(request.SerializeToString())


def record_with(attribute: bytes) -> bytes:
    request = LogsRequest()
    request.resource_logs.add().scope_logs.add().log_records.add().attributes.append(attribute)
    return bytes(request.SerializeToString())


BROKEN_ATTRIBUTES = {
    "deep": deep_attribute(400),
    "cut short": b"\x0a\x05k",
    "not UTF-8": b"\x0a\x01k\x12\x03\x0a\x01\xff",
}
BODIES: dict[str, tuple[bytes, dict[str, str], int]] = {
    "broken protobuf": (b"\xff\xff\xff", PROTOBUF, 400),
    "half a protobuf": (GOOD[: len(GOOD) // 2], PROTOBUF, 400),
    "text as protobuf": (b"hello there", PROTOBUF, 400),
    "no JSON": (b"{", JSON, 400),
    "empty JSON": (b"", JSON, 400),
    "a JSON list": (b"[]", JSON, 400),
    "deep JSON": (b"[" * 100_000 + b"]" * 100_000, JSON, 400),
    "nested JSON": (b'{"a":' * 300 + b"1" + b"}" * 300, JSON, 400),
    "Latin-1 JSON": ('{"a": "é"}'.encode("latin-1"), JSON, 400),
    "a lone surrogate": (b'{"a": "\\ud800"}', JSON, 400),
    "not gzip": (GOOD, PROTOBUF | GZIP, 400),
    "half a gzip": (gzip.compress(GOOD)[:20], PROTOBUF | GZIP, 400),
    "gzip and more": (gzip.compress(GOOD) + b"more", PROTOBUF | GZIP, 400),
    "zlib as gzip": (zlib.compress(GOOD), PROTOBUF | GZIP, 400),
    "a gzip bomb": (gzip.compress(bytes(60_000_000)), PROTOBUF | GZIP, 413),
    "not zstd": (GOOD, PROTOBUF | ZSTD, 400),
    "half a zstd": (zstandard.compress(GOOD)[:-5], PROTOBUF | ZSTD, 400),
    "a zstd bomb": (zstandard.compress(bytes(60_000_000)), PROTOBUF | ZSTD, 413),
    "an unknown encoding": (GOOD, PROTOBUF | {"Content-Encoding": "br"}, 415),
    "an unknown type": (GOOD, {"Content-Type": "text/plain"}, 415),
    "no type": (GOOD, {}, 415),
    "21 MB": (bytes(21_000_000), PROTOBUF, 413),
}
WRONG_SPANS = {
    "no list": b'{"resourceSpans": "x"}',
    "no span": b'{"resourceSpans": [{"scopeSpans": [{"spans": [5]}]}]}',
    "no hex": b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}',
    "no text": b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 5}]}]}]}',
    "no number": b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": {"a": 1}}]}]}]}',
    "a huge number": b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": 1e400}]}]}]}',
}


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    store = Store(":memory:", SCHEMA)
    yield create_app(store, limits=PLENTY).test_client()
    store.close()


@pytest.fixture(autouse=True)
def _still_there(client: FlaskClient) -> Iterator[None]:
    """What was taken before is there after."""
    assert client.post("/v1/traces", data=GOOD, headers=INGEST | PROTOBUF).status_code == 200
    yield
    created = client.post("/1/maps/dependencies/requests", json={}, headers=CONFIGURATION)
    page = ready(client, created.headers["Location"])
    names = [(each["parent_node"]["name"], each["child_node"]["name"]) for each in page["dependencies"]]
    assert ("a", "b") in names


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
@pytest.mark.parametrize("case", BODIES)
def test_bodies_that_otlp_refuses(client: FlaskClient, path: str, case: str) -> None:
    body, headers, status = BODIES[case]
    assert client.post(path, data=body, headers=INGEST | headers).status_code == status


@pytest.mark.parametrize("case", BROKEN_ATTRIBUTES)
def test_attributes_that_otlp_refuses(client: FlaskClient, case: str) -> None:
    attribute = BROKEN_ATTRIBUTES[case]
    for path, body in (("/v1/traces", span_with(attribute)), ("/v1/logs", record_with(attribute))):
        assert client.post(path, data=body, headers=INGEST | PROTOBUF).status_code == 400


@pytest.mark.parametrize("case", WRONG_SPANS)
def test_spans_that_otlp_refuses(client: FlaskClient, case: str) -> None:
    answer = client.post("/v1/traces", data=WRONG_SPANS[case], headers=INGEST | JSON)
    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith("failed to parse OTLP request body: ")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (GZIP, b"no gzip"),
        (GZIP, gzip.compress(bytes(60_000_000))),
        ({}, b"[" * 100_000),
        ({}, b'{"a": "\xff"}'),
        ({}, b"null"),
        ({}, b"7"),
    ],
)
def test_bodies_that_the_events_api_refuses(
    client: FlaskClient, headers: dict[str, str], body: bytes
) -> None:
    for path in ("/1/events/any", "/1/batch/any"):
        answer = client.post(path, data=body, headers=INGEST | JSON | headers)
        assert answer.status_code == 400
        assert answer.get_json()["error"].startswith("Request body ")


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), cuts=st.integers(1, 8), path=st.sampled_from(["/v1/traces", "/v1/logs"]))
def test_damaged_protobuf_never_breaks_the_server(
    client: FlaskClient, seed: int, cuts: int, path: str
) -> None:
    numbers = random.Random(seed)
    body = bytearray(GOOD)
    for _ in range(cuts):
        body[numbers.randrange(len(body))] = numbers.randrange(256)
    answer = client.post(path, data=bytes(body), headers=INGEST | PROTOBUF)
    assert answer.status_code in (200, 400)


KEYS = st.sampled_from(
    [
        "breakdowns",
        "calculations",
        "filters",
        "filter_combination",
        "orders",
        "havings",
        "limit",
        "granularity",
        "start_time",
        "end_time",
        "time_range",
        "op",
        "calculate_op",
        "column",
        "value",
        "data",
        "time",
        "samplerate",
        "query_id",
        "disable_series",
        "trace.trace_id",
        "trace.span_id",
        "duration_ms",
        "error",
        "status_code",
        "service.name",
        "name",
        "type",
        "resourceSpans",
        "scopeSpans",
        "spans",
        "",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["COUNT", "SUM", "HEATMAP", "=", "in", "exists", "name", "descending", "\0", "2026-01-01"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
DOORS = st.sampled_from(
    [
        "/v1/traces",
        "/v1/logs",
        "/1/events/any",
        "/1/batch/any",
        "/1/queries/__all__",
        "/1/query_results/__all__",
        "/1/maps/dependencies/requests",
        "/1/datasets",
    ]
)


@settings(max_examples=150)
@given(document=VALUES, path=DOORS)
def test_no_json_breaks_the_server(client: FlaskClient, document: Any, path: str) -> None:
    answer = client.post(path, data=orjson.dumps(document), headers=CONFIGURATION | JSON)
    assert answer.status_code < 500
    if path == "/1/queries/__all__" and answer.status_code == 200:
        key = answer.get_json()["id"]
        run = client.post("/1/query_results/__all__", json={"query_id": key}, headers=CONFIGURATION)
        assert run.status_code in (201, 400)
