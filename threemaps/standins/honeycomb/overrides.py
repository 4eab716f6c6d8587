"""Attributes that bear the name of a field of the event itself, and replace it."""

from collections.abc import Mapping
from typing import Any

import orjson

from threemaps.standins.honeycomb.rows import COLUMNS, Batch, Resource, Row
from threemaps.standins.honeycomb.sampling import to_rate

_TYPES: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "name": ("name", str),
    "span.kind": ("kind", str),
    "duration_ms": ("duration_ms", (int, float)),
    "status_code": ("status_code", int),
    "error": ("error", bool),
}
_RATES = ("SampleRate", "sampleRate")
# Identities stay what the protocol says they are, or the map would be wrong.
_IDENTITIES = (
    "trace.trace_id",
    "trace.span_id",
    "trace.parent_id",
    "meta.annotation_type",
    "meta.signal_type",
)

OVERRIDING = frozenset((*_TYPES, *_RATES, *_IDENTITIES, "service.name"))


def take_overrides(fields: dict[str, str]) -> dict[str, Any]:
    """Removes them from the attributes' JSON texts and gives their values."""
    texts = [fields.pop(name) for name in OVERRIDING & fields.keys()]
    values: dict[str, Any] = orjson.loads("{" + ",".join(texts) + "}")
    return values


def override(row: Row, given: Mapping[str, Any], batch: Batch, resource: Resource) -> Row:
    values = dict(zip(COLUMNS, row, strict=True))
    for name, (column, kind) in _TYPES.items():
        if isinstance(given.get(name), kind):
            values[column] = given[name]
    for name in _RATES:
        if name in given:
            values["sample_rate"] = to_rate(given[name])
    if isinstance(given.get("service.name"), str):
        values["resource"] = batch.share(resource.of_service(given["service.name"]))
    return tuple(values.values())
