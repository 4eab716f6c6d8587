"""Foreign MCP clients at the local Honeycomb: the tools of each plan, and the true map through them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
import requests
from mcp import Client as McpClient
from mcp.client.streamable_http import streamable_http_client

from tests.conftest import Serve, in_a_loop_of_its_own
from tests.foreign import MCP_SDK, run_javascript
from tests.unit.standins.honeycomb.conftest import Client
from tests.unit.standins.honeycomb.spans import Call, request_of
from threemaps.settings import LOCAL_MANAGEMENT_KEY
from threemaps.standins.honeycomb.mcp_tools import RESULT_SECONDS
from threemaps.standins.honeycomb.plan import Plan
from threemaps.standins.honeycomb.urls import SCHEMA, create_app
from threemaps.standins.store import Store

READING = {"get_workspace_context", "get_environment", "run_query", "get_query_results", "get_trace"}
EDGES = {("web", "api|a"): 1, ("api|a", "users"): 1, ("web", "users"): 1}
QUESTION = {"breakdowns": ["parent.service.name", "service.name"], "time_range": "15m"}
RUN = {"environment_slug": "local", "environment_wide_query": True, "query_spec": QUESTION}

JAVASCRIPT = """
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
const [url, key, question] = process.argv.slice(2);
const options = { requestInit: { headers: { Authorization: `Bearer ${key}` } } };
const client = new Client({ name: "foreign", version: "1" });
await client.connect(new StreamableHTTPClientTransport(new URL(url), options));
const { tools } = await client.listTools();
const answer = await client.callTool({ name: "run_query", arguments: JSON.parse(question) });
console.log(JSON.stringify({ tools: tools.map((one) => one.name), answer }));
await client.close();
"""


@pytest.fixture(params=list(Plan))
def local(request: pytest.FixtureRequest, serve: Serve) -> Iterator[tuple[str, Plan]]:
    store = Store(":memory:", SCHEMA)
    url = serve(create_app(store, plan=request.param))
    Client(url).send_spans(
        request_of([Call("web", 1), Call("api|a", 2, 1), Call("users", 3, 2), Call("users", 4, 1)])
    )
    yield url, request.param
    store.close()


def asked(url: str, *calls: tuple[str, dict[str, Any]], key: str = LOCAL_MANAGEMENT_KEY) -> Any:
    """The names of the tools, and what these calls are answered, through the official client."""

    async def ask() -> Any:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as http,
            McpClient(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
        ):
            tools = {tool.name for tool in (await client.list_tools()).tools}
            return tools, [await client.call_tool(name, arguments) for name, arguments in calls]

    return in_a_loop_of_its_own(ask)


def edges_in(text: str) -> dict[tuple[str, str], int]:
    """Of the result at the address that the metadata names."""
    [address] = re.findall(r"^query_result_json: (\S+)$", text, re.MULTILINE)
    rows = [row["data"] for row in requests.get(address, timeout=10).json()["results"]]
    named = [row for row in rows if row["parent.service.name"]]
    return {(row["parent.service.name"], row["service.name"]): row["COUNT"] for row in named}


def test_the_official_client(local: tuple[str, Plan]) -> None:
    url, plan = local
    tools, [run, trace, wrong] = asked(
        url,
        ("run_query", RUN),
        ("get_trace", {"environment_slug": "local", "trace_id": (1).to_bytes(8).hex() * 2}),
        ("run_query", RUN | {"query_spec": {"breakdowns": ["none.name"]}}),
    )
    assert tools == READING | ({"get_service_map"} if plan is Plan.ENTERPRISE else set())
    text = run.content[0].text
    assert edges_in(text) == EDGES
    assert "| web | api\\|a | 1 |" in text
    again = re.findall(r"^query_run_pk: (\S+)$", text, re.MULTILINE)[0]
    _, [same] = asked(url, ("get_query_results", {"query_run_pk": again}))
    assert edges_in(same.content[0].text) == EDGES
    assert trace.content[0].text.count("| GET / |") == 4
    assert wrong.is_error
    assert "breakdowns[0]" in wrong.content[0].text


def test_a_client_in_javascript(local: tuple[str, Plan]) -> None:
    url, plan = local
    told = json.loads(
        run_javascript(MCP_SDK, JAVASCRIPT, f"{url}/mcp", LOCAL_MANAGEMENT_KEY, json.dumps(RUN))
    )
    assert ("get_service_map" in told["tools"]) is (plan is Plan.ENTERPRISE)
    assert edges_in(told["answer"]["content"][0]["text"]) == EDGES


def test_who_gets_in_and_for_how_long(local: tuple[str, Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    url, _ = local
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    for key in ("", "Bearer local-management-id", "Bearer local-configuration-key", LOCAL_MANAGEMENT_KEY):
        refused = requests.post(f"{url}/mcp", json=body, headers={"Authorization": key}, timeout=10)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    _, [run] = asked(url, ("run_query", RUN))
    [address] = re.findall(r"^query_result_json: (\S+)$", run.content[0].text, re.MULTILINE)
    assert requests.get(address[:-2] + "xx", timeout=10).status_code == 403
    later = datetime.now(UTC).timestamp() + RESULT_SECONDS
    monkeypatch.setattr("itsdangerous.timed.TimestampSigner.get_timestamp", lambda self: int(later + 2))
    assert requests.get(address, timeout=10).status_code == 403
    monkeypatch.setattr("itsdangerous.timed.TimestampSigner.get_timestamp", lambda self: int(later - 5))
    assert requests.get(address, timeout=10).status_code == 200
