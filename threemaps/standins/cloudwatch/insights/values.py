"""Records and the values in them, as Logs Insights sees them: fields discovered in JSON, numbers in texts."""

import math
import re
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import orjson

from threemaps.standins.cloudwatch.scan import Event

ACCOUNT = "000000000000"
DIGITS = "0123456789"
PARTS = re.compile(r"[0-9]+|[^0-9]+")

Chunk = tuple[str, int, str]


class Moment(int):
    """Milliseconds that are shown as a time."""


class Told(float):
    """A number out of a log event, shown as it is there; what is reckoned has four digits."""


class Record:
    """One row on its way through a query: a log event, or what stats made of many."""

    def __init__(self, event: Event | None, fields: dict[str, Any]) -> None:
        self.event = event
        self.fields = fields

    @classmethod
    def of(cls, event: Event) -> "Record":
        fields = {
            "@timestamp": Moment(event.time_ms),
            "@message": event.message,
            "@logStream": event.log_stream,
            "@log": f"{ACCOUNT}:{event.log_group}",
            "@ingestionTime": Moment(event.stored_at),
        }
        return cls(event, fields)

    @cached_property
    def _document(self) -> Any:
        try:
            return orjson.loads(self.event.message) if self.event else None
        except orjson.JSONDecodeError:
            return None

    def get(self, name: str) -> Any:
        """A field that was computed, or one of the message's JSON; nested ones are joined by dots."""
        if name in self.fields:
            return self.fields[name]
        return plain(_nested(self._document, name)) if isinstance(self._document, dict) else None

    def discovered(self) -> dict[str, Any]:
        """All that is known of a log event."""
        found: dict[str, Any] = {}
        if isinstance(self._document, dict):
            _flatten(self._document, "", found)
        return found | self.fields


def _nested(value: Any, name: str) -> Any:
    """Keys may have dots themselves, so every split is tried, the longest key first."""
    if isinstance(value, list):
        head, _, rest = name.partition(".")
        if not (head.isascii() and head.isdigit() and len(head) < 6) or int(head) >= len(value):
            return None
        return _nested(value[int(head)], rest) if rest else value[int(head)]
    if not isinstance(value, dict):
        return None
    if name in value:
        return value[name]
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        head = ".".join(parts[:length])
        if head in value:
            found = _nested(value[head], ".".join(parts[length:]))
            if found is not None:
                return found
    return None


def _flatten(value: Any, name: str, found: dict[str, Any]) -> None:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            _flatten(item, f"{name}.{key}" if name else str(key), found)
    elif value is not None:
        found[name] = plain(value)


def plain(value: Any) -> Any:
    """Texts and numbers; truth is 1 or 0, what is nested is its JSON."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return Told(value)
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def number(value: Any) -> float | None:
    """Also a text that is a number, as long as it is finite."""
    if isinstance(value, int | float):
        return value
    try:
        found = float(value) if isinstance(value, str) and "_" not in value else math.nan
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def text(value: Any) -> str:
    """As it stands in a query's results."""
    if isinstance(value, Moment):
        return shown_time(value)
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Told):
        return repr(float(value)).removesuffix(".0")
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".") if math.isfinite(value) else str(value)
    return str(value)


def shown_time(milliseconds: int) -> str:
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(int(milliseconds))
    return f"{moment:%Y-%m-%d %H:%M:%S}.{milliseconds % 1000:03d}"


def order_key(value: Any) -> tuple[int, float, tuple[Chunk, ...]]:
    """What is missing before texts, and numbers behind both, as AWS sorts."""
    if value is None:
        return 0, 0.0, ()
    as_number = number(value)
    if as_number is not None:
        return 2, as_number, ((str(value), 0, ""),)
    return 1, 0.0, tuple(_chunk(part) for part in PARTS.findall(str(value)))


def _chunk(part: str) -> Chunk:
    """Digits go by their number, and among other characters where a digit goes."""
    return ("0", len(part), part) if part[0] in DIGITS else (part, 0, "")
