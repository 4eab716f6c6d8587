"""The log lines of a trace, from CloudWatch Logs, and its errors, from Rollbar."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import requests

from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.base import CONNECT_SECONDS, READ_SECONDS, UnreadableError
from threemaps.readers.batch import xray_id
from threemaps.readers.http import PART_BYTES, whole
from threemaps.settings import LOCAL_ROLLBAR_TOKEN, SERVICE_LOG_GROUP, Settings

MOST_LINES = 500
MOST_ERRORS = 20
LATEST_MS = 253_402_300_799_000  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Line:
    moment: datetime
    service: str
    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """An occurrence at Rollbar that names the trace."""

    service: str
    title: str
    item_id: str


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
            events = [event for page in pages for event in page.get("events") or []]
        except client.exceptions.ResourceNotFoundException:
            return []
        return sorted((_line(event) for event in events), key=lambda line: line.moment)


def _around(trace_id: str) -> dict[str, int]:
    """X-Ray's ids begin with their second. For others the last days are searched."""
    second = datetime.fromtimestamp(int(trace_id[:8], 16), UTC)
    now = datetime.now(UTC)
    start = (
        second - timedelta(hours=1) if now - timedelta(days=30) < second < now else now - timedelta(days=7)
    )
    return {"startTime": int(start.timestamp() * 1000)}


def _line(event: Mapping[str, Any]) -> Line:
    told = min(max(int(event.get("timestamp") or 0), 0), LATEST_MS)
    moment = datetime.fromtimestamp(told / 1000, UTC)
    text = str(event.get("message") or "").encode("utf-8", "replace").decode()  # half an emoji is no text
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        record = None
    if not isinstance(record, dict) or "body" not in record:
        return Line(moment, "", "", text)
    resource = record.get("resource")
    service = resource.get("service.name", "") if isinstance(resource, dict) else ""
    body = record["body"]
    said = body if isinstance(body, str) else orjson.dumps(body).decode()
    return Line(moment, str(service), str(record.get("severity_text") or ""), said + _exception(record))


def _exception(record: Mapping[str, Any]) -> str:
    attributes = record.get("attributes")
    told = attributes.get("exception.type") if isinstance(attributes, dict) else None
    return (
        f" ({told}: {attributes.get('exception.message', '')})"
        if told and isinstance(attributes, dict)
        else ""
    )


def rollbar_errors(settings: Settings, trace_id: str) -> list[Fault]:
    """Among the latest occurrences; a token that may only send cannot read them."""
    token = LOCAL_ROLLBAR_TOKEN if settings.rollbar_is_local else settings.get("ROLLBAR_ACCESS_TOKEN")
    if not token:
        return []
    with requests.Session() as session:
        session.trust_env = not settings.rollbar_is_local
        try:
            response = session.get(
                f"{settings.rollbar_api}/api/1/instances",
                headers={"X-Rollbar-Access-Token": token},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                stream=True,
            )
            response.raise_for_status()
            told = orjson.loads(whole(response.iter_content(PART_BYTES), "Rollbar"))
            occurrences = list(told["result"]["instances"])
        except (requests.RequestException, orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise UnreadableError(
                f"Rollbar at {settings.rollbar_api} could not be read ({type(error).__name__})",
                hint="ROLLBAR_ACCESS_TOKEN needs the scope read besides post_server_item",
            ) from error
    return [_fault(one) for one in occurrences if _names(one, trace_id)][:MOST_ERRORS]


def _names(occurrence: Any, trace_id: str) -> bool:
    data = occurrence.get("data") if isinstance(occurrence, dict) else None
    custom = data.get("custom") if isinstance(data, dict) else None
    return isinstance(custom, dict) and custom.get("trace_id") == trace_id


def _fault(occurrence: Mapping[str, Any]) -> Fault:
    data = occurrence["data"]
    body = _part(data, "body")
    chain = body.get("trace_chain")
    first = {"trace": chain[0]} if isinstance(chain, list) and chain else {}
    exception = _part(_part(body, "trace") or _part(first, "trace"), "exception")
    title = f"{exception.get('class', 'error')}: {exception.get('message', '')}"
    return Fault(str(data["custom"].get("service") or ""), title, str(occurrence.get("item_id") or ""))


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}
