"""What the reading APIs ask of a request's body."""

import secrets
import time
from datetime import UTC, datetime
from typing import Any

from flask import request

from threemaps.standins.honeycomb.exceptions import HoneycombError, invalid
from threemaps.standins.http import parse_json, read_body

MAX_BODY_BYTES = 1_000_000
LARGEST_TIME = 9_000_000_000  # seconds; nanoseconds of it still fit 64 bits

_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"


def new_id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(11))


def object_body(*, may_be_empty: bool = False) -> dict[str, Any]:
    data = read_body(request, limit=MAX_BODY_BYTES, decoded_limit=MAX_BODY_BYTES)
    if not data.strip():
        if may_be_empty:
            return {}
        raise HoneycombError(400, "Request body should not be empty.")
    body = parse_json(data)
    if not isinstance(body, dict):
        raise HoneycombError(400, "Request body is malformed and cannot be read: it is no JSON object.")
    return body


def integer(body: dict[str, Any], name: str, *, least: int, most: int = LARGEST_TIME) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(name, f"{_shown(value)} is no integer", "incorrect_type")
    if not least <= value <= most:
        raise invalid(name, f"{value} is not between {least} and {most}")
    return value


def _shown(value: Any) -> str:
    return repr(value)[:64]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def iso(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
