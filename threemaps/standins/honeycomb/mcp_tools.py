"""The MCP server's tools that read. They answer as Honeycomb's do: Markdown, then a block of metadata."""

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from flask import request
from itsdangerous import URLSafeTimedSerializer

from threemaps.standins.honeycomb.checks import new_id
from threemaps.standins.honeycomb.datasets import ALL, dataset_slug, list_datasets
from threemaps.standins.honeycomb.keys import ENVIRONMENT, TEAM
from threemaps.standins.honeycomb.plan import Plan
from threemaps.standins.honeycomb.query_run import Options, run
from threemaps.standins.honeycomb.query_spec import LARGEST_LIMIT, parse_query
from threemaps.standins.store import Store

RESULT_SECONDS = 900
SHOWN_ROWS = 100
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

PARENT, CHILD = "parent.service.name", "service.name"
MAP_QUERY = {
    "breakdowns": [PARENT, CHILD],
    "calculations": [{"op": "COUNT"}, {"op": "P95", "column": "duration_ms"}],
    "filters": [{"column": PARENT, "op": "exists"}],
    "limit": LARGEST_LIMIT,
}
SPAN_COLUMNS = ("trace.span_id", "trace.parent_id", "service.name", "name", "duration_ms", "error")

TEXT, OBJECT = {"type": "string"}, {"type": "object"}
SLUG = {"environment_slug": TEXT}
TIMES = {name: {"type": ["integer", "string"]} for name in ("start_time", "end_time", "time_range")}


class ToolError(Exception):
    """What the arguments lack."""


@dataclass(frozen=True, slots=True)
class Tool:
    description: str
    properties: Mapping[str, Any]
    required: tuple[str, ...]
    call: Callable[[Mapping[str, Any]], str]


