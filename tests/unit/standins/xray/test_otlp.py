"""X-Ray's OTLP door: which spans are drawn how, and what is refused with which words."""

import gzip
import random
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
import zstandard
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.conftest import Serve
from tests.system.trees import CLIENT, CONSUMER, INTERNAL, MS, PRODUCER, SERVER, Forest, Span, request_of
from tests.unit.standins.aws_shapes import aws_client
from tests.unit.standins.xray.documents import edges_of
from threemaps.errors import UserError
from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY
from threemaps.standins import aws
from threemaps.standins.store import Store

PROTOBUF = "application/x-protobuf"
HOUR = 3600 * 10**9
REMOTE_PARENT = 0x301

Add = Callable[..., Span]


def post(url: str, body: bytes, *, service: str = "xray", **headers: str) -> requests.Response:
    address = f"{url}/v1/traces"
    request = AWSRequest("POST", address, data=body, headers={"Content-Type": PROTOBUF} | headers)
    keys = Credentials(LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY)
    SigV4Auth(keys, service, "us-east-1").add_auth(request)
    return requests.post(address, data=body, headers=dict(request.headers), timeout=30)


def reason(answer: requests.Response) -> str:
    """The message of a google.rpc.Status, which is its field 2: a tag, a length of one or two bytes, text."""
    if answer.headers["Content-Type"] != PROTOBUF:
        return str(answer.json()["message"])
    assert answer.content[:1] == b"\x12"
    return answer.content[3 if answer.content[1] > 127 else 2 :].decode()


@pytest.fixture
def forest() -> Forest:
    return Forest(random.Random(1), [])


@pytest.fixture
def add(forest: Forest) -> Add:
    """A span of a service, below another one or as the first of a trace."""

    def add(service: str, kind: Any, above: Span | None = None, **words: Any) -> Span:
        trace = above.trace_id if above else int(time.time()).to_bytes(4, "big") + secrets.token_bytes(12)
        parent = above.span_id if above else b""
        said = {name.replace("__", "."): value for name, value in words.items()}
        return forest.span(trace, service, kind, parent, time.time_ns() - 500 * MS, 100, said)

    return add


def send(url: str, forest: Forest) -> None:
    answer = post(url, request_of(forest.spans))
    assert answer.status_code == 200, answer.text
    assert not ExportTraceServiceResponse.FromString(answer.content).HasField("partial_success")


def recent() -> dict[str, datetime]:
    """The door refuses old spans, so they are of now, not of when the tests began."""
    now = datetime.now(UTC)
    return {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}


def edges(xray: Any) -> dict[tuple[str, str, str, str], int]:
    return edges_of(xray.get_service_graph(**recent())["Services"])


def test_which_spans_are_nodes(url: str, xray: Any, forest: Forest, add: Add) -> None:
    root = add("front", SERVER)
    inside = add("front", INTERNAL, root)
    add("back", SERVER, add("front", CLIENT, inside, peer__service="back:80"))
    add("front", CLIENT, inside, peer__service="pay.example:8443")
    add("reader", CONSUMER, add("front", PRODUCER, root, messaging__system="kafka"))
    flagged = add("flagged", INTERNAL, add("front", CLIENT, root))
    flagged.flags = REMOTE_PARENT
    send(url, forest)
    assert edges(xray) == {
        ("front", "client", "front", ""): 1,
        ("front", "", "back", ""): 1,
        ("front", "", "pay.example:8443", "remote"): 1,
        ("front", "", "reader", ""): 1,
        ("front", "", "flagged", ""): 1,
    }


@pytest.mark.parametrize(("kind", "drawn"), [(CLIENT, True), (PRODUCER, True), (INTERNAL, False)])
def test_what_starts_on_its_own_has_a_segment_of_its_own(
    url: str, xray: Any, forest: Forest, add: Add, kind: Any, drawn: bool
) -> None:
    add("script", kind, peer__service="shop.example")
    for _ in range(3):
        send(url, forest)  # again and again: the segment that nobody sent is the same each time
    call = {("script", "", "shop.example", "remote"): 1} if drawn else {}
    assert edges(xray) == {("script", "client", "script", ""): 1, **call}


