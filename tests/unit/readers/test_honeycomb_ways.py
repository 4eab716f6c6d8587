"""The ways to read Honeycomb's map, against the local Honeycomb on either plan, with trees of any shape."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Serve, serving
from tests.unit.readers.conftest import Vendor, json, settings_at
from tests.unit.standins.honeycomb.conftest import PLENTY, Client
from tests.unit.standins.honeycomb.spans import Call, request_of
from tests.unit.standins.honeycomb.test_dependencies import call_trees, true_edges
from threemaps.model.difference import Window
from threemaps.readers import UnreadableError, open_backend
from threemaps.readers.honeycomb import Honeycomb
from threemaps.settings import (
    LOCAL_CONFIGURATION_KEY,
    LOCAL_INGEST_KEY,
    LOCAL_MANAGEMENT_KEY,
    Settings,
)
from threemaps.standins.honeycomb.limits import Limits
from threemaps.standins.honeycomb.plan import Plan
from threemaps.standins.honeycomb.urls import SCHEMA, create_app
from threemaps.standins.store import Store


def window() -> Window:
    now = datetime.now(UTC)
    return Window(now - timedelta(minutes=15), now + timedelta(seconds=30))


INGEST = {"HONEYCOMB_API_KEY": LOCAL_INGEST_KEY}
CONFIGURATION = {"HONEYCOMB_CONFIGURATION_KEY": LOCAL_CONFIGURATION_KEY}
MANAGEMENT = {"HONEYCOMB_MANAGEMENT_KEY": LOCAL_MANAGEMENT_KEY}


@dataclass
class World:
    """One store behind a Honeycomb of each plan."""

    store: Store
    free: Client
    enterprise: Client

    def empty(self) -> None:
        self.store.execute("DELETE FROM events")


@pytest.fixture
def world(serve: Serve) -> Iterator[World]:
    store = Store(":memory:", SCHEMA)
    urls = [serve(create_app(store, limits=PLENTY, plan=plan)) for plan in (Plan.FREE, Plan.ENTERPRISE)]
    yield World(store, *map(Client, urls))
    store.close()


def account(client: Client, **keys: str) -> Settings:
    """The stand-in as if it were the user's own account."""
    own = {
        "THREEMAPS_BACKENDS": "honeycomb",
        "HONEYCOMB_API_ENDPOINT": client.url,
        "HONEYCOMB_MCP_ENDPOINT": f"{client.url}/mcp",
    }
    return settings_at(client.url, **own, **keys)


def send(client: Client, calls: list[Call], failed: set[int]) -> None:
    message = request_of(calls)
    for resource_spans, call in zip(message.resource_spans, calls, strict=True):
        if call.id in failed:
            resource_spans.scope_spans[0].spans[0].status.code = 2
    client.send_spans(message)


def drawn(backend: Any) -> dict[tuple[str, str], tuple[Any, Any]]:
    found = backend.read_map(window())
    return {(one.source.name, one.target.name): (one.requests, one.errors) for one in found.edges}


def expected(calls: list[Call], failed: set[int]) -> dict[tuple[str, str], tuple[int, int]]:
    whole = true_edges(calls)
    parents = {call.id: call for call in calls}
    broken: Counter[tuple[str, str]] = Counter(
        (parents[call.parent].service, call.service) for call in calls if call.parent and call.id in failed
    )
    return {pair: (count, broken[pair]) for pair, count in whole.items()}


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=call_trees(), numbers=st.sets(st.integers(1, 36)))
def test_on_the_free_plan_mcp_gives_the_map_with_its_errors(
    world: World, calls: list[Call], numbers: set[int]
) -> None:
    world.empty()
    send(world.free, calls, numbers)
    backend = open_backend("honeycomb", account(world.free, **INGEST, **CONFIGURATION, **MANAGEMENT))
    assert drawn(backend) == expected(calls, numbers)
    assert backend.read_through == "mcp"
    assert "plan" in backend.remarks[0]
    assert "service map API" in backend.remarks[0]


def tree() -> list[Call]:
    return [Call("web", 1), Call("api", 2, 1, duration_ms=30), Call("users", 3, 2), Call("users", 4, 1)]


EDGES = {("web", "api"): (1, 0), ("api", "users"): (1, 1), ("web", "users"): (1, 0)}


def test_the_way_that_plan_and_keys_allow(world: World) -> None:
    send(world.free, tree(), {3})
    ways: list[tuple[Client, dict[str, str], str, Any]] = [
        (world.enterprise, CONFIGURATION | MANAGEMENT, "map-api", dict.fromkeys(EDGES, (1, None))),
        (world.enterprise, MANAGEMENT, "mcp", EDGES),
        (world.free, MANAGEMENT, "mcp", EDGES),
        (world.free, INGEST | MANAGEMENT, "mcp", EDGES),
        (world.free, CONFIGURATION | MANAGEMENT, "mcp", EDGES),
    ]
    for client, keys, way, edges in ways:
        backend = open_backend("honeycomb", account(client, **keys))
        assert (drawn(backend), backend.read_through) == (edges, way), keys


@pytest.mark.parametrize("plan", list(Plan))
def test_mcp_tells_latency_too(world: World, plan: Plan) -> None:
    send(world.free, tree(), set())
    client = world.free if plan is Plan.FREE else world.enterprise
    found = open_backend("honeycomb", account(client, **MANAGEMENT)).read_map(window())
    p95 = {(one.source.name, one.target.name): one.p95_ms for one in found.edges}
    assert p95 == {("web", "api"): 30, ("api", "users"): 5, ("web", "users"): 5}


