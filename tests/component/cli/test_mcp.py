"""`threemaps mcp`, asked by the client of the official package over its standard input and output."""

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import CallToolResult

from tests.conftest import Serve, in_a_loop_of_its_own
from tests.foreign import MCP_SDK, run_javascript
from tests.running import own_variables
from tests.unit.compare.maps import a_map
from tests.unit.compare.world import World

THREEMAPS = Path(sys.executable).parent / "threemaps"
WHOLE = a_map("(outside)>web 40 0", "web>api 40 2")
Ask = Callable[[Client], Awaitable[None]]


@pytest.fixture
def environ(serve: Serve, tmp_path: Path) -> dict[str, str]:
    """X-Ray and CloudWatch have drawn an edge that Honeycomb lacks."""
    url = serve(World(a_map("web>api 30 2"), WHOLE, WHOLE).app)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        **own_variables(tmp_path / "state"),
        "THREEMAPS_URL_HONEYCOMB": url,
        "THREEMAPS_URL_AWS": url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def asked(environ: dict[str, str], ask: Ask, *arguments: str) -> None:
    async def talk() -> None:
        parameters = StdioServerParameters(command=str(THREEMAPS), args=["mcp", *arguments], env=environ)
        async with Client(stdio_client(parameters)) as client:
            await ask(client)

    in_a_loop_of_its_own(talk)


def answer(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def test_the_maps_are_compared_and_the_report_is_kept(environ: dict[str, str]) -> None:
    async def ask(client: Client) -> None:
        told = answer(await client.call_tool("compare_maps", {"since": "10m"}))
        assert told["agree"] is False
        (found,) = [one for one in told["differences"] if one["kind"] == "requests"]
        assert (found["source"], found["target"]) == ("web", "api")
        assert found["values"] == {"honeycomb": 30, "xray": 40, "cloudwatch": 40}
        assert set(told["maps"]) == {"honeycomb", "xray", "cloudwatch"}
        report = await client.read_resource("threemaps://report/last")
        assert '"agree": false' in report.contents[0].text
        glossary = await client.read_resource("threemaps://glossary")
        assert "# Glossary" in glossary.contents[0].text

    asked(environ, ask)


def test_one_map_is_read_and_what_cannot_be_read_is_an_error_of_the_call(environ: dict[str, str]) -> None:
    async def ask(client: Client) -> None:
        told = answer(await client.call_tool("read_map", {"source": "xray", "service": "api"}))
        assert [(edge["source"], edge["target"]) for edge in told["map"]["edges"]] == [("web", "api")]
        for tool, arguments, problem in (
            ("read_map", {"source": "nowhere.json"}, "nowhere.json"),
            ("get_trace", {"trace_id": "no id"}, "no id"),
            ("compare_maps", {"since": "soon"}, "soon"),
        ):
            failed = await client.call_tool(tool, arguments)
            assert failed.is_error, tool
            assert problem in failed.content[0].text
            assert "Traceback" not in failed.content[0].text

    asked(environ, ask)


@pytest.mark.parametrize("arguments", [(), ("--allow-traffic",)])
def test_it_says_what_only_reads(environ: dict[str, str], arguments: tuple[str, ...]) -> None:
    async def ask(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"compare_maps", "read_map", "get_trace", "doctor"}
        sends = {name for name, tool in tools.items() if not tool.annotations.read_only_hint}
        assert sends == ({"doctor"} if arguments else set())
        assert "differences" in tools["compare_maps"].output_schema["properties"]
        told = answer(await client.call_tool("doctor", {}))
        assert told["ok"] is False
        assert told["broken"]["next_step"]

    asked(environ, ask, *arguments)


JAVASCRIPT = """
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
const client = new Client({ name: "foreign", version: "1" });
await client.connect(new StdioClientTransport({ command: process.argv[2], args: ["mcp"], env: process.env }));
const { tools } = await client.listTools();
const answer = await client.callTool({ name: "read_map", arguments: { source: "xray" } });
console.log(JSON.stringify({ tools: tools.map((one) => one.name), answer: answer.structuredContent }));
await client.close();
"""


def test_a_client_in_javascript_reads_the_same_map(environ: dict[str, str]) -> None:
    told = json.loads(run_javascript(MCP_SDK, JAVASCRIPT, str(THREEMAPS), environ=environ))
    read: list[Any] = []

    async def ask(client: Client) -> None:
        read.append(answer(await client.call_tool("read_map", {"source": "xray"})))

    asked(environ, ask)
    assert set(told["tools"]) == {"compare_maps", "read_map", "get_trace", "doctor"}
    assert told["answer"]["map"]["edges"] == read[0]["map"]["edges"]
    assert len(read[0]["map"]["edges"]) == 2


def test_nothing_but_messages_is_on_its_standard_output(environ: dict[str, str]) -> None:
    done = subprocess.run(
        [THREEMAPS, "mcp"], env=environ, input="no message\n", capture_output=True, text=True, timeout=150
    )
    assert all(line.startswith("{") for line in done.stdout.splitlines())
