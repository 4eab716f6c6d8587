"""A span as it is read back."""

from dataclasses import dataclass, field
from typing import Any

UNSPECIFIED, INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(6)
STATUS_ERROR = 2
REMOTE_PARENT = 0x300  # flags: it is known where the parent is, and it is in another process
UNKNOWN_SERVICE = "unknown_service"
SECOND = 10**9
HOURS = 3600 * SECOND
LATEST_NS = 2**63 - 1

Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """What the spans of one process and one instrumentation have in common."""

    attributes: Attributes
    scope: dict[str, Any]  # name, version, attributes


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    time_ns: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Link:
    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """Ids are hex digits; `parent_id` is empty without a parent, `end_ns` None while in progress."""

    resource: Resource
    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    flags: int
    start_ns: int
    end_ns: int | None
    attributes: Attributes
    status: int = 0
    message: str = ""
    state: str = ""
    events: list[Event] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


def nanoseconds(seconds: float) -> int:
    """Exactly, where a product of floats is a hundred nanoseconds off."""
    whole = int(seconds)
    return whole * SECOND + round((seconds - whole) * SECOND)


def seconds_of(moment: int) -> float:
    return moment // SECOND + moment % SECOND / SECOND
