"""One log record as a row."""

import time
from typing import Any

from threemaps.standins.honeycomb.attributes import flatten, json_text
from threemaps.standins.honeycomb.rows import LARGEST_INTEGER, Row
from threemaps.standins.honeycomb.spans import to_trace_id
from threemaps.standins.otlp_messages import plain

_SEVERITIES = ("trace", "debug", "info", "warn", "error", "fatal")
_LEVELS_PER_SEVERITY = 4


def log_row(record: Any, resource: int, rate: int) -> Row:
    """Records of a trace are annotations of their span, and have no identity of their own."""
    moment = record.time_unix_nano or record.observed_time_unix_nano or time.time_ns()
    return (
        min(moment, LARGEST_INTEGER),
        resource,
        to_trace_id(record.trace_id) or None,
        None,
        record.span_id.hex() or None,
        None,
        None,
        None,
        None,
        None,
        "span_event" if record.trace_id else None,
        None,
        rate,
    )


def log_values(record: Any) -> dict[str, Any]:
    values = {
        "severity": _severity(record.severity_number),
        "severity_code": record.severity_number,
        "flags": record.flags,
    }
    if record.severity_text:
        values["severity_text"] = record.severity_text
    if record.event_name:
        values["event.name"] = record.event_name
    if record.HasField("body"):
        values.update(flatten("body", record.body))
        values.setdefault("body", json_text(plain(record.body)))
    return values


def _severity(number: int) -> str:
    index = (number - 1) // _LEVELS_PER_SEVERITY
    return _SEVERITIES[index] if 0 <= index < len(_SEVERITIES) else "unspecified"
