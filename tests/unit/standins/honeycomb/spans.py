"""OTLP requests from a few words."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

MILLISECOND = 1_000_000


@dataclass(frozen=True)
class Call:
    """One span: `ids` are any small numbers."""

    service: str
    id: int
    parent: int = 0
    trace: int = 1
    kind: int = 2
    name: str = "GET /"
    start: int = field(default_factory=time.time_ns)
    duration_ms: int = 5


def request_of(calls: Iterable[Call]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    for call in calls:
        resource_spans = request.resource_spans.add()
        set_attributes(resource_spans.resource.attributes, {"service.name": call.service})
        add_span(resource_spans.scope_spans.add(), call)
    return request


def add_span(scope_spans: Any, call: Call) -> Any:
    return scope_spans.spans.add(
        trace_id=call.trace.to_bytes(8) * 2,
        span_id=call.id.to_bytes(8),
        parent_span_id=call.parent.to_bytes(8) if call.parent else b"",
        name=call.name,
        kind=call.kind,
        start_time_unix_nano=call.start,
        end_time_unix_nano=call.start + call.duration_ms * MILLISECOND,
    )


def set_attributes(attributes: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        set_value(attributes.add(key=name).value, value)


def set_value(target: Any, value: Any) -> None:
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, list):
        for item in value:
            set_value(target.array_value.values.add(), item)
    else:
        set_attributes(target.kvlist_value.values, value)
