"""Spans and log records as OTLP's bytes, a batch at a time.

OpenTelemetry's encoder builds a protobuf message for each attribute, span and resource, and serializes them.
Here the bytes are put together at once, and those of attributes and resources that were sent before are
remembered. What is rare (events, links, lists as values) is left to OpenTelemetry's encoder.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common._internal import (
    _encode_instrumentation_scope,
    _encode_resource,
    _encode_value,
)
from opentelemetry.exporter.otlp.proto.common._internal.trace_encoder import _encode_span
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Status, StatusCode

REMEMBERED = 500
LONGEST_REMEMBERED = 200
# Of these no value comes twice.
EVER_NEW = frozenset(("xray_trace_id",))
ONE_BYTE = 128

# The first byte of a field says its number and how it is written: a length and bytes, 8 bytes, 4, a number.
REQUEST_PART, RESOURCE_PART, SCOPE_PART = b"\x0a", b"\x12", b"\x12"
TRACE_AND_SPAN = struct.Struct(">2s16s2s8s")
SPAN_TIMES = struct.Struct("<BQBQ")
NUMBER = struct.Struct("<d")
SPAN_ATTRIBUTE, LOG_ATTRIBUTE = b"\x4a", b"\x32"
UNSET_STATUS = b"\x7a\x00"
HERE, REMOTE = b"\x85\x01\x00\x01\x00\x00", b"\x85\x01\x00\x03\x00\x00"
KINDS = [b"\x30" + bytes((kind,)) for kind in range(1, 6)]


class Encoded(bytes):
    """What an exporter asks of a protobuf message."""

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's name
        return self

    SerializePartialToString = SerializeToString


def encode_spans(spans: Sequence[ReadableSpan]) -> Encoded:
    return _request(spans, span_bytes)


def encode_logs(records: Sequence[ReadableLogRecord]) -> Encoded:
    return _request(records, log_bytes)


def _request(items: Sequence[Any], encode: Callable[[Any], bytes]) -> Encoded:
    """Resources and scopes that are equal but not the same go out side by side, which is as good."""
    groups: dict[int, tuple[Resource, dict[int, tuple[InstrumentationScope, list[bytes]]]]] = {}
    for item in items:
        resource, scope = item.resource, item.instrumentation_scope
        _, scopes = groups.setdefault(id(resource), (resource, {}))
        _, encoded = scopes.setdefault(id(scope), (scope, []))
        encoded.append(encode(item))
    return Encoded(
        b"".join(_field(REQUEST_PART, b"".join(_resource_parts(*group))) for group in groups.values())
    )


def _resource_parts(
    resource: Resource, scopes: Mapping[int, tuple[InstrumentationScope, list[bytes]]]
) -> Iterator[bytes]:
    yield _resource_head(resource)
    for scope, items in scopes.values():
        yield _field(RESOURCE_PART, _scope_head(scope) + b"".join(_field(SCOPE_PART, item) for item in items))


# Spans and log records lie in messages of the same fields.
@lru_cache(maxsize=16)
def _resource_head(resource: Resource) -> bytes:
    return ResourceSpans(
        resource=_encode_resource(resource), schema_url=resource.schema_url
    ).SerializeToString()


@lru_cache(maxsize=512)
def _scope_head(scope: InstrumentationScope | None) -> bytes:
    schema = scope.schema_url if scope else None
    return ScopeSpans(scope=_encode_instrumentation_scope(scope), schema_url=schema).SerializeToString()  # type: ignore[arg-type]


def span_bytes(span: ReadableSpan) -> bytes:
    attributes: Any = span._attributes
    if _has_more(span, attributes):
        return _encode_span(span).SerializeToString()
    context: Any = span.get_span_context()
    parent = span.parent
    return b"".join(
        (
            TRACE_AND_SPAN.pack(b"\x0a\x10", context[0].to_bytes(16), b"\x12\x08", context[1].to_bytes(8)),
            b"\x22\x08" + parent[1].to_bytes(8) if parent else b"",
            _text(b"\x2a", span.name),
            KINDS[span.kind.value],
            SPAN_TIMES.pack(0x39, span.start_time, 0x41, span.end_time),
            _attributes(SPAN_ATTRIBUTE, attributes._dict),
            _status(span.status),
            REMOTE if parent and parent[2] else HERE,
        )
    )


def _has_more(span: ReadableSpan, attributes: Any) -> bool:
    """Of a LeanSpan nobody asked for its events if it has none."""
    held = vars(span)
    context: Any = span.get_span_context()
    return bool(
        held.get("_events")
        or held.get("_links")
        or context.trace_state
        or not isinstance(attributes, BoundedAttributes)
        or attributes.dropped
    )


def _status(status: Status) -> bytes:
    if status.status_code is StatusCode.UNSET:
        return UNSET_STATUS
    described = _text(b"\x12", status.description) if status.description else b""
    return _field(b"\x7a", described + bytes((0x18, status.status_code.value)))


def log_bytes(readable: ReadableLogRecord) -> bytes:
    record = readable.log_record
    return b"".join(
        (
            b"" if record.timestamp is None else b"\x09" + record.timestamp.to_bytes(8, "little"),
            bytes((0x10, record.severity_number.value)) if record.severity_number else b"",
            _text(b"\x1a", record.severity_text) if record.severity_text else b"",
            b"\x2a" + _sized(_value(record.body)),
            _attributes(LOG_ATTRIBUTE, record.attributes or {}),
            _dropped(readable.dropped_attributes),
            b"\x45" + int(record.trace_flags or 0).to_bytes(4, "little"),
            b"\x4a\x10" + record.trace_id.to_bytes(16) if record.trace_id else b"",
            b"\x52\x08" + record.span_id.to_bytes(8) if record.span_id else b"",
            b"\x59" + record.observed_timestamp.to_bytes(8, "little") if record.observed_timestamp else b"",
            _text(b"\x62", record.event_name) if record.event_name else b"",
        )
    )


def _dropped(count: int) -> bytes:
    return b"\x38" + _varint(count) if count else b""


def _attributes(tag: bytes, attributes: Mapping[str, Any]) -> bytes:
    encoded = [
        _remembered(key, value)
        if type(value) is int
        or (type(value) is str and len(value) <= LONGEST_REMEMBERED and key not in EVER_NEW)
        else _attribute(key, value)
        for key, value in attributes.items()
    ]
    return tag + tag.join(encoded) if encoded else b""


def _attribute(key: str, value: Any) -> bytes:
    return _sized(_key(key) + _sized(_value(value)))


# Typed: True, 1 and 1.0 are equal, and differ on the wire.
_remembered = lru_cache(REMEMBERED, typed=True)(_attribute)


@lru_cache(maxsize=REMEMBERED)
def _key(key: str) -> bytes:
    return _text(b"\x0a", key) + b"\x12"


def _value(value: Any) -> bytes:
    if type(value) is str:
        return _text(b"\x0a", value)
    if type(value) is float:
        return b"\x21" + NUMBER.pack(value)
    return _encode_value(value).SerializeToString()


def _text(tag: bytes, text: str) -> bytes:
    # Half of a surrogate pair has no bytes; one such text must not cost a whole batch.
    return _field(tag, text.encode(errors="replace"))


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + _sized(content)


def _sized(content: bytes) -> bytes:
    size = len(content)
    return bytes((size,)) + content if size < ONE_BYTE else _varint(size) + content


def _varint(number: int) -> bytes:
    groups = bytearray()
    while number >= ONE_BYTE:
        groups.append(number & 127 | 128)
        number >>= 7
    groups.append(number)
    return bytes(groups)
