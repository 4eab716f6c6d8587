"""What a span says, as values; and what X-Ray's documents leave out. Pure."""

from hashlib import blake2b
from typing import Any

from threemaps.standins.spans.span import Span
from threemaps.standins.xray.entities import Entity


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def whole(value: Any) -> int:
    return value if type(value) is int else 0


def present(**fields: Any) -> Entity:
    """Without what says nothing."""
    return {name: value for name, value in fields.items() if value or value == 0}


def made_id(span: Span, what: str) -> str:
    """An id that nobody sent: the same each time that the span comes."""
    ids = bytes.fromhex(span.trace_id + span.span_id)
    return blake2b(ids + what.encode(), digest_size=8).hexdigest()
