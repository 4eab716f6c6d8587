"""CloudWatch Logs' OTLP endpoint, `POST /v1/logs`: log records in, kept as AWS's JSON events.

Where they go is in two headers. What makes the call unfit refuses it whole; records that are too old or too
new are counted in a partial success, in AWS's form: its message is JSON.
"""

import base64
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from werkzeug.wrappers import Request, Response

from threemaps.standins.cloudwatch.events import (
    HOUR_MS,
    LONGEST_SPAN_MS,
    MAX_EVENTS,
    NEWEST_MS,
    OLDEST_MS,
    Events,
)
from threemaps.standins.cloudwatch.exceptions import invalid
from threemaps.standins.cloudwatch.groups import Groups, now_ms
from threemaps.standins.cloudwatch.span_log import SPAN_GROUP
from threemaps.standins.http import BodyError
from threemaps.standins.otlp_http import answer, read_otlp
from threemaps.standins.otlp_messages import plain

GROUP_HEADER, STREAM_HEADER = "x-aws-log-group", "x-aws-log-stream"
MAX_BYTES = 1_048_576
MAX_RESOURCE_BYTES = 16 * 1024


class Event(NamedTuple):
    time_ms: int
    message: str


class LogsEndpoint:
    def __init__(self, groups: Groups, events: Events) -> None:
        self._groups = groups
        self._events = events

    def answer(self, request: Request) -> Response:
        group, stream = (request.headers.get(name) for name in (GROUP_HEADER, STREAM_HEADER))
        if not group or not stream:
            raise invalid(f"The headers {GROUP_HEADER} and {STREAM_HEADER} have to be given.")
        retention_days = self._groups.require_stream(group, stream)
        if group == SPAN_GROUP:
            raise invalid(f"The log group {SPAN_GROUP} takes its events from X-Ray only.")
        message = _parsed(read_otlp(request, MAX_BYTES, ExportLogsServiceRequest))
        now = now_ms()
        events = sorted(_events_of(message, now))
        rejected = [_why_not(event.time_ms, now, retention_days) for event in events]
        kept = [event for event, reason in zip(events, rejected, strict=True) if reason is None]
        if kept and kept[-1].time_ms - kept[0].time_ms > LONGEST_SPAN_MS:
            raise invalid("The log records of one request cannot span more than 24 hours.")
        self._events.keep(group, stream, kept, now)
        return answer(_rejection([reason for reason in rejected if reason]), request.mimetype)


def _parsed(body: bytes) -> Any:
    try:
        message = ExportLogsServiceRequest.FromString(body)
    except DecodeError as error:
        raise BodyError(400, f"the body is no OTLP: {error}") from error
    count = sum(len(scope.log_records) for one in message.resource_logs for scope in one.scope_logs)
    if count > MAX_EVENTS:
        raise invalid(f"The request has {count} log records, more than {MAX_EVENTS}.")
    return message


def _events_of(message: Any, now: int) -> Iterator[Event]:
    for one in message.resource_logs:
        for scope_logs in one.scope_logs:
            if one.resource.ByteSize() + scope_logs.scope.ByteSize() > MAX_RESOURCE_BYTES:
                raise invalid(f"A resource and its scope have more than {MAX_RESOURCE_BYTES} bytes.")
            around = {
                "resource": {"attributes": _attributes(one.resource)},
                "scope": _scope(scope_logs.scope),
            }
            for record in scope_logs.log_records:
                time_ns = record.time_unix_nano or record.observed_time_unix_nano
                document = around | _record(record)
                yield Event(time_ns // 1_000_000 or now, orjson.dumps(document, default=_base64).decode())


def _record(record: Any) -> dict[str, Any]:
    """In the order in which AWS writes its fields; those that say nothing are left out."""
    document = {
        "timeUnixNano": record.time_unix_nano,
        "observedTimeUnixNano": record.observed_time_unix_nano,
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "body": plain(record.body),
        "attributes": _attributes(record),
        "flags": record.flags,
        "traceId": record.trace_id.hex(),
        "spanId": record.span_id.hex(),
        "eventName": record.event_name,
    }
    return {name: value for name, value in document.items() if value or name in ("body", "attributes")}


def _scope(scope: Any) -> dict[str, Any]:
    document = {"name": scope.name, "version": scope.version, "attributes": _attributes(scope)}
    return {name: value for name, value in document.items() if value or name == "name"}


def _attributes(one: Any) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in one.attributes}


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} in a log record")


def _why_not(time_ms: int, now: int, retention_days: int | None) -> str | None:
    if time_ms > now + NEWEST_MS:
        return "tooNewLogEventCount"
    if retention_days is not None and time_ms < now - retention_days * 24 * HOUR_MS:
        return "expiredLogEventCount"
    return "tooOldLogEventCount" if time_ms < now - OLDEST_MS else None


def _rejection(reasons: list[str]) -> ExportLogsServiceResponse:
    if not reasons:
        return ExportLogsServiceResponse()
    partial = ExportLogsPartialSuccess(
        rejected_log_records=len(reasons), error_message=orjson.dumps(Counter(reasons)).decode()
    )
    return ExportLogsServiceResponse(partial_success=partial)
