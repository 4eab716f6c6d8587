"""Honeycomb's reader, against good answers and against answers that nobody should get."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Serve, free_port
from tests.unit.compare.maps import a_map
from tests.unit.readers.conftest import WINDOW, Vendor, json, real_at, settings_at, text
from threemaps.readers import UnreadableError, open_backend

Read = Callable[..., Any]
CREATED = json({"request_id": "abc", "status": "pending"}, 201)


def calls(*edges: str, following: str | None = None, status: str = "ready") -> Callable[[], Any]:
    found = []
    for one in edges:
        parent, child, count = one.replace(">", " ").split()
        found.append(
            {
                "parent_node": {"name": parent, "type": "service"},
                "child_node": {"name": child, "type": "service"},
                "call_count": int(count),
            }
        )
    link = f"/1/maps/dependencies/requests/abc?page[after]={following}" if following else None
    return json({"request_id": "abc", "status": status, "dependencies": found, "links": {"next": link}})


def test_a_map_in_pages(read: Read) -> None:
    vendor = Vendor(CREATED, calls("web>api 40", following="p2"), calls("api>users 80"))
    assert read("honeycomb", vendor) == a_map("web>api 40", "api>users 80")
    paths = [path for path, _, _ in vendor.requests]
    assert "page%5Bafter%5D=p2" in paths[2] or "page[after]=p2" in paths[2]
    assert all(headers["X-Honeycomb-Team"] == "local-configuration-key" for _, headers, _ in vendor.requests)


def test_a_pending_map_is_waited_for(read: Read) -> None:
    pending = json({"request_id": "abc", "status": "pending", "dependencies": None})
    assert read("honeycomb", Vendor(CREATED, pending, pending, calls("web>api 1"))) == a_map("web>api 1")


def test_only_edges_that_touch_a_match(read: Read) -> None:
    found = read("honeycomb", Vendor(CREATED, calls("web>api 1", "api>users 2", "cron>mail 3")), service="u*")
    assert found == a_map("api>users 2")


def test_an_empty_map_is_a_map(read: Read) -> None:
    assert read("honeycomb", Vendor(CREATED, calls())) == a_map()


def test_throttling_and_failures_are_tried_again(read: Read) -> None:
    busy = json({"error": "Rate Limited"}, 429, Retry_After="1")
    vendor = Vendor(CREATED, busy, json({"error": "oh"}, 503), calls("web>api 1"))
    assert read("honeycomb", vendor) == a_map("web>api 1")
    assert len(vendor.requests) == 4


def test_trying_again_has_an_end(read: Read) -> None:
    vendor = Vendor(json({"error": "Rate Limited"}, 429))
    with pytest.raises(UnreadableError, match="limiting the rate"):
        read("honeycomb", vendor)
    assert len(vendor.requests) == 5


@pytest.mark.parametrize(
    ("status", "said", "complaint", "hint"),
    [
        (401, "unknown API key - check your credentials", "does not know the key", "configuration key"),
        (403, "missing permission", "refuses this key the service map", "Read Service Maps"),
        (404, "not found", "no service map API", "Model Context Protocol"),
        (500, "something went wrong", "failed with 500 after 5 attempts", "again later"),
        (418, "teapot", "answered 418", "doctor"),
    ],
)
def test_a_refusal_says_what_to_do(read: Read, status: int, said: str, complaint: str, hint: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read("honeycomb", Vendor(json({"error": said}, status)), real=True)
    assert complaint in caught.value.message
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert "key-of-the-user" not in caught.value.message + caught.value.hint
    assert caught.value.exit_code == 2


def test_without_a_key_nothing_is_asked() -> None:
    settings = settings_at("http://127.0.0.1:9", THREEMAPS_BACKENDS="honeycomb")
    with pytest.raises(UnreadableError, match="HONEYCOMB_CONFIGURATION_KEY is not set"):
        open_backend("honeycomb", settings)


def test_a_real_account_is_read_with_the_users_key(serve: Serve) -> None:
    vendor = Vendor(CREATED, calls("web>api 1"))
    open_backend("honeycomb", real_at(serve(vendor.app))).read_map(WINDOW)
    assert {headers["X-Honeycomb-Team"] for _, headers, _ in vendor.requests} == {"key-of-the-user"}


def test_no_route() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnreadableError) as caught:
        open_backend("honeycomb", settings_at(nobody)).read_map(WINDOW)
    assert f"{nobody} could not be reached" in caught.value.message
    assert "threemaps up" in caught.value.hint


def dependency(**changes: Any) -> Callable[[], Any]:
    whole = {"parent_node": {"name": "a"}, "child_node": {"name": "b"}, "call_count": 1}
    return json({"status": "ready", "dependencies": [{**whole, **changes}], "links": {"next": None}})


@pytest.mark.parametrize(
    "answer",
    [
        text("<html>sign in to the hotel's network</html>"),
        text('{"status": "ready", "depen'),
        text(""),
        json([]),
        json({"status": "soon"}),
        json({"status": "ready", "dependencies": "many"}),
        json({"status": "ready", "dependencies": [1]}),
        json({"status": "error"}),
        dependency(call_count="1"),
        dependency(call_count=-1),
        dependency(call_count=None),
        dependency(call_count=True),
        dependency(call_count=1.5),
        dependency(parent_node=None),
        dependency(child_node={"name": 7}),
        dependency(child_node={}),
        json({"status": "ready", "dependencies": [], "links": {"next": "https://evil.example/steal"}}),
        json({"status": "ready", "dependencies": [], "links": {"next": 7}}),
    ],
)
def test_a_hostile_answer_is_a_clear_error(read: Read, answer: Any) -> None:
    with pytest.raises(UnreadableError) as caught:
        read("honeycomb", Vendor(CREATED, answer))
    assert "Honeycomb" in caught.value.message
    assert caught.value.hint


def test_pages_without_end(read: Read) -> None:
    with pytest.raises(UnreadableError, match="no last page"):
        read("honeycomb", Vendor(CREATED, calls(following="again")))


def test_an_answer_without_end(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threemaps.readers.http.MAX_BYTES", 1000)
    with pytest.raises(UnreadableError, match="has no end"):
        read("honeycomb", Vendor(text(" " * 2_000_000)))


def test_a_redirect_does_not_carry_the_key_away(read: Read, serve: Serve) -> None:
    elsewhere = Vendor(json({"request_id": "abc"}))
    moved = json({"error": "moved"}, 302, Location=serve(elsewhere.app))
    with pytest.raises(UnreadableError, match="answered 302"):
        read("honeycomb", Vendor(moved))
    assert elsewhere.requests == []
