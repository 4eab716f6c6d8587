"""The body of an OTLP request → rows of the table of spans, column by column.

Its limits are those of CloudWatch's user guide, "OTLP Endpoints": beyond one the whole request is refused. A
span that is none (ids of another length, an end before its start) is left out, and the answer says so.
"""

import base64
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from operator import le
from typing import Any

import orjson

from threemaps.standins.attribute_memory import AttributeMemory, quoted
from threemaps.standins.encoding import EncodedRows, encode_rows
from threemaps.standins.otlp_messages import TraceRequest, plain
from threemaps.standins.spans.extracted import EXTRACTED, IN_PROGRESS, Numbers, Texts
from threemaps.standins.spans.span import HOURS, LATEST_NS, UNKNOWN_SERVICE
from threemaps.standins.xray.nodes import SAID_OF_CALLS, Drawn, Nodes, Origin

MAX_REQUEST_BYTES = 5 * 1024 * 1024
MAX_SPANS = 10_000
MAX_RESOURCE_BYTES = 16 * 1024
MAX_SPAN_BYTES = 200 * 1024
EARLIEST, LATEST, LONGEST = 14 * 24 * HOURS, 2 * HOURS, 24 * HOURS
# A character of its texts is at most four bytes of a span.
SURELY_SMALL = MAX_SPAN_BYTES // 8
_REMEMBERED = 2_000

Columns = dict[str, Sequence[Any]]
# Of traces, spans and their parents.
_Ids = tuple[list[bytes], list[bytes], list[bytes]]


class TooMuchError(ValueError):
    """A request beyond a limit."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A resource with a scope, as it is stored, and what all its spans have of it."""

    id: int
    attributes: str
    scope: str
    service: str
    environment: str | None
    origin: Origin


@dataclass(slots=True)
class Batch:
    """The spans of one request, ready to be stored; `rejected` says why some are not."""

    resources: dict[int, Shared] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)
    rows: EncodedRows | None = None


class Memory(AttributeMemory):
    """What was seen before: attributes, resources, and what they mean."""

    watched = frozenset((*EXTRACTED.values(), IN_PROGRESS, *SAID_OF_CALLS))

    def __init__(self) -> None:
        super().__init__()
        self.shared: dict[bytes, Shared] = {}
        self.said, self.statuses, self.nodes = Texts(), Numbers(), Nodes()

    def text_of(self, key: str, value: Any) -> str:
        return f"{quoted(key)}:{json_text(plain(value))}"


def translate(body: bytes, memory: Memory, received: int) -> Batch:
    """`received` is a time in nanoseconds. Raises DecodeError, or TooMuchError beyond a limit."""
    request = TraceRequest.FromString(body)
    _check_sizes(request)
    batch = Batch()
    parts: list[Columns] = []
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            shared = _shared(resource_spans.resource, scope_spans.scope, memory)
            columns = _columns(list(scope_spans.spans), shared, memory, received, batch.rejected)
            if columns:
                batch.resources[shared.id] = shared
                parts.append(columns)
    if parts:
        columns = {name: list(chain.from_iterable(part[name] for part in parts)) for name in parts[0]}
        _check_times(columns["start_ns"], received)
        batch.rows = encode_rows(columns, bulk="attributes")
    return batch


def _check_sizes(request: Any) -> None:
    count = 0
    for resource_spans in request.resource_spans:
        size = resource_spans.resource.ByteSize()
        for scope_spans in resource_spans.scope_spans:
            count += len(scope_spans.spans)
            if size + scope_spans.scope.ByteSize() > MAX_RESOURCE_BYTES:
                raise TooMuchError(f"A resource and its scope have more than {MAX_RESOURCE_BYTES} bytes")
    if count > MAX_SPANS:
        raise TooMuchError(f"The request has {count} spans, more than {MAX_SPANS}")


def _check_times(starts: Sequence[int], now: int) -> None:
    first, last = min(starts), max(starts)
    if first < now - EARLIEST or last > now + LATEST:
        raise TooMuchError("A span is more than 14 days in the past or more than 2 hours in the future")
    if last - first > LONGEST:
        raise TooMuchError("The spans of the request are more than 24 hours apart")


def _shared(resource: Any, scope: Any, memory: Memory) -> Shared:
    key = resource.SerializeToString() + b"/" + scope.SerializeToString()
    found = memory.shared.get(key)
    if found is None:
        if len(memory.shared) >= _REMEMBERED:
            memory.shared.clear()
        found = memory.shared[key] = _read_shared(resource, scope)
    return found


def _read_shared(resource: Any, scope: Any) -> Shared:
    said = values_of(resource.attributes)
    attributes = json_text(said)
    about = json_text(
        {"name": scope.name, "version": scope.version, "attributes": values_of(scope.attributes)}
    )
    digest = blake2b(f"{attributes}\n{about}".encode(), digest_size=8).digest()
    environment = said.get("deployment.environment.name", said.get("deployment.environment"))
    service = said.get("service.name")
    return Shared(
        int.from_bytes(digest, signed=True),
        attributes,
        about,
        service if isinstance(service, str) and service else UNKNOWN_SERVICE,
        environment if isinstance(environment, str) and environment else None,
        Origin.of(said),
    )


