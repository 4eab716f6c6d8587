"""What a span says, as values; and what X-Ray's documents leave out. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from threemaps.standins.otlp_messages import plain
from threemaps.standins.xray.entities import Entity
from threemaps.standins.xray.segments import format_trace_id

Attributes = Mapping[str, Any]

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
_REMEMBERED_BYTES = 256


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def whole(value: Any) -> int:
    return value if type(value) is int else 0


def told(**fields: Any) -> Entity:
    """Without what says nothing."""
    return {name: value for name, value in fields.items() if value or value == 0}


def values_of(pairs: Any) -> dict[str, Any]:
    return {pair.key: value for pair in pairs if (value := plain(pair.value)) is not None}


def attributes_of(span: Any) -> dict[str, Any]:
    """Of a span whose attributes are still bytes: most of them have been seen before."""
    found = (_read(raw) if len(raw) > _REMEMBERED_BYTES else _remembered(raw) for raw in span.attributes)
    return {name: value for name, value in found if value is not None}


def _read(raw: bytes) -> tuple[str, Any]:
    pair = KeyValue.FromString(raw)
    return pair.key, plain(pair.value)


_remembered = lru_cache(maxsize=20_000)(_read)


def trace_id_of(raw: bytes) -> str:
    return format_trace_id(int.from_bytes(raw[:8]), int.from_bytes(raw[8:])) if len(raw) == 16 else raw.hex()


def made_id(span: Any, what: str) -> str:
    """An id that nobody sent: the same each time that the span comes."""
    return blake2b(span.trace_id + span.span_id + what.encode(), digest_size=8).hexdigest()
