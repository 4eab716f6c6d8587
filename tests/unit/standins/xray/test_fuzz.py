"""Bodies that nobody should send: refused as AWS refuses, and never a server error."""

import gzip
from typing import Any

import orjson
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.standins.xray.conftest import Send
from tests.unit.standins.xray.documents import Document, edges_of, new_trace, segment, window
from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY
from threemaps.standins.described import description

XRAY = description("xray")
PATHS = sorted(XRAY.paths)
EXISTING = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def post(url: str, path: str, body: bytes, **headers: str) -> requests.Response:
    request = AWSRequest(
        "POST", url + path, data=body, headers={"Content-Type": "application/json", **headers}
    )
    keys = Credentials(LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY)
    SigV4Auth(keys, "xray", "us-east-1").add_auth(request)
    return requests.post(url + path, data=body, headers=dict(request.headers), timeout=30)


def assert_refused(answer: requests.Response) -> None:
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["x-amzn-ErrorType"]
    assert answer.json()["message"]


@pytest.mark.parametrize("path", ["/TraceSegments", "/ServiceGraph", "/Traces", "/CreateGroup"])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'"text"',
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"TraceSegmentDocuments": 7, "TraceIds": {}, "StartTime": [], "GroupName": []}',
        b'{"TraceSegmentDocuments": [null], "TraceIds": [null], "StartTime": 1e400, "GroupName": null}',
        b'{"TraceSegmentDocuments": ["\\ud800"]}',
    ],
    ids=range(10),
)
def test_broken_bodies(url: str, path: str, body: bytes) -> None:
    assert_refused(post(url, path, body))


def test_broken_compression_and_bombs(url: str) -> None:
    good = gzip.compress(orjson.dumps({"TraceSegmentDocuments": []}))
    assert post(url, "/TraceSegments", good, **{"Content-Encoding": "gzip"}).status_code == 200
    for body in (b"no gzip", good[:-9], gzip.compress(b" " * 50_000_000)):
        assert_refused(post(url, "/TraceSegments", body, **{"Content-Encoding": "gzip"}))


def test_a_body_beyond_all_measure(url: str) -> None:
    assert post(url, "/TraceSegments", b" " * 16_100_000).status_code == 413


def test_paths_that_are_nothing(url: str) -> None:
    assert_refused(post(url, "/Nothing", b"{}"))
    assert_refused(post(url, "/Insight", b"{}"))


ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
NAMES = sorted({name for operation in XRAY.paths.values() for name in XRAY.members(operation)})


@EXISTING
@given(path=st.sampled_from(PATHS), body=st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=5))
def test_any_json_to_any_operation(url: str, path: str, body: dict[str, Any]) -> None:
    answer = post(url, path, orjson.dumps(body))
    assert answer.status_code < 500, answer.text


FIELDS = ["id", "trace_id", "parent_id", "name", "start_time", "end_time", "in_progress", "type", "namespace"]
MORE_FIELDS = [
    "http",
    "aws",
    "sql",
    "annotations",
    "user",
    "origin",
    "subsegments",
    "error",
    "fault",
    "cause",
]


@EXISTING
@given(changes=st.dictionaries(st.sampled_from(FIELDS + MORE_FIELDS), ANYTHING, max_size=4))
def test_any_field_of_a_document(url: str, xray: Any, changes: dict[str, Any]) -> None:
    """Taken or refused; what was taken can be read back in every way."""
    trace = new_trace()
    document: Document = segment(trace, "front") | changes
    text = orjson.dumps(document).decode()
    answer = post(url, "/TraceSegments", orjson.dumps({"TraceSegmentDocuments": [text]}))
    assert answer.status_code == 200
    xray.batch_get_traces(TraceIds=[trace])
    xray.get_trace_graph(TraceIds=[trace])
    xray.get_trace_summaries(**window(), FilterExpression='service() { fault } OR user = "a" OR annotation.a')


def test_what_was_taken_before_is_still_there(url: str, xray: Any, send: Send) -> None:
    send(segment(new_trace(), "front"))
    for body in (b"{", b'{"TraceSegmentDocuments": ["{"]}'):
        post(url, "/TraceSegments", body)
    assert edges_of(xray.get_service_graph(**window())["Services"]) == {("front", "client", "front", ""): 1}