def test_the_map_api_tells_calls_alone(world: World) -> None:
    """What it does not tell is not known: no zero, and no figure of another window."""
    send(world.enterprise, tree(), {3})
    found = open_backend("honeycomb", account(world.enterprise, **CONFIGURATION)).read_map(window())
    assert {(one.requests, one.errors, one.mean_ms, one.p95_ms) for one in found.edges} == {
        (1, None, None, None)
    }


def test_a_key_without_the_service_map_reads_by_one_query(world: World, serve: Serve) -> None:
    """Calls, errors and, where an edge has not both, its percentile, of the one result a minute."""
    send(world.free, [*tree(), Call("users", 5, 2)], {3})
    app = create_app(world.store, limits=Limits(100, 10, 1), plan=Plan.ENTERPRISE)
    app.before_request_funcs.setdefault("dependencies", []).append(lambda: ({"error": "no permission"}, 403))
    backend = open_backend("honeycomb", account(Client(serve(app)), **CONFIGURATION))
    found = backend.read_map(window())
    edges = {
        (one.source.name, one.target.name): (one.requests, one.errors, one.p95_ms) for one in found.edges
    }
    assert edges == {
        ("web", "api"): (1, 0, 30),
        ("api", "users"): (2, 1, None),
        ("web", "users"): (1, 0, 5),
    }
    assert backend.read_through == "query"
    assert "refuses this key" in backend.remarks[0]
    assert backend.manners.poll.total_seconds() > 60


PLAN, KEY = "the plan of this Honeycomb team has no", "is not set"


@pytest.mark.parametrize(
    ("keys", "reasons", "remedies"),
    [
        (
            {},
            ("HONEYCOMB_CONFIGURATION_KEY is not set", "HONEYCOMB_MANAGEMENT_KEY is not set"),
            ("Read Service Maps", "Model Context Protocol: Read", "threemaps link honeycomb"),
        ),
        (
            CONFIGURATION,
            (f"{PLAN} service map API", f"{PLAN} Query Data API", "HONEYCOMB_MANAGEMENT_KEY is not set"),
            ("Model Context Protocol: Read",),
        ),
        (
            {"HONEYCOMB_CONFIGURATION_KEY": "somebody-elses"},
            ("does not know the key", "HONEYCOMB_MANAGEMENT_KEY is not set"),
            ("configuration key of this environment", "Model Context Protocol: Read"),
        ),
        (
            INGEST | {"HONEYCOMB_MANAGEMENT_KEY": "id:wrong"},
            ("does not take the management key (401)", "HONEYCOMB_CONFIGURATION_KEY is not set"),
            ("Environments: Read", "Read Service Maps"),
        ),
    ],
)
def test_what_the_plan_and_what_the_key_refuses_is_told_apart(
    world: World, keys: dict[str, str], reasons: tuple[str, ...], remedies: tuple[str, ...]
) -> None:
    with pytest.raises(UnreadableError) as caught:
        open_backend("honeycomb", account(world.free, **keys)).read_map(window())
    for reason in reasons:
        assert reason in caught.value.message
    for remedy in remedies:
        assert remedy in caught.value.hint
    assert "wrong" not in caught.value.message


def test_questions_and_traces_go_through_mcp_on_the_free_plan(world: World) -> None:
    send(world.free, tree(), set())
    honeycomb = Honeycomb.of(account(world.free, **CONFIGURATION, **MANAGEMENT))
    question = {"calculations": [{"op": "P90", "column": "duration_ms"}], "breakdowns": ["service.name"]}
    answer = honeycomb.answer(question | {"time_range": 7200}, series=True)
    assert {row["service.name"]: row["P90(duration_ms)"] for row in answer.rows} == {
        "web": 5,
        "api": 30,
        "users": 5,
    }
    assert answer.series


def test_nobody_at_the_mcp_address_is_no_refusal() -> None:
    settings = settings_at(
        "http://127.0.0.1:9",
        THREEMAPS_BACKENDS="honeycomb",
        HONEYCOMB_API_ENDPOINT="http://127.0.0.1:9",
        HONEYCOMB_MCP_ENDPOINT="http://127.0.0.1:9/mcp",
        **MANAGEMENT,
    )
    with pytest.raises(UnreadableError):
        open_backend("honeycomb", settings).read_map(window())


@pytest.mark.parametrize(
    "answer",
    [
        json([]),
        json({"jsonrpc": "2.0", "id": 0, "result": {}}),
        json({"error": "broken"}, 500),
        json({}, 302, Location="http://127.0.0.1:9/mcp"),
    ],
)
def test_an_mcp_server_that_makes_no_sense(
    serve: Serve, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threemaps.readers.honeycomb_session.READ_SECONDS", 2)
    auth = json({"type": "ingest", "team": {"slug": "t"}, "environment": {"slug": "e"}})
    api, mcp = Vendor(auth), Vendor(answer)
    url = serve(mcp.app)
    settings = settings_at(
        url,
        THREEMAPS_BACKENDS="honeycomb",
        HONEYCOMB_API_ENDPOINT=serve(api.app),
        HONEYCOMB_MCP_ENDPOINT=f"{url}/mcp",
        **INGEST,
        **MANAGEMENT,
    )
    with pytest.raises(UnreadableError) as caught:
        open_backend("honeycomb", settings).read_map(window())
    assert "Honeycomb" in caught.value.message
    assert LOCAL_MANAGEMENT_KEY not in caught.value.message + caught.value.hint


def test_a_limit_is_waited_for_where_one_query_a_minute_is_all() -> None:
    with serving() as serve:
        client = Client(serve(create_app(Store(":memory:", SCHEMA))))
        assert Honeycomb.of(account(client, **CONFIGURATION)).manners.grain.total_seconds() == 60
