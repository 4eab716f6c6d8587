"""Segment documents: what X-Ray refuses, and the rows that a document is kept as.

A document is one segment or one subsegment that was sent on its own, with further subsegments inside. Each of
them becomes a row; the text of the document stays with the row of its outermost one. Pure: no I/O, no clock.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from threemaps.standins.http import MAX_JSON_DEPTH, is_deeper
from threemaps.standins.spans.extracted import LARGEST_STATUS
from threemaps.standins.spans.ids import parse_trace_id
from threemaps.standins.spans.span import CLIENT, INTERNAL, SERVER, STATUS_ERROR, nanoseconds
from threemaps.standins.xray.entities import Entity, flags_of, resource_of, status_of, text_of

MAX_DOCUMENT_BYTES = 65_536

NAME_CHARACTERS = r"\w\s.:/%&#=+\\\-@"
LONGEST_NAME = 200
NAME = re.compile(rf"[{NAME_CHARACTERS}]{{1,{LONGEST_NAME}}}")
ID = re.compile(r"[0-9a-fA-F]{16}")
# Later than any honest clock in seconds, earlier than one in milliseconds, and as late as can be stored.
LATEST_TIME = 9e9


class Row(NamedTuple):
    """Columns of the table of spans."""

    start_ns: int
    end_ns: int | None
    received: int
    trace_hi: int
    trace_lo: int
    span: int
    parent: int | None
    name: str
    kind: int
    status: int
    http_status: int | None
    service: str | None
    remote_service: str | None
    top: int
    of_segment: bool
    node: str | None
    node_type: str | None
    failure: int
    document: str | None


class RefusedError(Exception):
    """A document that X-Ray leaves unprocessed, as it says so."""

    def __init__(self, code: str, document_id: str | None = None, *, message: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.id = document_id
        self.message = message or f"Invalid segment. ErrorCode: {code}"

    def to_json(self) -> dict[str, Any]:
        answer = {"ErrorCode": self.code, "Message": self.message}
        return {"Id": self.id, **answer} if self.id else answer


def rows_of(text: str, received: int) -> list[Row]:
    """The rows of a document; raises RefusedError with X-Ray's code."""
    document = _parsed(text)
    try:
        return _rows(document, text, received)
    except RefusedError as refusal:
        refusal.id = document["id"] if isinstance(document.get("id"), str) else None
        raise


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise RefusedError("ParseError") from None
    if not isinstance(document, dict):
        # What X-Ray says of an empty list.
        raise RefusedError("MissingId")
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_DOCUMENT_BYTES:
        message = f"Segment document of {size} bytes is larger than {MAX_DOCUMENT_BYTES} bytes."
        raise RefusedError("InvalidSegment", text_of(document, "id"), message=message)
    if _is_too_deep(document, text):
        raise RefusedError("ParseError", text_of(document, "id"))
    return document


def _is_too_deep(document: Entity, text: str) -> bool:
    """Whether JSON writers would give up on one of the entities; subsegments may be nested as they like."""
    if text.count("{") + text.count("[") <= MAX_JSON_DEPTH:
        return False
    waiting: list[Any] = [document]
    while waiting:
        entity = waiting.pop()
        inner = entity.get("subsegments")
        if is_deeper({**entity, "subsegments": None}, MAX_JSON_DEPTH):
            return True
        waiting += [item for item in inner if isinstance(item, dict)] if isinstance(inner, list) else []
    return False


def _rows(document: dict[str, Any], text: str, received: int) -> list[Row]:
    is_subsegment = document.get("type") == "subsegment"
    top = _id(document, "id", "MissingId", "InvalidId") or 0
    hi, lo = _trace_id(document)
    parent = _id(document, "parent_id", None, "InvalidParentId")
    if is_subsegment and parent is None:
        raise _invalid("MissingParentId", is_subsegment=True)
    rows = []
    seen = set()
    for entity, own_id, parent_id in _walk(document, top, parent):
        if own_id in seen:
            continue
        seen.add(own_id)
        inside = is_subsegment or entity is not document
        _check_name(entity, inside)
        node, node_type = resource_of(entity) if inside else (entity["name"], text_of(entity, "origin") or "")
        started, ended = _times(entity, inside)
        failure, is_call = flags_of(entity), inside and node is not None
        rows.append(
            Row(
                start_ns=nanoseconds(started),
                end_ns=None if ended is None else nanoseconds(ended),
                received=received,
                trace_hi=hi,
                trace_lo=lo,
                span=own_id,
                parent=parent_id,
                name=entity["name"],
                kind=CLIENT if is_call else INTERNAL if inside else SERVER,
                status=STATUS_ERROR if failure else 0,
                http_status=_http_status(entity),
                service=None if is_subsegment else document["name"],
                remote_service=node if is_call else None,
                top=top,
                of_segment=not is_subsegment,
                node=node,
                node_type=node_type,
                failure=failure,
                document=text if entity is document else None,
            )
        )
    return rows


def _http_status(entity: Entity) -> int | None:
    status = status_of(entity)
    return status if status is not None and 0 <= status <= LARGEST_STATUS else None


def _walk(document: Entity, top: int, parent: int | None) -> Iterator[tuple[Entity, int, int | None]]:
    """The outermost entity and all inside it, each with its id and its parent's."""
    waiting: list[tuple[Entity, int, int | None]] = [(document, top, parent)]
    while waiting:
        entity, own_id, parent_id = waiting.pop()
        yield entity, own_id, parent_id
        inner = entity.get("subsegments")
        if inner is None:
            continue
        if not isinstance(inner, list) or not all(isinstance(item, dict) for item in inner):
            raise RefusedError("InvalidSubsegments")
        waiting.extend((item, _id(item, "id", "MissingId", "InvalidId") or 0, own_id) for item in inner)


def _invalid(code: str, *, is_subsegment: bool) -> RefusedError:
    if not is_subsegment:
        return RefusedError(code)
    return RefusedError(code, message=f"Invalid subsegment. ErrorCode: {code}, Cause: null")


def _id(entity: Entity, key: str, missing: str | None, invalid: str) -> int | None:
    value = entity.get(key)
    if value is None or value == "":
        if missing:
            raise RefusedError(missing)
        return None
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise RefusedError(invalid)
    return int(value, 16)


def _trace_id(document: Entity) -> tuple[int, int]:
    value = document.get("trace_id")
    if value is None or value == "":
        raise RefusedError("MissingTraceId")
    numbers = parse_trace_id(value)
    if numbers is None:
        raise RefusedError("InvalidTraceId")
    return numbers


def _check_name(entity: Entity, is_subsegment: bool) -> None:
    name = entity.get("name")
    if name is None or name == "":
        raise _invalid("MissingName", is_subsegment=is_subsegment)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise _invalid("InvalidName", is_subsegment=is_subsegment)


def _times(entity: Entity, is_subsegment: bool) -> tuple[float, float | None]:
    started = _time(entity, "start_time", "InvalidStartTime", is_subsegment)
    if started is None:
        raise _invalid("MissingStartTime", is_subsegment=is_subsegment)
    ended = _time(entity, "end_time", "InvalidEndTime", is_subsegment)
    if entity.get("in_progress") is True:
        return started, None
    if ended is None:
        raise _invalid("MissingEndTime", is_subsegment=is_subsegment)
    if ended < started:
        raise _invalid("InvalidEndTime", is_subsegment=is_subsegment)
    return started, ended


def _time(entity: Entity, key: str, invalid: str, is_subsegment: bool) -> float | None:
    value = entity.get(key)
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 < value < LATEST_TIME:
        raise _invalid(invalid, is_subsegment=is_subsegment)
    return float(value)