def _are_sound(ids: _Ids, starts: list[int], ends: list[int]) -> bool:
    """Whether none of them needs a closer look."""
    lengths = [set(map(len, column)) for column in ids]
    return (
        lengths[:2] == [{16}, {8}]
        and lengths[2] <= {0, 8}
        and min(starts) > 0
        and max(ends) <= LATEST_NS
        and all(map(le, starts, ends))
    )


def _flaw(span: Any) -> str:
    if len(span.trace_id) != 16:
        return "Invalid trace id."
    if len(span.span_id) != 8 or len(span.parent_span_id) not in (0, 8):
        return "Invalid span id."
    if not 0 < span.start_time_unix_nano <= LATEST_NS:
        return "Invalid start time."
    # What is in progress has no end yet.
    end = span.end_time_unix_nano
    return "" if not end or span.start_time_unix_nano <= end <= LATEST_NS else "Invalid end time."


def _columns(
    spans: list[Any], shared: Shared, memory: Memory, received: int, rejected: list[str] | None
) -> Columns:
    """Without `rejected` they have been looked at one by one."""
    ids = (
        [span.trace_id for span in spans],
        [span.span_id for span in spans],
        [span.parent_span_id for span in spans],
    )
    starts, ends = [span.start_time_unix_nano for span in spans], [span.end_time_unix_nano for span in spans]
    if not spans:
        return {}
    if rejected is not None and not _are_sound(ids, starts, ends):
        flaws = [_flaw(span) for span in spans]
        rejected += [flaw for flaw in flaws if flaw]
        sound = [span for span, flaw in zip(spans, flaws, strict=True) if not flaw]
        return _columns(sound, shared, memory, received, None)
    count = len(spans)
    texts = [memory.texts(span.attributes) for span in spans]
    attributes = ["{" + ",".join(said.values()) + "}" for said in texts]
    names = [span.name for span in spans]
    details = [_details(span) if _is_detailed(span) else None for span in spans]
    if (
        max(max(map(len, column)) for column in (attributes, names, filter(None, [*details, "-"])))
        > SURELY_SMALL
    ):
        _check_span_sizes(spans)
    words = struct.unpack(f">{2 * count}Q", b"".join(ids[0]))
    kinds, flags = [span.kind & 0xFF for span in spans], [span.flags for span in spans]
    parents = [int.from_bytes(parent) or None for parent in ids[2]]
    statuses = [span.status.code & 0xFF for span in spans]
    codes = memory.statuses.column(texts)
    unsaid: list[str | None] = [None] * count
    said = {
        column: memory.said.column(texts, name) if name in memory.seen else unsaid
        for column, name in EXTRACTED.items()
    }
    until: list[int | None] = [end or None for end in ends]
    if IN_PROGRESS in memory.seen:
        for number in memory.said.in_progress(texts):
            until[number] = None
    drawn = memory.nodes.column(kinds, parents, flags, said["span_kind"], texts, names, shared, memory.seen)
    return {
        "start_ns": starts,
        "end_ns": until,
        "received": [received] * count,
        "trace_hi": words[0::2],
        "trace_lo": words[1::2],
        "span": struct.unpack(f">{count}Q", b"".join(ids[1])),
        "parent": parents,
        "name": names,
        "kind": kinds,
        "flags": flags,
        "status": statuses,
        "http_status": codes,
        "service": [shared.service] * count,
        "environment": [shared.environment] * count,
        **said,
        "resource": [shared.id] * count,
        "details": details,
        **dict(zip(Drawn._fields, zip(*drawn, strict=True), strict=True)),
        "failure": memory.nodes.failures(statuses, codes),
        "attributes": attributes,
    }


def _check_span_sizes(spans: list[Any]) -> None:
    if any(span.ByteSize() > MAX_SPAN_BYTES for span in spans):
        raise TooMuchError(f"A span has more than {MAX_SPAN_BYTES} bytes")


def _is_detailed(span: Any) -> bool:
    """Whether it has what only some spans have."""
    return bool(span.events or span.links or span.trace_state or span.status.message)


def _details(span: Any) -> str:
    events = [
        {
            "name": event.name,
            "timeUnixNano": event.time_unix_nano,
            "attributes": values_of(event.attributes),
        }
        for event in span.events
    ]
    links = [
        {
            "traceId": link.trace_id.hex(),
            "spanId": link.span_id.hex(),
            "attributes": values_of(link.attributes),
        }
        for link in span.links
    ]
    return json_text(
        {"events": events, "links": links, "message": span.status.message, "state": span.trace_state}
    )


def values_of(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: value for pair in pairs if (value := plain(pair.value)) is not None}


def json_text(value: Any) -> str:
    return orjson.dumps(value, default=_base64).decode()


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} in a span")