def test_tables_queues_and_databases_are_nodes_of_their_own(
    url: str, xray: Any, forest: Forest, add: Add
) -> None:
    root = add("shop", SERVER)
    add("shop", CLIENT, root, rpc__system="aws-api", rpc__service="DynamoDB", aws__table_name="carts")
    add("shop", CLIENT, root, rpc__system="aws-api", rpc__service="SQS", aws__queue_url="https://x/1/mails")
    address = "postgresql://db.example:5432/orders"
    add("shop", CLIENT, root, db__system="postgresql", db__name="orders", db__connection_string=address)
    send(url, forest)
    assert {key[2:] for key in edges(xray)} == {
        ("shop", ""),
        ("carts", "AWS::DynamoDB::Table"),
        ("mails", "AWS::SQS::Queue"),
        ("orders@db.example", "Database::SQL"),
    }


def test_what_spans_say_is_asked_for_as_of_segments(url: str, xray: Any, forest: Forest, add: Add) -> None:
    told = {"http__request__method": "GET", "url__full": "http://front/x", "http__response__status_code": 503}
    span = add("front", SERVER, **told, app__now="noon", enduser__id="joe")
    named = span.attributes.add(key="aws.xray.annotations")
    named.value.array_value.values.add(string_value="app.now")
    thrown = span.events.add(name="exception").attributes
    thrown.add(key="exception.message").value.string_value = "no stock"
    add("quiet", SERVER)
    send(url, forest)
    expressions = (
        "fault",
        "http.status = 503",
        'http.url = "http://front/x"',
        'annotation[app.now] = "noon"',
        'user = "joe"',
    )
    for expression in expressions:
        found = xray.get_trace_summaries(**recent(), FilterExpression=expression)["TraceSummaries"]
        assert [one["Id"].replace("-", "")[1:] for one in found] == [span.trace_id.hex()], expression
    (trace,) = xray.batch_get_traces(TraceIds=[found[0]["Id"]])["Traces"]
    (document,) = (orjson.loads(one["Document"]) for one in trace["Segments"])
    assert document["http"]["response"]["status"] == 503
    assert [one["message"] for one in document["cause"]["exceptions"]] == ["no stock"]


def test_values_of_every_kind_are_kept(url: str, xray: Any, forest: Forest, add: Add) -> None:
    span = add("front", SERVER)
    for said in (span.attributes, span.links.add(trace_id=span.trace_id, span_id=span.span_id).attributes):
        inner = said.add(key="list").value.array_value.values
        inner.add(bytes_value=b"\xff")
        inner.add(double_value=float("nan"))
        inner.add().kvlist_value.values.add(key="a").value.bool_value = True
        said.add(key="bytes").value.bytes_value = b"\xff"
        said.add(key="nothing")
    send(url, forest)
    trace_id = f"1-{span.trace_id.hex()[:8]}-{span.trace_id.hex()[8:]}"
    (trace,) = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
    document = orjson.loads(trace["Segments"][0]["Document"])
    expected = {"list": ["/w==", None, {"a": True}], "bytes": "/w=="}
    assert document["links"][0]["attributes"] == expected
    assert document["metadata"]["default"].items() >= expected.items()


def test_json_and_gzip(url: str, xray: Any, forest: Forest, add: Add) -> None:
    span = add("front", SERVER)
    body = request_of(forest.spans)
    document = MessageToDict(ExportTraceServiceRequest.FromString(body))
    (told,) = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    told |= {"traceId": span.trace_id.hex(), "spanId": secrets.token_hex(8)}
    as_json = {"Content-Type": "application/json"}
    assert post(url, orjson.dumps(document), **as_json).json() == {}
    assert post(url, gzip.compress(body), **{"Content-Encoding": "gzip"}).ok
    assert edges(xray) == {("front", "client", "front", ""): 2}


def test_who_did_not_sign_for_x_ray_is_refused(url: str) -> None:
    unsigned = requests.post(f"{url}/v1/traces", data=b"", headers={"Content-Type": PROTOBUF}, timeout=30)
    assert (unsigned.status_code, reason(unsigned)) == (403, "Missing Authentication Token")
    elsewhere = post(url, b"", service="logs")
    assert elsewhere.headers["x-amzn-ErrorType"] == "InvalidSignatureException"
    assert reason(elsewhere).strip() == "Credential should be scoped to correct service: 'xray'."


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\xff\xff", {}, 400),
        (b"{", {"Content-Type": "application/json"}, 400),
        (b"[]", {"Content-Type": "application/json"}, 400),
        (b"no gzip", {"Content-Encoding": "gzip"}, 400),
        (zstandard.compress(b""), {"Content-Encoding": "zstd"}, 415),
        (b"", {"Content-Type": "text/plain"}, 415),
        (gzip.compress(b"\0" * 6_000_000), {"Content-Encoding": "gzip"}, 413),
        (b"\0" * 6_000_000, {}, 413),
        (b"\0" * 17_000_000, {}, 413),
    ],
    ids=range(9),
)
def test_bodies_that_are_refused(url: str, body: bytes, headers: dict[str, str], status: int) -> None:
    answer = post(url, body, **headers)
    assert (answer.status_code, bool(reason(answer))) == (status, True)


