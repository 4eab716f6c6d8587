"""Spans as rows of the store: what a test says of them, the rest as an OTLP client would."""

import itertools
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
# What a span's flags say of its parent.
LOCAL, REMOTE = 0x100, 0x300

_ids = itertools.count(1)


@dataclass(frozen=True)
class SpanRow:
    service: str | None
    kind: int = SERVER
    parent: "SpanRow | None" = None
    name: str = "GET /api"
    flags: int = 0
    start_ns: int = 0
    took_ms: float | None = 10.0
    status: int = 0
    http_status: int | None = None
    environment: str | None = None
    peer_service: str | None = None
    local_operation: str | None = None
    remote_service: str | None = None
    remote_operation: str | None = None
    remote_resource: str | None = None
    remote_resource_type: str | None = None
    span_kind: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    resource: int | None = 1
    document: dict[str, Any] | None = None
    trace: int = 0
    span: int = field(default_factory=lambda: next(_ids))
    received: int = 0

    def row(self) -> dict[str, Any]:
        told = asdict(self)
        took = told.pop("took_ms")
        parent, trace = self.parent, told.pop("trace")
        end = None if took is None else self.start_ns + round(took * 1e6)
        return told | {
            "trace_hi": trace,
            "trace_lo": trace,
            "parent": parent.span if parent else None,
            "end_ns": end,
            "attributes": orjson.dumps(self.attributes).decode() if self.resource else None,
            "document": orjson.dumps(self.document).decode() if self.document else None,
        }


def columns_of(spans: Iterable[SpanRow]) -> dict[str, list[Any]]:
    rows = [span.row() for span in spans]
    return {name: [row[name] for row in rows] for name in rows[0]}
