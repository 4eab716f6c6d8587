"""The log lines of a trace, from CloudWatch Logs, and its errors, from Rollbar."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from threemaps.model.difference import Window
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.batch import xray_id
from threemaps.settings import SERVICE_LOG_GROUP, Settings

MOST_LINES = 500
MOST_GROUPS = 500
LATEST_MS = 253_402_300_799_000  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Line:
    moment: datetime
    service: str
    severity: str
    text: str
    span: str = ""  # the id of the span that it was written in


def log_lines(settings: Settings, trace_id: str) -> list[Line]:
    """By either way to write the id: some lines have the one, some the other."""
    client = aws_client(settings, "logs")
    arguments: dict[str, Any] = {
        "logGroupName": SERVICE_LOG_GROUP,
        "filterPattern": f'?"{trace_id}" ?"{xray_id(trace_id)}"',
        **_around(trace_id),
    }
    with reasons(settings, "CloudWatch Logs", "logs:FilterLogEvents"):
        try:
            pages = client.get_paginator("filter_log_events").paginate(
                **arguments, PaginationConfig={"MaxItems": MOST_LINES}
            )
            events = once(event for page in pages for event in page.get("events") or [])
        except client.exceptions.ResourceNotFoundException:
            return []
        return sorted((_line(event) for event in events), key=lambda line: line.moment)


def once(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the repeats of a record that the collector had to send again: it has its nanosecond in it."""
    found: dict[str | int, dict[str, Any]] = {}
    for number, event in enumerate(events):
        is_a_record = '"timeUnixNano"' in str(event.get("message"))
        found.setdefault(event["message"] if is_a_record else number, event)
    return list(found.values())


def groups(settings: Settings) -> list[str]:
    """The names of the account's log groups."""
    client = aws_client(settings, "logs")
    with reasons(settings, "CloudWatch Logs", "logs:DescribeLogGroups"):
        found = client.get_paginator("describe_log_groups").paginate(
            PaginationConfig={"MaxItems": MOST_GROUPS}
        )
        return sorted(str(one["logGroupName"]) for page in found for one in page.get("logGroups") or [])


def tail(settings: Settings, group: str, window: Window, pattern: str = "") -> list[Line]:
    """The latest lines of a group that match CloudWatch's filter pattern, the newest first."""
    client = aws_client(settings, "logs")
    arguments = {"filterPattern": pattern} if pattern else {}
    with reasons(settings, "CloudWatch Logs", "logs:FilterLogEvents"):
        found = client.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            startTime=int(window.start.timestamp() * 1000),
            endTime=int(window.end.timestamp() * 1000),
            PaginationConfig={"MaxItems": MOST_LINES},
            **arguments,
        )
        lines = [_line(event) for event in once(one for page in found for one in page.get("events") or [])]
    return sorted(lines, key=lambda line: line.moment, reverse=True)


def _around(trace_id: str) -> dict[str, int]:
    """X-Ray's ids begin with their second. For others the last days are searched."""
    second = datetime.fromtimestamp(int(trace_id[:8], 16), UTC)
    now = datetime.now(UTC)
    start = (
        second - timedelta(hours=1) if now - timedelta(days=30) < second < now else now - timedelta(days=7)
    )
    return {"startTime": int(start.timestamp() * 1000)}


def _line(event: Mapping[str, Any]) -> Line:
    reported = min(max(int(event.get("timestamp") or 0), 0), LATEST_MS)
    moment = datetime.fromtimestamp(reported / 1000, UTC)
    text = str(event.get("message") or "").encode("utf-8", "replace").decode()  # half an emoji is no text
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        record = None
    if not isinstance(record, dict) or "body" not in record:
        return Line(moment, "", "", text)
    resource = _part(record, "resource")
    about = _part(resource, "attributes") or resource  # watchtower's events have them one level higher
    service = about.get("service.name", "")
    body = record["body"]
    said = body if isinstance(body, str) else orjson.dumps(body).decode()
    return Line(
        moment,
        str(service),
        str(record.get("severityText") or record.get("severity_text") or ""),
        said + _exception(record),
        str(record.get("spanId") or record.get("span_id") or ""),
    )


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _exception(record: Mapping[str, Any]) -> str:
    attributes = _part(record, "attributes")
    kind = attributes.get("exception.type")
    return f" ({kind}: {attributes.get('exception.message', '')})" if kind else ""