class Tools:
    """All of them, or on a plan below Enterprise those that it has."""

    def __init__(self, store: Store, plan: Plan) -> None:
        self._store = store
        self._serializer = URLSafeTimedSerializer(secrets.token_bytes(32))
        wide = {"environment_wide_query": {"type": "boolean"}, "dataset_slug": TEXT}
        query = {**SLUG, "query_spec": OBJECT, **wide, "results_limit": {"type": "integer"}}
        self._tools = {
            "get_workspace_context": Tool("The team and its environments.", {}, (), self._workspace),
            "get_environment": Tool("An environment and its datasets.", SLUG, tuple(SLUG), self._environment),
            "run_query": Tool("Runs a query.", query, ("environment_slug", "query_spec"), self._run_query),
            "get_query_results": Tool(
                "A query's results again.", {"query_run_pk": TEXT}, ("query_run_pk",), self._results
            ),
            "get_trace": Tool(
                "The spans of a trace.",
                {**SLUG, "trace_id": TEXT},
                ("environment_slug", "trace_id"),
                self._trace,
            ),
        }
        if plan is Plan.ENTERPRISE:
            self._tools["get_service_map"] = Tool(
                "Which service calls which.", {**SLUG, **TIMES}, tuple(SLUG), self._service_map
            )

    @property
    def names(self) -> Sequence[str]:
        return list(self._tools)

    def described(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "description": tool.description,
                "inputSchema": {
                    "type": "object",
                    "properties": dict(tool.properties),
                    "required": list(tool.required),
                },
                "annotations": {"readOnlyHint": True},
            }
            for name, tool in self._tools.items()
        ]

    def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """The tool's Markdown; a ToolError or a HoneycombError where it cannot be."""
        tool = self._tools[name]
        for needed in tool.required:
            if arguments.get(needed) in (None, ""):
                raise ToolError(f"{needed} is required")
        slug = arguments.get("environment_slug", ENVIRONMENT["slug"])
        if slug != ENVIRONMENT["slug"]:
            raise ToolError(f"environment {str(slug)[:80]!r} not found: there is {ENVIRONMENT['slug']!r}")
        return tool.call(arguments)

    def signed_result(self, token: str) -> dict[str, Any]:
        """What a result's address holds; itsdangerous' BadData where it no longer does."""
        key = self._serializer.loads(token, max_age=RESULT_SECONDS)
        data = self._saved(str(key))["data"]
        return {name: data[name] for name in ("results", "series")}

    def _workspace(self, arguments: Mapping[str, Any]) -> str:
        teams = _table([{"team": TEAM["name"], "slug": TEAM["slug"]}])
        return f"# Team\n{teams}\n\n# Environments\n{_table([ENVIRONMENT])}"

    def _environment(self, arguments: Mapping[str, Any]) -> str:
        datasets = [
            {"name": one["name"], "slug": one["slug"], "last_written_at": one["last_written_at"]}
            for one in list_datasets(self._store)
        ]
        return f"# Environment {ENVIRONMENT['name']}\n\n# Datasets\n{_table(datasets)}"

    def _run_query(self, arguments: Mapping[str, Any]) -> str:
        given = arguments["query_spec"]
        spec = orjson.loads(given) if isinstance(given, str) else given
        if not isinstance(spec, dict):
            raise ToolError("query_spec is no JSON object")
        wide = arguments.get("environment_wide_query") is True
        dataset = ALL if wide else arguments.get("dataset_slug")
        if not isinstance(dataset, str):
            raise ToolError("dataset_slug, or environment_wide_query: true, is required")
        limit = arguments.get("results_limit")
        return self._shown(self._ran(spec, dataset), limit if isinstance(limit, int) else SHOWN_ROWS)

    def _ran(self, spec: Mapping[str, Any], dataset: str) -> str:
        """The key of a query's saved result."""
        slug = dataset_slug(self._store, dataset)
        absolute = {**spec, **_absolute(spec)}
        query = parse_query(absolute)
        data = run(
            self._store, query, None if slug == ALL else slug, Options(series=True, totals=False, limit=None)
        )
        key = new_id()
        document = orjson.dumps({"id": key, "query": absolute, "data": data}).decode()
        self._store.append("query_results", {"id": [key], "dataset": [slug], "document": [document]})
        return key

    def _saved(self, key: str) -> dict[str, Any]:
        rows = self._store.rows("SELECT document FROM query_results WHERE id = ?", [key])
        if not rows:
            raise ToolError(f"query_run_pk {key[:40]!r} not found")
        document: dict[str, Any] = orjson.loads(rows[0][0])
        return document

    def _results(self, arguments: Mapping[str, Any]) -> str:
        return self._shown(str(arguments["query_run_pk"]), SHOWN_ROWS)

    def _shown(self, key: str, limit: int) -> str:
        saved = self._saved(key)
        rows = [row["data"] for row in saved["data"]["results"]]
        metadata = {
            "environment": ENVIRONMENT["slug"],
            "query_result_json": f"{request.url_root}query_results/{self._serializer.dumps(key)}",
            "query_run_pk": key,
            "query_url": f"{request.url_root}1/query_results/{ALL}/{key}",
        }
        spec = orjson.dumps(saved["query"], option=orjson.OPT_INDENT_2).decode()
        block = "\n".join(f"{name}: {value}" for name, value in metadata.items())
        return (
            f"# Results\n{_table(rows[:limit])}\n\n# Query Spec\n```json\n{spec}\n```\n\n# Metadata\n{block}"
        )

    def _trace(self, arguments: Mapping[str, Any]) -> str:
        only = {"column": "trace.trace_id", "op": "=", "value": str(arguments["trace_id"])}
        # So long a range is cut down to whole half hours: the newest is to be in it.
        end = int(time.time()) // 1_800 * 1_800 + 1_800
        times = {"start_time": end - 7 * UNITS["d"], "end_time": end}
        spec = {"breakdowns": list(SPAN_COLUMNS), "filters": [only], "limit": LARGEST_LIMIT, **times}
        rows = self._saved(self._ran(spec, ALL))["data"]["results"]
        spans = [{name: row["data"][name] for name in SPAN_COLUMNS} for row in rows]
        return f"# Trace {arguments['trace_id']}\n{_table(spans)}"

    def _service_map(self, arguments: Mapping[str, Any]) -> str:
        times = {name: arguments[name] for name in TIMES if name in arguments}
        rows = self._saved(self._ran({**MAP_QUERY, **times}, ALL))["data"]["results"]
        calls = [
            {
                "source": row[PARENT],
                "target": row[CHILD],
                "calls": row["COUNT"],
                "p95_ms": row["P95(duration_ms)"],
            }
            for row in (one["data"] for one in rows)
            if row[CHILD] is not None and row[PARENT] != row[CHILD]
        ]
        return f"# Service Map\n{_table(calls)}"


def _absolute(spec: Mapping[str, Any]) -> dict[str, int]:
    """Times may be words: `2h`, `-24h`, `now`, a date; an open end takes in the minute that has begun."""
    times: dict[str, int] = {}
    now = int(time.time())
    if spec.get("time_range") is not None:
        times["time_range"] = _seconds(spec["time_range"])
    for name in ("start_time", "end_time"):
        if spec.get(name) is not None:
            times[name] = _moment(spec[name], now)
    if "end_time" not in times and not {"start_time", "time_range"} <= times.keys():
        times["end_time"] = now - now % 60 + 60
    return times


def _seconds(given: object) -> int:
    found = re.fullmatch(r"-?(\d{1,9})\s*([smhdw])", given) if isinstance(given, str) else None
    if found:
        return int(found[1]) * UNITS[found[2]]
    if isinstance(given, int):
        return given
    raise ToolError(f"{str(given)[:40]!r} is no length of time: 7200, or 2h")


def _moment(given: object, now: int) -> int:
    if isinstance(given, int):
        return given
    if given == "now":
        return now
    text = str(given)
    if re.fullmatch(r"-?\d{1,9}\s*[smhdw]", text):
        return now - _seconds(text)
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError) as error:
        raise ToolError(f"{text[:40]!r} is no time: seconds since 1970, -24h, or a date") from error


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "(no rows)"
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([_cell(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value) if isinstance(value, (str, int, float)) else orjson.dumps(value).decode()
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())
