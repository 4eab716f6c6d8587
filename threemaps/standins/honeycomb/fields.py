"""How a field of an event is written in SQL.

A field is a column of `events`, or of the resource that the event belongs to, or sits in one of the two
JSON texts; the event's own goes first. `value` is what an answer shows, `text` and `number` what it is
compared as.
"""

from dataclasses import dataclass

_TEXT_COLUMNS = {
    "trace.trace_id": "trace_id",
    "trace.span_id": "span_id",
    "trace.parent_id": "parent_id",
    "name": "name",
    "type": "kind",
    "span.kind": "kind",
    "meta.annotation_type": "annotation",
    "meta.signal_type": "signal",
    "service.name": "service",
}
_NUMBER_COLUMNS = {"duration_ms": "duration_ms", "status_code": "status_code"}
_OF_RESOURCE = ("meta.signal_type", "service.name")
_COUNTS = ("span.num_events", "span.num_links")

# What a dataset's columns are called where they are no attributes, and their Honeycomb types.
BUILT_IN = {
    **dict.fromkeys(_TEXT_COLUMNS, "string"),
    "duration_ms": "float",
    "status_code": "integer",
    "error": "boolean",
}


@dataclass(frozen=True, slots=True)
class Field:
    value: str
    text: str
    number: str
    is_json: bool = False  # `value` is JSON text, to be read before it is shown


@dataclass(frozen=True, slots=True)
class Place:
    """What a statement calls an event, its resource, and the attributes of that."""

    event: str
    resource: str
    shared: str


EVENT = Place("e", "r", "r.attributes")


def field(name: str, place: Place = EVENT) -> Field:
    if name == "error" or name in _NUMBER_COLUMNS:
        column = f"{place.event}.{_NUMBER_COLUMNS.get(name, name)}"
        return Field(column, f"CAST({column} AS VARCHAR)", f"CAST({column} AS DOUBLE)")
    attribute = _attribute(name, place)
    if name in _TEXT_COLUMNS:
        of_resource = name in _OF_RESOURCE
        column = f"{place.resource if of_resource else place.event}.{_TEXT_COLUMNS[name]}"
        text = f"coalesce({column}, {attribute.text})" if name == "type" else column
        return Field(text, text, f"TRY_CAST({text} AS DOUBLE)")
    return attribute


def _attribute(name: str, place: Place) -> Field:
    path = literal("/" + name.replace("~", "~0").replace("/", "~1"))
    none = f"CASE WHEN {place.event}.part = 0 THEN '0' END" if name in _COUNTS else "NULL"

    def either(function: str) -> str:
        return f"coalesce({function}({place.event}.attributes, {path}), {function}({place.shared}, {path}))"

    value = f"coalesce(CAST({either('json_extract')} AS VARCHAR), {none})"
    text = f"coalesce({either('json_extract_string')}, {none})"
    return Field(value, text, f"TRY_CAST({text} AS DOUBLE)", is_json=True)


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