def refusal(url: str, forest: Forest) -> str:
    answer = post(url, request_of(forest.spans))
    assert answer.status_code == 400
    return reason(answer)


def test_requests_beyond_a_limit_are_refused_whole(url: str, xray: Any, forest: Forest, add: Add) -> None:
    good = add("front", SERVER)
    now = good.start_time_unix_nano
    for moment, why in (
        (now - 15 * 24 * HOUR, "14 days"),
        (now + 3 * HOUR, "2 hours"),
        (now - 25 * HOUR, "24 hours"),
    ):
        bad = add("front", SERVER)
        bad.start_time_unix_nano = bad.end_time_unix_nano = moment
        assert why in refusal(url, forest)
        forest.spans.pop()
    large = add("front", SERVER, text="x" * 100_000)
    large.events.add(name="y" * 110_000)
    assert "204800 bytes" in refusal(url, forest)
    forest.spans.pop()
    forest.spans[0] = ("n" * 17_000, good)
    assert "16384 bytes" in refusal(url, forest)
    forest.spans[:] = [("front", good)] * 10_001
    assert "10001 spans" in refusal(url, forest)
    assert edges(xray) == {}


def test_a_span_that_is_refused_leaves_the_others(url: str, xray: Any, forest: Forest, add: Add) -> None:
    add("front", SERVER)
    add("front", SERVER).span_id = b"short"
    backwards = add("front", SERVER)
    backwards.end_time_unix_nano = backwards.start_time_unix_nano - 1_000_000
    answer = post(url, request_of(forest.spans))
    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, told.rejected_spans) == (200, 2)
    assert told.error_message == "Invalid end time. Invalid span id."
    assert edges(xray) == {("front", "client", "front", ""): 1}


def test_without_transaction_search_nothing_is_taken(
    tmp_path: Path, serve: Serve, forest: Forest, add: Add
) -> None:
    """It is switched by AWS's own call, and stays as it was switched."""
    add("front", SERVER)
    store = Store(tmp_path / "aws.duckdb", aws.SCHEMA)
    url = serve(aws.create_app(store))
    xray = aws_client("xray", url, parse=orjson.loads)
    assert xray.get_trace_segment_destination()["Destination"] == "CloudWatchLogs"
    xray.update_trace_segment_destination(Destination="XRay")
    for address in (url, serve(aws.create_app(store))):
        answer = post(address, request_of(forest.spans))
        assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (400, "InvalidRequestException")
        assert reason(answer).startswith(
            "The OTLP API is supported with CloudWatch Logs as a Trace Segment Destination."
        )
    xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    send(url, forest)
    store.close()


def test_an_account_may_begin_without_transaction_search(
    tmp_path: Path, serve: Serve, forest: Forest, add: Add
) -> None:
    add("front", SERVER)
    store = Store(tmp_path / "aws.duckdb", aws.SCHEMA)
    url = serve(aws.Aws(store, {"THREEMAPS_AWS_TRANSACTION_SEARCH": "off"}))
    xray = aws_client("xray", url, parse=orjson.loads)
    assert xray.get_trace_segment_destination()["Destination"] == "XRay"
    assert post(url, request_of(forest.spans)).status_code == 400
    xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    send(url, forest)
    with pytest.raises(UserError, match="THREEMAPS_AWS_TRANSACTION_SEARCH is 'maybe'"):
        aws.Aws(Store(":memory:", aws.SCHEMA), {"THREEMAPS_AWS_TRANSACTION_SEARCH": "maybe"})
    store.close()


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), size=st.integers(1, 300))
def test_broken_requests_are_no_server_errors(url: str, seed: int, size: int) -> None:
    chance = random.Random(seed)
    forest = Forest(chance, ["a", "b"], limit=20).grow(1)
    body = bytearray(request_of(forest.spans))
    for _ in range(chance.randint(1, 20)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    assert post(url, bytes(body[: len(body) - size % 7])).status_code < 500
    assert post(url, chance.randbytes(size)).status_code < 500
