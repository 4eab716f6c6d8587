"""Honeycomb's MCP server, which every plan has, asked with a management key or a person's login."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests

from threemaps.basics import nearby
from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge
from threemaps.readers.base import CONNECT_SECONDS, READ_SECONDS, Shape, UnreadableError
from threemaps.readers.honeycomb_account import account_of
from threemaps.readers.honeycomb_queries import STEPS, complete, covered, taken_apart, times_of
from threemaps.readers.honeycomb_refusals import KeyRefusedError
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
from threemaps.readers.honeycomb_session import (
    RUN_QUERY,
    SERVICE_MAP,
    WORKSPACE,
    Access,
    Call,
    Session,
    ToolResult,
    in_a_line,
)
from threemaps.readers.http import PART_BYTES, whole
from threemaps.settings import Settings

RESULT_ADDRESS = re.compile(r"query_result_json\W{1,6}(https?://[^\s\"'`<>)\]|]+)")
# How the table of get_service_map, which is not documented, may call what an edge is made of.
COLUMNS = {
    PARENT: ("source", "parent", "caller", "from", "parent_service", "source_service"),
    CHILD: ("target", "child", "callee", "to", "child_service", "destination"),
    COUNT: ("calls", "call_count", "count", "requests"),
    P95: ("p95_ms", "p95", "p95(duration_ms)", "p95 (ms)", "p95_duration_ms"),
}


class Mcp:
    name = "mcp"
    grain = STEPS[0][1]
    poll = timedelta(seconds=10)
    remarks: tuple[str, ...] = ()

    def __init__(self, settings: Settings, access: Access) -> None:
        self._settings = settings
        self._access = access
        self._session = Session(settings.honeycomb_mcp, access)
        self._slug = ""
        self._tools: Mapping[str, frozenset[str]] = {}
        self._shape = Shape("Honeycomb")

    def edges(self, window: Window) -> list[Edge]:
        """From the tool for the map where the plan has it, else by a query; errors are a second one."""
        failed_question = map_question(only_errors=True) | times_of(window)
        whole_map = self._map_call(window)
        calls = [whole_map, self._query(failed_question)]
        first, second = self._session.call(calls)
        rows = self._map_rows(whole_map[0], first)
        if rows is None:
            rows = self.answer(map_question() | times_of(window), series=False).rows
        # A tool that fails here knows no column `error`, or cannot be asked: then errors are not known.
        failed = None if second.failed else complete(self._answered(second, series=False).rows)
        self.remarks = (f"errors could not be asked: {in_a_line(second.text)}",) if second.failed else ()
        return edges_of(self._shape, complete(tuple(rows)), failed)

    def covers(self, window: Window) -> Window:
        return covered(window)

    def answer(self, question: Mapping[str, Any], *, series: bool, limit: int | None = None) -> Answer:
        """A query's answer. MCP knows no more than a thousand rows, whatever the limit is."""
        [result] = self._session.call([self._query(question)])
        if result.failed:
            raise UnreadableError(
                f"Honeycomb's MCP server could not run the query ({in_a_line(result.text)})",
                hint="run `threemaps doctor`",
            )
        return self._answered(result, series=series)

    def _map_call(self, window: Window) -> Call:
        """The tool for the map can be asked where it takes the window's own times."""
        if not self._tools:
            self._tools = self._session.tools()
        times = times_of(window)
        if times.keys() <= self._tools.get(SERVICE_MAP, frozenset()):
            return SERVICE_MAP, {"environment_slug": self._named(), **times}
        return self._query(map_question() | times)

    def _map_rows(self, tool: str, result: ToolResult) -> Sequence[Row] | None:
        """None where the tool for the map gave no table that can be read."""
        if tool == SERVICE_MAP:
            return None if result.failed else map_table(result.text)
        if result.failed:
            raise UnreadableError(
                f"Honeycomb's MCP server could not run the map's query ({in_a_line(result.text)})",
                hint="try again; `threemaps link honeycomb` opens the same query in Honeycomb's page",
            )
        return self._answered(result, series=False).rows

    def _query(self, question: Mapping[str, Any]) -> Call:
        arguments = {"query_spec": dict(question), "environment_wide_query": True}
        return RUN_QUERY, {"environment_slug": self._named(), **arguments}

    def _named(self) -> str:
        self._slug = self._slug or self.environment()
        return self._slug

    def environment(self) -> str:
        """That of the key that sends or reads; without one, the only one that the login may read."""
        try:
            return account_of(self._settings).environment
        except KeyRefusedError:
            if self._access.headers:
                raise
        [result] = self._session.call([(WORKSPACE, {})])
        found = environments_in(result.text)
        if len(found) != 1:
            raise UnreadableError(
                f"the login does not say which environment is meant: {', '.join(found) or 'it knows none'}",
                hint="set HONEYCOMB_API_KEY to the key that sends to it",
            )
        return found[0]

    def _answered(self, result: ToolResult, *, series: bool) -> Answer:
        """From the result's address; where none is given, from the table itself."""
        found = RESULT_ADDRESS.search(result.text)
        if found is None:
            return Answer(tuple(table_rows(result.text.partition("# Time Series")[0])))
        document = self._downloaded(found[1])
        if series and isinstance(document, Mapping):
            return taken_apart(self._shape, document)
        return Answer(tuple(rows_of(self._shape, document)))

    def _downloaded(self, address: str) -> object:
        """The address is signed and good for 15 minutes: no key goes with it."""
        if urlsplit(address).scheme != "https" and not address.startswith(
            self._session.url.removesuffix("/mcp")
        ):
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


def map_table(text: str) -> Sequence[Row] | None:
    """The rows of a table that names two services and a count, under the names of a query's columns."""
    rows = [{name.strip().lower(): value for name, value in row.items()} for row in table_rows(text)]
    if not rows:
        return None
    chosen = {own: next((one for one in names if one in rows[0]), "") for own, names in COLUMNS.items()}
    if not all(chosen[own] for own in (PARENT, CHILD, COUNT)):
        return None
    return [{own: row.get(name) for own, name in chosen.items() if name} for row in rows]


def environments_in(text: str) -> list[str]:
    """The slugs of the environments that the workspace's context names, in tables or in lines."""
    _, _, below = text.partition("nvironment")
    slugs = [row.get("slug") or row.get("Slug") for row in table_rows(below)]
    slugs += re.findall(r"\bslug\W{1,6}([a-z0-9][a-z0-9_-]*)", below, re.IGNORECASE)
    return list(dict.fromkeys(str(one) for one in slugs if one))
