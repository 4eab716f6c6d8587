"""Whatever comes in, a client's mistake is answered in the 4xx, in JSON, by the service that got it first."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize
from hypothesis import given, settings
from hypothesis import strategies as st

from services.activities import create_app as activities
from services.activities.feed import CAPACITY, Feed
from services.frontend_api import create_app as frontend_api
from services.users import create_app as users

JSON = "application/json"


def posted(body: bytes, content_type: str = JSON) -> dict[str, Any]:
    return {"path": "/api/activities", "method": "POST", "data": body, "content_type": content_type}


def said(**fields: Any) -> dict[str, Any]:
    return posted(json.dumps({"handle": "andrew", "message": "hello", **fields}).encode())


TABLE = {
    "unknown path": (404, {"path": "/api/nothing"}),
    "no path": (404, {"path": "/"}),
    "wrong method": (405, {"path": "/api/activities/home", "method": "DELETE"}),
    "OPTIONS": (405, {"path": "/api/activities/home", "method": "OPTIONS"}),
    "doubled slash": (404, {"path": "/api//activities/home"}),
    "trailing slash": (404, {"path": "/api/activities/home/"}),
    "made-up method": (405, {"path": "/api/activities/home", "method": "FROBNICATE"}),
    "handle too long": (400, {"path": "/api/activities/@" + "a" * 31}),
    "handle with a NUL": (400, {"path": "/api/activities/@a%00b"}),
    "handle that is no UTF-8": (400, {"path": "/api/activities/@%ff%fe"}),
    "handle with a dot": (400, {"path": "/api/users/.."}),
    "handle in another script": (400, {"path": "/api/users/андрей"}),
    "nothing at all": (415, {"path": "/api/activities", "method": "POST"}),
    "form": (415, posted(b"handle=andrew&message=hi", "application/x-www-form-urlencoded")),
    "xml": (415, posted(b"<a/>", "text/xml")),
    "empty body": (400, posted(b"")),
    "broken JSON": (400, posted(b'{"handle": "andrew", ')),
    "no UTF-8": (400, posted(b'{"handle": "andrew", "message": "\xff\xfe"}')),
    "a list": (400, posted(b"[1, 2]")),
    "a string": (400, posted(b'"hello"')),
    "null": (400, posted(b"null")),
    "deeply nested": (400, posted(b"[" * 16_000)),
    "deeply nested objects": (400, posted(b'{"a":' * 3_000)),
    "a huge integer": (400, posted(b'{"handle": "andrew", "message": 1' + b"0" * 9_000 + b"}")),
    "not a number": (400, posted(b'{"handle": "andrew", "message": NaN}')),
    "no handle": (400, posted(b'{"message": "hello"}')),
    "no message": (400, posted(b'{"handle": "andrew"}')),
    "handle is a number": (400, said(handle=7)),
    "handle is a list": (400, said(handle=["andrew"])),
    "handle is null": (400, said(handle=None)),
    "handle is empty": (400, said(handle="")),
    "handle has a line break": (400, said(handle="andrew\n")),
    "message is a number": (400, said(message=7)),
    "message is true": (400, said(message=True)),
    "message is an object": (400, said(message={"$ne": 1})),
    "message is blank": (400, said(message=" \t\n")),
    "message too long": (400, said(message="a" * 281)),
    "message with a NUL": (400, said(message="a\x00b")),
    "message with an escape": (400, said(message="\x1b[31m")),
    "message with half a character": (400, said(message="\ud800")),
    "1 MB": (413, said(message="a" * 1_000_000)),
    "1 MB of nothing": (413, posted(b" " * 1_000_000)),
}


@pytest.fixture(params=[frontend_api, activities], ids=["frontend_api", "activities"])
def client(request: pytest.FixtureRequest) -> FlaskClient:
    return request.param().test_client()


@pytest.mark.parametrize("mistake", TABLE)
def test_a_mistake_is_told_in_json(mistake: str) -> None:
    status, sent = TABLE[mistake]
    answer = frontend_api().test_client().open(**sent)
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert_refusal(answer)


def assert_refusal(answer: Any) -> None:
    assert answer.content_type == JSON
    assert set(answer.json) == {"error", "message"}
    assert answer.json["message"]
    assert len(answer.headers["X-Trace-Id"]) == 32
    assert "Traceback" not in answer.get_data(as_text=True)


class Interrupted:
    """A body that the server cannot read on, as gunicorn says it of a chunk of ZZ bytes."""

    def read(self, size: int = -1) -> bytes:
        raise InvalidChunkSize(b"ZZ")


def test_a_body_that_cannot_be_read_is_the_senders_mistake(client: FlaskClient) -> None:
    stream = {"wsgi.input": Interrupted(), "wsgi.input_terminated": True}
    answer = client.open(**posted(b"") | {"environ_overrides": stream})
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_body")
    assert_refusal(answer)


@settings(max_examples=150)
@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_body_gets_past_the_check(body: bytes) -> None:
    answer = frontend_api().test_client().open(**posted(body))
    assert answer.status_code == 400
    assert_refusal(answer)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(handle=json_values, message=json_values.filter(lambda value: not isinstance(value, str)))
def test_no_other_type_is_a_message(handle: Any, message: Any) -> None:
    answer = frontend_api().test_client().open(**said(handle=handle, message=message))
    assert answer.status_code == 400
    assert_refusal(answer)


@settings(max_examples=200)
@given(path=st.text(max_size=60))
def test_any_path_is_answered_in_json(path: str) -> None:
    answer = users().test_client().get("/api/users/" + path.replace("?", ""))
    assert answer.status_code in (200, 400, 404)
    assert answer.content_type == JSON


def test_every_refusal_of_the_edge_is_one_of_the_services_behind_it(client: FlaskClient) -> None:
    refused = client.open(**said(message="a" * 281))
    assert refused.json == {"error": "invalid_message", "message": "message has 281 characters; at most 280"}


def test_an_allowed_method_is_named(client: FlaskClient) -> None:
    assert "GET" in client.delete("/api/activities/home").headers["Allow"]


def test_too_many_handles_are_refused() -> None:
    answer = users().test_client().get("/api/users", query_string={"handles": ",".join(["a"] * 101)})
    assert (answer.status_code, answer.json["error"]) == (400, "too_many_handles")


def test_the_oldest_activities_fall_out() -> None:
    feed = Feed()
    for number in range(CAPACITY + 10):
        feed.add("andrew", str(number))
    kept = feed.by("andrew")
    assert len(kept) == CAPACITY
    assert (kept[0].message, kept[-1].message) == (str(CAPACITY + 9), "10")


def test_a_mistake_of_ours_shows_no_inside(caplog: pytest.LogCaptureFixture) -> None:
    app = users()

    @app.get("/api/broken")
    def broken() -> str:
        raise ValueError("the secret inside")

    answer = app.test_client().get("/api/broken")
    assert answer.status_code == 500
    assert_refusal(answer)
    assert "secret" not in answer.get_data(as_text=True)
    assert "the secret inside" in caplog.text
