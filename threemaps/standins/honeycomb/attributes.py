"""OTLP attributes → Honeycomb fields, as JSON text."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from threemaps.standins.attribute_memory import SCALARS, AttributeMemory
from threemaps.standins.otlp_messages import plain

MAX_FLATTENED_DEPTH = 5
MAX_FIELD_BYTES = 65_535


def json_text(value: Any) -> str:
    return orjson.dumps(value, default=_hex).decode()


def field_text(name: str, value: Any) -> str:
    return json_text({name: value})[1:-1]


def _hex(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} in an attribute")


def flatten(key: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """A map becomes `key.inner` fields; lists, bytes and what is nested too deep become JSON text."""
    kind = value.WhichOneof("value")
    if kind == "kvlist_value" and depth < MAX_FLATTENED_DEPTH:
        for entry in value.kvlist_value.values:
            yield from flatten(f"{key}.{entry.key}", entry.value, depth + 1)
    elif kind in ("kvlist_value", "array_value", "bytes_value"):
        yield key, json_text(plain(value))[:MAX_FIELD_BYTES]
    elif kind in SCALARS:
        yield key, getattr(value, kind)


def to_fields(attributes: Iterable[Any]) -> dict[str, Any]:
    """Attributes as values: for resources, scopes, span events and links."""
    return {
        name: value
        for attribute in attributes
        if attribute.key
        for name, value in flatten(attribute.key, attribute.value)
    }


class FieldMemory(AttributeMemory):
    """Maps become several fields."""

    def text_of(self, key: str, value: Any) -> str:
        return json_text(dict(flatten(key, value)) or {key: None})[1:-1]
