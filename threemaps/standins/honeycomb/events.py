"""The Events API: `/1/events/DATASET` for one event, `/1/batch/DATASET` for many, each with its status."""

import math
import time
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from threemaps.standins.honeycomb.attributes import MAX_FIELD_BYTES, json_text
from threemaps.standins.honeycomb.exceptions import HoneycombError, legacy
from threemaps.standins.honeycomb.keys import check_any_key
from threemaps.standins.honeycomb.rows import LARGEST_INTEGER, Batch, Resource, Row, flaw
from threemaps.standins.honeycomb.sampling import to_rate
from threemaps.standins.honeycomb.writer import Writer
from threemaps.standins.http import BodyError, json_answer, parse_json, read_body

MAX_EVENT_BODY = 1_000_000
MAX_BATCH_BODY = 15_000_000

EMPTY = "Request body should not be empty."
MALFORMED = "Request body is malformed and cannot be read."
TOO_LARGE = "Request body is too large."

# Field of an event → column, and what a value must be to go there.
_TEXTS = {
    "trace.trace_id": "trace_id",
    "trace.span_id": "span_id",
    "trace.parent_id": "parent_id",
    "name": "name",
    "span.kind": "kind",
    "meta.annotation_type": "annotation",
}
_NANOSECONDS = (1e11, 10**9), (1e14, 10**6), (1e17, 10**3)


class EventError(Exception):
    """Why one event cannot be taken."""


def events_blueprint(writer: Writer) -> Blueprint:
    blueprint = Blueprint("events", __name__)
    blueprint.before_request(check_any_key)

    @blueprint.errorhandler(BodyError)
    def refuse_body(error: BodyError) -> Response:
        return legacy(TOO_LARGE if error.status == 413 else MALFORMED, 400)

    @blueprint.post("/1/events/<dataset>")
    def one(dataset: str) -> Response:
        data = _json(MAX_EVENT_BODY)
        batch = Batch()
        try:
            moment = read_time(request.headers.get("X-Honeycomb-Event-Time"))
            add_event(batch, dataset, data, moment, request.headers.get("X-Honeycomb-Samplerate", 1))
        except EventError as error:
            return legacy(str(error), 400)
        writer.write(batch.encoded())
        return Response(status=200)

    @blueprint.post("/1/batch/<dataset>")
    def many(dataset: str) -> Response:
        events = _json(MAX_BATCH_BODY)
        if not isinstance(events, list):
            return legacy(MALFORMED, 400)
        batch = Batch()
        statuses = [_status(batch, dataset, event) for event in events]
        writer.write(batch.encoded())
        return json_answer(statuses)

    return blueprint


def _json(limit: int) -> Any:
    data = read_body(request, limit=limit, decoded_limit=MAX_BATCH_BODY)
    if not data.strip():
        raise HoneycombError(400, EMPTY)
    return parse_json(data)


def _status(batch: Batch, dataset: str, event: Any) -> dict[str, Any]:
    try:
        if not isinstance(event, dict):
            raise EventError(MALFORMED)
        add_event(batch, dataset, event.get("data"), read_time(event.get("time")), event.get("samplerate", 1))
    except EventError as error:
        return {"status": 400, "error": str(error)}
    return {"status": 202}


def add_event(batch: Batch, dataset: str, data: Any, moment: int, sample_rate: Any) -> None:
    if not isinstance(data, dict):
        raise EventError(MALFORMED if data else EMPTY)
    fields = {name: _scalar(value) for name, value in data.items() if value is not None}
    if not fields:
        raise EventError(EMPTY)
    signal, service = fields.pop("meta.signal_type", None), fields.pop("service.name", None)
    resource = Resource(dataset, _text(service), _text(signal), "{}")
    columns = _take_columns(fields)
    attributes = json_text(fields)
    reason = flaw(attributes)
    if reason:
        raise EventError(reason)
    batch.rows.append(_row(moment, batch.share(resource), columns, to_rate(sample_rate), attributes))


def _take_columns(fields: dict[str, Any]) -> dict[str, Any]:
    """Moves the values that have a column of their own out of the fields."""
    columns = {column: _text(fields.pop(name, None)) for name, column in _TEXTS.items()}
    if _is_number(fields.get("duration_ms")):
        columns["duration_ms"] = fields.pop("duration_ms")
    if isinstance(fields.get("error"), bool):
        columns["error"] = fields.pop("error")
    status = fields.get("status_code")
    if isinstance(status, int) and not isinstance(status, bool) and abs(status) < 2**31:
        columns["status_code"] = fields.pop("status_code")
    return columns


def _row(moment: int, resource: int, columns: dict[str, Any], rate: int, attributes: str) -> Row:
    is_span = columns["trace_id"] and columns["span_id"] and not columns["annotation"]
    return (
        moment,
        resource,
        columns["trace_id"],
        columns["span_id"],
        columns["parent_id"],
        columns["name"],
        columns["kind"],
        columns.get("duration_ms"),
        columns.get("status_code"),
        columns.get("error"),
        columns["annotation"],
        0 if is_span else None,
        rate,
        attributes,
    )


def _scalar(value: Any) -> Any:
    """Lists and objects are kept as their JSON; a text is cut to what a field may hold."""
    if isinstance(value, (dict, list)):
        value = json_text(value)
    return value[:MAX_FIELD_BYTES] if isinstance(value, str) else value


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else value if isinstance(value, str) else json_text(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def read_time(value: Any) -> int:
    """Nanoseconds, from RFC 3339 or from an epoch in seconds or finer; now where nothing is said."""
    if value is None or value == "":
        return time.time_ns()
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _from_rfc3339(value)
    if not _is_number(value) or not math.isfinite(value) or value < 0:
        raise EventError(f"{MALFORMED[:-1]}: {str(value)[:64]!r} is no time.")
    unit = next((factor for largest, factor in _NANOSECONDS if value < largest), 1)
    return min(int(value * unit), LARGEST_INTEGER)


def _from_rfc3339(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise EventError(f"{MALFORMED[:-1]}: {text[:64]!r} is no time.") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000) * 1_000
