"""Which service called which: exact, whatever order spans come in, and however often."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Serve
from tests.unit.standins.honeycomb.conftest import CONFIGURATION, INGEST, PLENTY, PROTOBUF, Client, ready
from tests.unit.standins.honeycomb.spans import Call, request_of
from threemaps.standins.honeycomb.urls import SCHEMA, create_app
from threemaps.standins.store import Store

SERVICES = ("frontend", "activities", "users", "search", "billing")


@st.composite
def call_trees(draw: st.DrawFn) -> list[Call]:
    """Up to three traces; every span but the first has a parent somewhere before it."""
    calls: list[Call] = []
    for trace in range(1, draw(st.integers(1, 3)) + 1):
        first = len(calls) + 1
        for identity in range(first, first + draw(st.integers(1, 12))):
            parent = draw(st.integers(first, identity - 1)) if identity > first else 0
            service = draw(st.sampled_from(SERVICES))
            calls.append(Call(service, identity, parent, trace, draw(st.integers(0, 5))))
    return calls


def true_edges(calls: list[Call]) -> Counter[tuple[str, str]]:
    by_id = {call.id: call for call in calls}
    pairs = ((by_id[call.parent].service, call.service) for call in calls if call.parent)
    return Counter(pair for pair in pairs if pair[0] != pair[1])


@settings(max_examples=25)
@given(calls=call_trees(), seed=st.integers(0, 1000), repeats=st.integers(0, 5))
def test_any_tree_split_shuffled_and_repeated_gives_the_true_edges(
    calls: list[Call], seed: int, repeats: int
) -> None:
    numbers = random.Random(seed)
    sent = calls + numbers.choices(calls, k=repeats)
    numbers.shuffle(sent)
    store = Store(":memory:", SCHEMA)
    client = create_app(store, limits=PLENTY).test_client()
    while sent:
        size = numbers.randint(1, len(sent))
        body = request_of(sent[:size]).SerializeToString()
        assert client.post("/v1/traces", data=body, headers=INGEST | PROTOBUF).status_code == 200
        sent = sent[size:]
    path = client.post("/1/maps/dependencies/requests", json={}, headers=CONFIGURATION).headers["Location"]
    page = ready(client, f"{path}?page[size]=100")
    store.close()
    assert {
        (edge["parent_node"]["name"], edge["child_node"]["name"]): edge["call_count"]
        for edge in page["dependencies"]
    } == true_edges(calls)


def test_a_span_before_its_parent_counts_once_both_are_there(honeycomb: Client) -> None:
    honeycomb.send_spans(request_of([Call("users", 2, parent=1)]))
    assert honeycomb.calls() == {}
    honeycomb.send_spans(request_of([Call("activities", 1)]))
    assert honeycomb.calls() == {("activities", "users"): 1}


def test_a_service_that_calls_itself_is_no_dependency(honeycomb: Client) -> None:
    honeycomb.send_spans(
        request_of([Call("a", 1), Call("a", 2, 1, kind=3), Call("a", 3, 2), Call("b", 4, 3)])
    )
    assert honeycomb.calls() == {("a", "b"): 1}


def test_a_service_without_a_name_has_its_datasets(honeycomb: Client) -> None:
    honeycomb.send_spans(request_of([Call("a", 1), Call("", 2, 1)]))
    assert honeycomb.calls() == {("a", "unknown_service"): 1}


def test_same_ids_in_another_trace_are_other_spans(honeycomb: Client) -> None:
    trees = [[Call("a", 1, trace=trace), Call("b", 2, 1, trace=trace)] for trace in (1, 2)]
    honeycomb.send_spans(request_of([*trees[0], *trees[1]]))
    assert honeycomb.calls() == {("a", "b"): 2}


def test_a_client_and_a_server_span_may_share_an_id(honeycomb: Client) -> None:
    shared = [Call("a", 1), Call("a", 2, 1, kind=3), Call("b", 2, 1, kind=2)]
    honeycomb.send_spans(request_of(shared))
    assert honeycomb.calls() == {("a", "b"): 1}


def test_a_repeat_after_a_restart_counts_once(tmp_path: Path, serve: Serve) -> None:
    request = request_of([Call("a", 1), Call("b", 2, 1)])
    for _ in range(2):
        store = Store(tmp_path / "honeycomb.duckdb", SCHEMA)
        client = Client(serve(create_app(store)))
        client.send_spans(request)
        calls = client.calls()
        store.close()
    assert calls == {("a", "b"): 1}


class TestWindow:
    NOW = 1_800_000_000

    @pytest.fixture(autouse=True)
    def _calls(self, honeycomb: Client) -> None:
        """One call a second, for ten seconds."""
        for second in range(10):
            start = (self.NOW + second) * 1_000_000_000 + 500_000_000
            tree = [Call("a", 1, trace=second + 1, start=start), Call("b", 2, 1, second + 1, start=start + 1)]
            honeycomb.send_spans(request_of(tree))

    @pytest.mark.parametrize(
        ("window", "calls"),
        [
            ({"start_time": NOW, "end_time": NOW + 9}, 10),
            ({"start_time": NOW + 2, "end_time": NOW + 4}, 3),
            ({"start_time": NOW + 4, "end_time": NOW + 4}, 1),
            ({"start_time": NOW + 8, "time_range": 600}, 2),
            ({"end_time": NOW + 1, "time_range": 600}, 2),
            ({"end_time": NOW - 1, "time_range": 600}, 0),
        ],
    )
    def test_spans_count_by_the_second_they_began_in(
        self, honeycomb: Client, window: dict[str, int], calls: int
    ) -> None:
        assert honeycomb.calls(**window).get(("a", "b"), 0) == calls

    def test_a_parent_may_have_begun_before_the_window(self, honeycomb: Client) -> None:
        start = self.NOW * 1_000_000_000
        calls = [Call("slow", 1, start=start), Call("fast", 2, 1, start=start + 1_000_000_000_000)]
        honeycomb.send_spans(request_of([Call(**{**vars(call), "trace": 99}) for call in calls]))
        window = {"start_time": self.NOW + 900, "end_time": self.NOW + 1100}
        assert honeycomb.calls(**window) == {("slow", "fast"): 1}


class TestPages:
    @pytest.fixture
    def request_path(self, honeycomb: Client) -> str:
        """45 services under one."""
        children = [Call(f"child-{number:02}", number, 1) for number in range(2, 47)]
        honeycomb.send_spans(request_of([Call("root", 1), *children]))
        created = honeycomb.post("/1/maps/dependencies/requests", {})
        return str(created.headers["Location"]).removeprefix(honeycomb.url)

    def test_twenty_at_a_time_unless_asked_otherwise(self, honeycomb: Client, request_path: str) -> None:
        sizes, link = [], request_path
        while link:
            page = honeycomb.ready(link)
            sizes.append(len(page["dependencies"]))
            link = page["links"]["next"]
        assert sizes == [20, 20, 5]
        assert len(honeycomb.ready(f"{request_path}?page[size]=100")["dependencies"]) == 45

    @pytest.mark.parametrize("size", ["0", "101", "-1", "many"])
    def test_a_page_has_one_to_a_hundred(self, honeycomb: Client, request_path: str, size: str) -> None:
        assert honeycomb.get(request_path, **{"page[size]": size}).status_code == 422

    def test_a_made_up_cursor_is_refused(self, honeycomb: Client, request_path: str) -> None:
        honeycomb.ready(request_path)
        answer = honeycomb.get(request_path, **{"page[after]": "later"})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid cursor 'later'")

    def test_no_more_than_the_limit(self, honeycomb: Client, request_path: str) -> None:
        created = honeycomb.post("/1/maps/dependencies/requests?limit=3", {})
        path = created.headers["Location"].removeprefix(honeycomb.url)
        assert len(honeycomb.ready(path)["dependencies"]) == 3

    def test_only_what_touches_the_named_services(self, honeycomb: Client, request_path: str) -> None:
        names = [{"name": "child-07"}, {"name": "child-08", "type": "service"}]
        assert honeycomb.calls(filters=names) == {("root", "child-07"): 1, ("root", "child-08"): 1}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"start_time": 20, "end_time": 10}, "start_time"),
        ({"start_time": "yesterday"}, "start_time"),
        ({"time_range": 0}, "time_range"),
        ({"time_range": 10**30}, "time_range"),
        ({"filters": "users"}, "filters"),
        ({"filters": [{"type": "service"}]}, "filters[0].name"),
        ({"filters": [{"name": "a", "type": "database"}]}, "filters[0].type"),
    ],
)
def test_a_wrong_request_is_told_which_field(honeycomb: Client, body: dict[str, object], field: str) -> None:
    answer = honeycomb.post("/1/maps/dependencies/requests", body)
    assert answer.status_code == 422
    assert answer.json()["type_detail"][0]["field"] == field


def test_a_request_that_does_not_exist(honeycomb: Client) -> None:
    assert honeycomb.get("/1/maps/dependencies/requests/abc").status_code == 404


def test_a_result_stays_as_it_was(honeycomb: Client) -> None:
    honeycomb.send_spans(request_of([Call("a", 1), Call("b", 2, 1)]))
    path = honeycomb.post("/1/maps/dependencies/requests", {"start_time": int(time.time()) - 60}).headers[
        "Location"
    ]
    honeycomb.send_spans(request_of([Call("b", 3, 1)]))
    page = honeycomb.ready(path.removeprefix(honeycomb.url))
    assert [edge["call_count"] for edge in page["dependencies"]] == [1]
