"""Honeycomb's MCP server, which every plan has, asked with a management key."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests

from threemaps.basics import nearby
from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge
from threemaps.readers.base import CONNECT_SECONDS, READ_SECONDS, Shape, UnreadableError
from threemaps.readers.honeycomb_queries import STEPS, complete, covered, taken_apart, times_of
from threemaps.readers.honeycomb_refusals import SCOPES, KeyRefusedError
from threemaps.readers.honeycomb_results import (
    CHILD,
    COUNT,
    P95,
    PARENT,
    Answer,
    Row,
    edges_of,
    map_question,
    rows_of,
    table_rows,
)
from threemaps.readers.http import PART_BYTES, whole
from threemaps.settings import USER_AGENT

SERVICE_MAP, RUN_QUERY = "get_service_map", "run_query"
RESULT_ADDRESS = re.compile(r"query_result_json\W{1,6}(https?://[^\s\"'`<>)\]|]+)")
# How the table of get_service_map, which is not documented, may call what an edge is made of.
COLUMNS = {
    PARENT: ("source", "parent", "caller", "from", "parent_service", "source_service"),
    CHILD: ("target", "child", "callee", "to", "child_service", "destination"),
    COUNT: ("calls", "call_count", "count", "requests"),
    P95: ("p95_ms", "p95", "p95(duration_ms)", "p95 (ms)", "p95_duration_ms"),
}

Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Told:
    """A tool's answer."""

    text: str
    failed: bool


