"""Pages: a token is where the next one begins, in a form that nobody should read."""

import base64
from collections.abc import Sequence
from typing import Any

import orjson

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch.exceptions import invalid

MAX_PAGE = 50


def to_token(position: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode()


def offset_from(token: str, code: str = "InvalidParameterException") -> int:
    """`code` is what the operation calls a token that is none."""
    offset = _read(token)
    if not _is_offset(offset) or offset < 0:
        raise AwsError(code, "The specified nextToken is invalid.")
    return int(offset)


def position_from(token: str) -> list[int]:
    """A time and a sequence number."""
    position = _read(token)
    if not isinstance(position, list) or len(position) != 2 or not all(map(_is_offset, position)):
        raise invalid("The specified nextToken is invalid.")
    return position


def page_of(rows: Sequence[Any], limit: int, token: str | None) -> tuple[Sequence[Any], dict[str, str]]:
    start = offset_from(token) if token else 0
    end = start + limit
    return rows[start:end], {"nextToken": to_token(end)} if end < len(rows) else {}


def _read(token: str) -> Any:
    try:
        return orjson.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        return None


def _is_offset(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -1 <= value < 2**62
