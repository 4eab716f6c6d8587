"""Logs Insights: queries over log events. A query is answered at once, and its results are kept."""

import base64
import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch.exceptions import invalid, not_found
from threemaps.standins.cloudwatch.groups import Groups, group_identified, now_ms
from threemaps.standins.cloudwatch.insights.commands import Query
from threemaps.standins.cloudwatch.insights.values import Record, text
from threemaps.standins.cloudwatch.paging import offset_from, to_token
from threemaps.standins.cloudwatch.scan import Event, scan
from threemaps.standins.store import Store

MAX_GROUPS = 50
PAGE = 10_000
DESCRIBED = 100
# A start or end below this is in seconds, as the documentation has it; the API takes milliseconds too.
SECONDS_BELOW = 100_000_000_000


class Queries:
    def __init__(self, store: Store, groups: Groups) -> None:
        self._store = store
        self._groups = groups

    def start_query(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("queryLanguage", "CWLI") != "CWLI":
            raise invalid(f"queryLanguage {request['queryLanguage']} is not answered here, CWLI is")
        names = self._groups_of(request)
        start, end = _in_ms(request["startTime"]), _in_ms(request["endTime"], last=999)
        if start > end:
            raise invalid("End time should not be before start time")
        query = Query(request["queryString"], request.get("limit"))
        began, created = time.perf_counter(), now_ms()
        where = "time_ms >= ? AND time_ms <= ?"
        scanned = _Counted(scan(self._store, names, where, [start, end], newest_first=True))
        found = query.run(Record.of(event) for event in scanned)
        statistics = scanned.statistics(query.matched(len(found)), len(names))
        answer = {"results": [_row(record, query.columns()) for record in found], "statistics": statistics}
        name = str(uuid.uuid4())
        self._store.append(
            "insights_query",
            {
                "id": [name],
                "log_groups": [orjson.dumps(names).decode()],
                "text": [request["queryString"]],
                "created_ms": [created],
                "duration_ms": [int((time.perf_counter() - began) * 1000)],
                "bytes_scanned": [statistics["bytesScanned"]],
                "answer": [orjson.dumps(answer).decode()],
            },
        )
        return {"queryId": name}

    def get_query_results(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = orjson.loads(self._stored(request["queryId"]))
        start = offset_from(request["nextToken"]) if request.get("nextToken") else 0
        end = start + (request.get("maxItems") or PAGE)
        more = {"nextToken": to_token(end)} if end < len(answer["results"]) else {}
        return {
            "queryLanguage": "CWLI",
            "status": "Complete",
            "statistics": answer["statistics"],
            "results": answer["results"][start:end],
            **more,
        }

    def stop_query(self, request: dict[str, Any]) -> dict[str, Any]:
        self._stored(request["queryId"])
        raise invalid(f"The specified query {request['queryId'][:60]} is not running.")

    def describe_queries(self, request: dict[str, Any]) -> dict[str, Any]:
        rows = self._store.rows(
            "SELECT id, text, created_ms, log_groups, duration_ms, bytes_scanned FROM insights_query "
            "ORDER BY created_ms DESC, id"
        )
        group, start = request.get("logGroupName"), _offset(request)
        described = [
            {
                "queryLanguage": "CWLI",
                "queryId": name,
                "queryString": string,
                "status": "Complete",
                "createTime": created,
                "logGroupName": orjson.loads(names)[0],
                "queryDuration": duration,
                "bytesScanned": size,
            }
            for name, string, created, names, duration, size in rows
            if group is None or group in orjson.loads(names)
        ]
        if request.get("status", "Complete") != "Complete":
            described = []
        end = start + request.get("maxResults", DESCRIBED)
        return {
            "queries": described[start:end],
            **({"nextToken": to_token(end)} if end < len(described) else {}),
        }

    def get_log_record(self, request: dict[str, Any]) -> dict[str, Any]:
        sequence = _from_pointer(request["logRecordPointer"])
        found = next(scan(self._store, None, "sequence = ?", [sequence]), None)
        if found is None:
            raise not_found("log record")
        fields = Record.of(found).discovered()
        return {"logRecord": {name: _shown(value) for name, value in fields.items()}}

    def _groups_of(self, request: dict[str, Any]) -> list[str]:
        given = [
            name for name in ("logGroupName", "logGroupNames", "logGroupIdentifiers") if request.get(name)
        ]
        if len(given) != 1:
            raise invalid(
                "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers has to be given"
            )
        value = request[given[0]]
        names = [value] if isinstance(value, str) else [group_identified(name) for name in value]
        if len(names) > MAX_GROUPS:
            raise invalid(f"{len(names)} log groups are more than {MAX_GROUPS}")
        for name in names:
            self._groups.require_group(name)
        return names

    def _stored(self, name: str) -> str:
        rows = self._store.rows("SELECT answer FROM insights_query WHERE id = ?", [name])
        if not rows:
            raise not_found("query")
        return str(rows[0][0])


class _Counted:
    """Counts the events that a query went through."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = events
        self._count = self._size = 0

    def __iter__(self) -> Iterator[Event]:
        for event in self._events:
            self._count += 1
            self._size += len(event.message)
            yield event

    def statistics(self, matched: int, groups: int) -> dict[str, float]:
        return {
            "recordsMatched": float(matched),
            "recordsScanned": float(self._count),
            "bytesScanned": float(self._size),
            "logGroupsScanned": float(groups),
        }


def _row(record: Record, columns: list[str]) -> list[dict[str, str]]:
    cells = [(name, record.get(name)) for name in columns]
    row = [{"field": name, "value": text(value)} for name, value in cells if value is not None]
    return row if record.event is None else [*row, {"field": "@ptr", "value": _pointer(record.event)}]


def _shown(value: Any) -> str:
    """A whole record gives its times as numbers."""
    return str(int(value)) if isinstance(value, int) else text(value)


def _pointer(event: Event) -> str:
    return base64.b64encode(f"threemaps/{event.sequence}".encode()).decode()


def _from_pointer(pointer: str) -> int:
    try:
        digits = base64.b64decode(pointer, validate=True).decode().removeprefix("threemaps/")
        number = int(digits[:18])
    except ValueError:
        raise AwsError("InvalidParameterException", "The specified logRecordPointer is invalid.") from None
    return number


def _offset(request: dict[str, Any]) -> int:
    return offset_from(request["nextToken"]) if request.get("nextToken") else 0


def _in_ms(moment: int, last: int = 0) -> int:
    """A second at the end is meant to its last millisecond."""
    return moment * 1000 + last if moment < SECONDS_BELOW else moment