class Mcp:
    name = "mcp"
    grain = STEPS[0][1]
    poll = timedelta(seconds=10)
    remarks: tuple[str, ...] = ()

    def __init__(self, url: str, key: str, environment: Callable[[], str]) -> None:
        self.url = url
        self._key = key
        self._environment = environment
        self._slug = ""
        self._tools: Mapping[str, frozenset[str]] = {}
        self._status = 0
        self._shape = Shape("Honeycomb")

    def edges(self, window: Window) -> list[Edge]:
        """From the tool for the map where the plan has it, else by a query; errors are a second one."""
        failed_question = map_question(only_errors=True) | times_of(window)
        whole_map = self._map_call(window)
        calls = [whole_map, self._query(failed_question)]
        first, second = self._call(calls)
        rows = self._map_rows(whole_map[0], first)
        if rows is None:
            rows = self.answer(map_question() | times_of(window), series=False).rows
        # A tool that fails here knows no column `error`, or cannot be asked: then errors are not known.
        failed = None if second.failed else complete(self._answered(second, series=False).rows)
        self.remarks = (f"errors could not be asked: {_line(second.text)}",) if second.failed else ()
        return edges_of(self._shape, complete(tuple(rows)), failed)

    def covers(self, window: Window) -> Window:
        return covered(window)

    def answer(self, question: Mapping[str, Any], *, series: bool, limit: int | None = None) -> Answer:
        """A query's answer. MCP knows no more than a thousand rows, whatever the limit is."""
        [told] = self._call([self._query(question)])
        if told.failed:
            raise UnreadableError(
                f"Honeycomb's MCP server could not run the query ({_line(told.text)})",
                hint="run `threemaps doctor`",
            )
        return self._answered(told, series=series)

    def _map_call(self, window: Window) -> Call:
        """The tool for the map can be asked where it takes the window's own times."""
        if not self._tools:
            self._tools = self._listed()
        times = times_of(window)
        if times.keys() <= self._tools.get(SERVICE_MAP, frozenset()):
            return SERVICE_MAP, {"environment_slug": self._named(), **times}
        return self._query(map_question() | times)

    def _map_rows(self, tool: str, told: Told) -> Sequence[Row] | None:
        """None where the tool for the map gave no table that can be read."""
        if tool == SERVICE_MAP:
            return None if told.failed else map_table(told.text)
        if told.failed:
            raise UnreadableError(
                f"Honeycomb's MCP server could not run the map's query ({_line(told.text)})",
                hint="try again; `threemaps link honeycomb` opens the same query in Honeycomb's page",
            )
        return self._answered(told, series=False).rows

    def _query(self, question: Mapping[str, Any]) -> Call:
        arguments = {"query_spec": dict(question), "environment_wide_query": True}
        return RUN_QUERY, {"environment_slug": self._named(), **arguments}

    def _named(self) -> str:
        self._slug = self._slug or self._environment()
        return self._slug

    def _answered(self, told: Told, *, series: bool) -> Answer:
        """From the result's address; where none is given, from the table itself."""
        found = RESULT_ADDRESS.search(told.text)
        if found is None:
            return Answer(tuple(table_rows(told.text.partition("# Time Series")[0])))
        document = self._downloaded(found[1])
        if series and isinstance(document, Mapping):
            return taken_apart(self._shape, document)
        return Answer(tuple(rows_of(self._shape, document)))

    def _downloaded(self, address: str) -> object:
        """The address is signed and good for 15 minutes: no key goes with it."""
        if urlsplit(address).scheme != "https" and not address.startswith(self.url.removesuffix("/mcp")):
            raise self._shape.wrong("query_result_json", address)
        try:
            with (
                nearby.session_for(address) as session,
                session.get(address, timeout=(CONNECT_SECONDS, READ_SECONDS), stream=True) as answer,
            ):
                body = whole(answer.iter_content(PART_BYTES), "Honeycomb")
                answer.raise_for_status()
                return orjson.loads(body)
        except (requests.RequestException, orjson.JSONDecodeError) as error:
            raise UnreadableError(
                f"the result that Honeycomb's MCP server names could not be read ({type(error).__name__})",
                hint="try again: its address is good for 15 minutes",
            ) from error

    def _listed(self) -> Mapping[str, frozenset[str]]:
        """The tools that this team's plan has, each with the names of its arguments."""

        async def listed(client: Any) -> Mapping[str, frozenset[str]]:
            found, cursor = {}, None
            while True:
                page = await client.list_tools(cursor=cursor)
                for tool in page.tools:
                    found[tool.name] = frozenset((tool.input_schema or {}).get("properties") or {})
                cursor = page.next_cursor
                if not cursor:
                    return found

        tools: Mapping[str, frozenset[str]] = self._session(listed)
        if RUN_QUERY not in tools and SERVICE_MAP not in tools:
            offered = ", ".join(sorted(tools)) or "nothing"
            raise KeyRefusedError(
                f"Honeycomb's MCP server offers no {RUN_QUERY} with this key, but {offered}",
                hint=f"the management key needs the scopes {SCOPES}",
            )
        return tools

    def _call(self, calls: Sequence[Call]) -> list[Told]:
        async def called(client: Any) -> list[Told]:
            answers = [await client.call_tool(name, arguments) for name, arguments in calls]
            return [
                Told("\n".join(getattr(part, "text", "") for part in one.content), one.is_error is True)
                for one in answers
            ]

        found: list[Told] = self._session(called)
        return found

    def _session(self, work: Callable[[Any], Any]) -> Any:
        """What `work` makes of a connected client. Each session has a loop of its own, in whatever thread."""
        import httpx2
        from mcp import MCPError

        try:
            # In a thread, since the caller's may have a loop that runs: a test's, or an assistant's.
            with ThreadPoolExecutor(max_workers=1) as pool:
                return pool.submit(lambda: asyncio.run(self._connected(work))).result()
        except (MCPError, httpx2.HTTPError, ExceptionGroup, TimeoutError, OSError, ValueError) as error:
            raise self._refused(error) from error

    async def _connected(self, work: Callable[[Any], Any]) -> Any:
        import httpx2
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        self._status = 0

        async def note(response: httpx2.Response) -> None:
            self._status = response.status_code

        headers = {"Authorization": f"Bearer {self._key}", "User-Agent": USER_AGENT}
        is_near = urlsplit(self.url).hostname in nearby.LOOPBACK
        async with (
            httpx2.AsyncClient(
                headers=headers,
                timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
                trust_env=not is_near,
                event_hooks={"response": [note]},
            ) as http,
            Client(
                streamable_http_client(self.url, http_client=http), read_timeout_seconds=READ_SECONDS
            ) as client,
        ):
            return await work(client)

    def _refused(self, error: Exception) -> UnreadableError:
        if self._status in (401, 403):
            return KeyRefusedError(
                f"Honeycomb's MCP server does not take the management key ({self._status})",
                hint=f"HONEYCOMB_MANAGEMENT_KEY is ID:SECRET, with the scopes {SCOPES}, "
                "made by a team owner; Honeycomb Intelligence has to be on for the team",
            )
        if self._status == 429:
            return UnreadableError(
                "Honeycomb's MCP server is limiting the rate of requests", hint="wait a minute"
            )
        why = f"it answers {self._status}" if self._status >= 400 else "nothing answers there"
        if 0 < self._status < 400:
            why = f"its answer makes no sense ({_line(str(error))})"
        return UnreadableError(
            f"Honeycomb's MCP server at {self.url} could not be asked: {why}",
            hint="check the network, the proxy and HONEYCOMB_MCP_ENDPOINT (EU: https://mcp.eu1.honeycomb.io/mcp)",
        )


def map_table(text: str) -> Sequence[Row] | None:
    """The rows of a table that names two services and a count, under the names of a query's columns."""
    rows = [{name.strip().lower(): value for name, value in row.items()} for row in table_rows(text)]
    if not rows:
        return None
    chosen = {own: next((one for one in names if one in rows[0]), "") for own, names in COLUMNS.items()}
    if not all(chosen[own] for own in (PARENT, CHILD, COUNT)):
        return None
    return [{own: row.get(name) for own, name in chosen.items() if name} for row in rows]


def _line(text: str) -> str:
    return " ".join(text.split())[:160] or "no reason given"
