"""Whole traces, put together again from the documents of one trace, whichever way its parts were sent."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from threemaps.standins.spans.ids import format_trace_id, parse_trace_id
from threemaps.standins.spans.reading import read_traces
from threemaps.standins.spans.span import Span
from threemaps.standins.store import Store
from threemaps.standins.xray.destination import INDEXED
from threemaps.standins.xray.entities import Entity, resource_of, text_of
from threemaps.standins.xray.exceptions import invalid
from threemaps.standins.xray.otlp_segments import segments_of

MAX_TRACES = 5
FAILURES = ("error", "throttle", "fault", "cause")
# Deeper subsegments stand on their own: JSON writers give up at some depth.
MAX_FOLDED = 40


@dataclass(slots=True)
class Part:
    """A segment or a subsegment of a trace. `owner` is the segment it belongs to, itself for a segment."""

    id: str
    entity: Entity
    parent: str | None
    is_segment: bool
    children: list["Part"] = field(default_factory=list)
    owner: "Part | None" = None

    @property
    def name(self) -> str:
        return str(self.entity["name"])

    @property
    def started(self) -> float:
        return float(self.entity["start_time"])

    @property
    def ended(self) -> float | None:
        if self.entity.get("in_progress") is True:
            return None
        return float(self.entity["end_time"])


@dataclass(slots=True)
class Trace:
    id: str
    parts: dict[str, Part]

    @property
    def segments(self) -> list[Part]:
        return [part for part in self.parts.values() if part.is_segment]

    @property
    def started(self) -> float:
        return min(part.started for part in self.parts.values())

    @property
    def ended(self) -> float:
        return max(part.ended or part.started for part in self.parts.values())

    def caller(self, segment: Part) -> Part | None:
        """The part that this segment was called from, where that belongs to a known segment."""
        parent = self.parts.get(segment.parent or "")
        return parent if parent is not None and parent is not segment and parent.owner is not None else None

    def inferred(self) -> Iterator[tuple[Part, str, str]]:
        """Calls whose callee sent no segment, with the callee's name and type."""
        for part in self.parts.values():
            if part.is_segment or any(child.is_segment for child in part.children):
                continue
            name, kind = resource_of(part.entity)
            if name is not None and kind is not None:
                yield part, name, kind


def compose(trace_id: str, documents: Iterable[Entity]) -> Trace:
    """The trace of these documents, in the order they came."""
    parts: dict[str, Part] = {}
    for document in documents:
        is_segment = document.get("type") != "subsegment"
        for part in _flattened(document, is_segment):
            known = parts.get(part.id)
            # A complete one stands before one in progress, else the later.
            if known is None or part.ended is not None or known.ended is None:
                parts[part.id] = part
    for part in parts.values():
        parent = parts.get(part.parent or "")
        if parent is not None and parent is not part:
            parent.children.append(part)
    for part in parts.values():
        if part.is_segment:
            _own(part)
    return Trace(trace_id, parts)


def _flattened(document: Entity, is_segment: bool) -> Iterator[Part]:
    waiting = deque([(document, text_of(document, "parent_id"))])
    seen = set()
    while waiting:
        entity, parent = waiting.popleft()
        own_id = entity["id"].lower()
        if own_id in seen:
            continue
        seen.add(own_id)
        waiting.extend((inner, own_id) for inner in entity.pop("subsegments", None) or ())
        yield Part(own_id, entity, parent.lower() if parent else None, is_segment and entity is document)


def _own(segment: Part) -> None:
    waiting = [segment]
    while waiting:
        part = waiting.pop()
        part.owner = segment
        waiting.extend(child for child in part.children if not child.is_segment and child.owner is None)


def folded(trace: Trace) -> Iterator[Entity]:
    """A document for each segment, its subsegments inside; then the subsegments that hang in no segment."""
    written: set[str] = set()
    segments = trace.segments
    loose = [part for part in trace.parts.values() if part.owner is None]
    heads = [part for part in loose if part.parent not in trace.parts]
    waiting = [*segments, *heads, *loose]
    for part in waiting:
        if part.id not in written:
            yield _fold(part, trace.id, written, waiting)


def _fold(head: Part, trace_id: str, written: set[str], waiting: list[Part]) -> Entity:
    document = {**head.entity, "trace_id": trace_id}
    if not head.is_segment:
        document |= {"type": "subsegment", "parent_id": head.parent}
    written.add(head.id)
    level = [(head, document)]
    for depth in range(MAX_FOLDED + 1):
        below = []
        for part, entity in level:
            inner = [child for child in part.children if not child.is_segment and child.id not in written]
            if depth == MAX_FOLDED:
                waiting.extend(inner)
                continue
            written.update(child.id for child in inner)
            pairs = [(child, dict(child.entity)) for child in sorted(inner, key=lambda child: child.started)]
            if pairs:
                entity["subsegments"] = [entity for _, entity in pairs]
            below += pairs
        level = below
    return document


def inferred_document(trace: Trace, part: Part, kind: str) -> Entity:
    """What X-Ray makes up for a callee without segments, out of the calling subsegment."""
    digest = hashlib.blake2b(f"{trace.id}/{part.id}".encode(), digest_size=8).hexdigest()
    kept = ("name", "start_time", "end_time", "in_progress", "http", "aws", "sql", *FAILURES)
    document = {"id": digest} | {key: part.entity[key] for key in kept if key in part.entity}
    document |= {"parent_id": part.id, "trace_id": trace.id, "inferred": True}
    return document if kind == "remote" else document | {"origin": kind}


def documents_of(records: Iterable[str | Span]) -> Iterator[Entity]:
    for record in records:
        if isinstance(record, Span):
            yield from segments_of(record)
        else:
            yield orjson.loads(record)


class Traces:
    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, numbers: Sequence[tuple[int, int]]) -> list[Trace]:
        found = read_traces(self._store, numbers)
        return [compose(format_trace_id(*key), documents_of(found[key])) for key in numbers if key in found]

    def batch_get_traces(self, request: dict[str, Any]) -> dict[str, Any]:
        ids = list(dict.fromkeys(request["TraceIds"]))
        if len(ids) > MAX_TRACES:
            raise invalid(f"TraceIds has {len(ids)} ids, more than {MAX_TRACES}")
        numbers = {trace_id: parse_trace_id(trace_id) for trace_id in ids}
        traces = self.read(self._indexed([pair for pair in numbers.values() if pair]))
        found = {parse_trace_id(trace.id) for trace in traces}
        return {
            "Traces": [_trace_json(trace) for trace in traces],
            "UnprocessedTraceIds": [trace_id for trace_id in ids if numbers[trace_id] not in found],
        }

    def _indexed(self, numbers: list[tuple[int, int]]) -> list[tuple[int, int]]:
        sql = f"SELECT trace_lo FROM (SELECT unnest(?::UBIGINT[]) AS trace_lo) WHERE {INDEXED}"
        kept = {lo for (lo,) in self._store.rows(sql, [[lo for _, lo in numbers]])}
        return [pair for pair in numbers if pair[1] in kept]


def _trace_json(trace: Trace) -> dict[str, Any]:
    documents = [*folded(trace)]
    documents += [inferred_document(trace, part, kind) for part, _, kind in trace.inferred()]
    return {
        "Id": trace.id,
        "Duration": round(trace.ended - trace.started, 6),
        "LimitExceeded": False,
        "Segments": [
            {"Id": document["id"], "Document": orjson.dumps(document).decode()} for document in documents
        ],
    }
