"""What is grouped together, what is read back, and what is refused."""

import gzip
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.standins.rollbar.conftest import TOKEN, Read, error, message
from threemaps.standins import retention
from threemaps.standins.retention import Retention
from threemaps.standins.rollbar.exceptions import RefusedError
from threemaps.standins.rollbar.payload import read_payload
from threemaps.standins.store import Store

Post = Callable[..., requests.Response]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (error(), error(), True),
        (error(), error(told="another message"), True),
        (error(), error("KeyError"), False),
        (error(), error(path="other.py"), False),
        (error(), error(environment="production"), False),
        (message("a"), message("a"), True),
        (message("a"), message("b"), False),
        (message("a", fingerprint="f"), message("b", fingerprint="f"), True),
        (error(fingerprint="f" * 41), error("KeyError", fingerprint="f" * 41), True),
        (message("a", title="t"), message("b", title="t"), True),
    ],
)
def test_what_belongs_together_is_one_item(
    post: Post, read: Read, one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    assert post(one).ok
    assert post(other).ok
    assert read("items")["total_count"] == (1 if same else 2)


def test_an_answer_names_the_occurrence(post: Post) -> None:
    assert post(message(uuid="my-own")).json() == {"err": 0, "result": {"id": None, "uuid": "my-own"}}
    assert len(post(message()).json()["result"]["uuid"]) == 32


def test_items_are_found_by_id_by_counter_and_by_what_they_are(post: Post, read: Read) -> None:
    post(error())
    post(message("odd", level="warning", environment="production"))
    newest, oldest = read("items")["items"]
    assert (newest["title"], oldest["title"]) == ("odd", "ValueError: bad")
    assert (oldest["counter"], newest["counter"]) == (1, 2)
    assert read(f"item/{oldest['id']}") == oldest
    assert read("item_by_counter/2") == newest
    for arguments in (
        {"level": "warning"},
        {"environment": "production"},
        {"query": "ODD"},
        {"status": "active", "level": ["warning", "info"]},
    ):
        assert read("items", **arguments)["items"] == [newest]
    assert read("items", status="resolved")["items"] == []
    (instance,) = read(f"item/{newest['id']}/instances")["instances"]
    assert read(f"instance/{instance['id']}") == instance
    assert [one["item_id"] for one in read("instances")["instances"]] == [newest["id"], oldest["id"]]


def test_items_and_instances_come_in_pages(post: Post, read: Read) -> None:
    for number in range(25):
        assert post(message(fingerprint=str(number % 2), title=f"number {number}")).ok
    assert [len(read("instances", page=page)["instances"]) for page in (1, 2, 3)] == [20, 5, 0]
    assert [len(read("items", page=page)["items"]) for page in (1, 2)] == [2, 0]


@pytest.mark.parametrize(
    ("token", "status"), [({}, 401), ({"X-Rollbar-Access-Token": "x"}, 403), (TOKEN, 200)]
)
def test_everything_needs_the_token(url: str, token: dict[str, str], status: int) -> None:
    body = orjson.dumps({"data": message()})
    assert requests.post(f"{url}/api/1/item/", data=body, headers=token, timeout=5).status_code == status
    for path in ("items", "instances"):
        assert requests.get(f"{url}/api/1/{path}", headers=token, timeout=5).status_code == status


def test_a_token_may_stand_in_the_body_or_the_address(url: str) -> None:
    body = {"access_token": "local-token", "data": message()}
    assert requests.post(f"{url}/api/1/item/", json=body, timeout=5).ok
    assert requests.get(f"{url}/api/1/items?access_token=local-token", timeout=5).ok
    body["access_token"] = "wrong"
    assert requests.post(f"{url}/api/1/item/", json=body, timeout=5).status_code == 403


def test_ping_and_health_need_no_token(url: str) -> None:
    assert requests.get(f"{url}/api/1/status/ping", timeout=5).text == "pong"
    assert requests.get(f"{url}/healthz", timeout=5).json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"{}", 422),
        (None, 422),
        ([], 422),
        ({}, 422),
        ({"environment": "test", "body": {}}, 422),
        ({"environment": "test", "body": {"unknown": {}}}, 422),
        ({"body": {"message": {"body": "x"}}}, 422),
        (message(environment=""), 422),
        (message(environment=3), 422),
        (message(level="fatal"), 422),
        (message(level=["error"]), 422),
        ({"environment": "test", "body": {"message": "text"}}, 422),
        ({"environment": "test", "body": {"trace": {"frames": []}}}, 422),
        ({"environment": "test", "body": {"trace": {"exception": {"class": "E"}}}}, 422),
        ({"environment": "test", "body": {"trace_chain": {}}}, 422),
        ({"environment": "test", "body": {"trace_chain": [3]}}, 422),
        (message("x" * 1_048_576), 413),
        (message("x" * 1_000_000), 200),
    ],
)
def test_what_is_malformed_or_too_large_is_refused(post: Post, read: Read, data: Any, status: int) -> None:
    answer = post(data, TOKEN)
    assert answer.status_code == status
    assert answer.json()["err"] == (0 if status == 200 else 1)
    assert read("items")["total_count"] == (1 if status == 200 else 0)


def test_a_bomb_is_refused(post: Post) -> None:
    body = gzip.compress(orjson.dumps({"data": message("x" * 50_000_000)}))
    assert len(body) < 1_000_000
    assert post(body, TOKEN | {"Content-Encoding": "gzip"}).status_code == 413


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("item/7", 404),
        ("item/x", 422),
        ("item/" + "9" * 30, 422),
        ("item_by_counter/7", 404),
        ("item/7/instances", 404),
        ("instance/7", 404),
        ("items?page=0", 422),
        ("items?page=x", 422),
        ("nothing", 404),
    ],
)
def test_what_is_not_there_is_told(url: str, path: str, status: int) -> None:
    answer = requests.get(f"{url}/api/1/{path}", headers=TOKEN, timeout=5)
    assert (answer.status_code, answer.json()["err"]) == (status, 1)


def test_an_item_goes_with_its_last_occurrence_and_its_counter_is_not_used_again(
    post: Post, read: Read, store: Store
) -> None:
    post(message("old"))
    store.execute("UPDATE occurrence SET stored_at = 0")
    retention.trim(store, Retention(hours=1))
    assert read("items") == {"items": [], "page": 1, "total_count": 0}
    post(message("new"))
    assert [item["counter"] for item in read("items")["items"]] == [2]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "body",
                    "trace",
                    "trace_chain",
                    "frames",
                    "exception",
                    "class",
                    "message",
                    "environment",
                    "level",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES, VALUES)
@example(None, {"trace_chain": [], "trace": True})
def test_any_data_is_read_or_refused(data: Any, body: Any) -> None:
    for one in (data, {"environment": "test", "body": body}, message(title=data, fingerprint=body)):
        try:
            told = read_payload(one).fingerprint
        except RefusedError as refused:
            told = str(refused.status)
        assert told


def test_a_reset_leaves_nothing(url: str, post: Any, read: Any) -> None:
    assert post(message()).status_code == 200
    assert requests.post(f"{url}/reset", timeout=10).status_code == 401
    assert requests.post(f"{url}/reset", headers=TOKEN, timeout=10).status_code == 204
    assert read("items")["items"] == []
