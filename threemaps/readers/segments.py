"""X-Ray's segment documents as spans: the one place where they are walked."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from threemaps.model.spans import TracedSpan
from threemaps.readers.span_log import callee_of


def documents(trace: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What was sent, without what X-Ray inferred. What is no JSON object is left out."""
    for segment in trace.get("Segments") or []:
        try:
            document = orjson.loads(segment.get("Document") or "{}")
        except orjson.JSONDecodeError:
            continue
        if isinstance(document, dict) and not document.get("inferred"):
            yield document


def spans_of(trace: Mapping[str, Any]) -> Iterator[TracedSpan]:
    """Every segment and subsegment. One sent on its own does not say whose it is: it has its own name."""
    for document in documents(trace):
        is_segment = document.get("type") != "subsegment"
        kind = "server" if is_segment else _kind(document)
        yield from _parts(document, str(trace.get("Id")), str(document.get("name")), kind)


def _parts(document: Mapping[str, Any], trace: str, service: str, kind: str) -> Iterator[TracedSpan]:
    waiting: list[tuple[Any, str, str]] = [(document, str(document.get("parent_id") or ""), kind)]
    while waiting:
        part, parent, kind = waiting.pop()
        own = str(part.get("id") or "")
        yield TracedSpan(
            trace,
            own,
            parent,
            service,
            kind,
            name=str(part.get("name") or ""),
            start=_time(part.get("start_time")),
            end=_time(part.get("end_time")),
            fault=bool(part.get("fault")),
            callee=callee_of(attributes_of(part)),
        )
        inner = part.get("subsegments")
        children = inner if isinstance(inner, list) else []
        waiting += [(child, own, _kind(child)) for child in children if isinstance(child, dict)]


def _kind(subsegment: Mapping[str, Any]) -> str:
    return "client" if subsegment.get("namespace") else "internal"


def _time(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def attributes_of(part: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**_part(_part(part, "metadata"), "default"), **_part(part, "annotations")}


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}
