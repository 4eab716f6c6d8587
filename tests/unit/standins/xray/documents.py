"""Segment documents for tests, as short as they can be."""

import itertools
import time
from datetime import UTC, datetime
from typing import Any

NOW = float(int(time.time()))

Document = dict[str, Any]

_numbers = itertools.count(1)


def new_id() -> str:
    return f"{next(_numbers):016x}"


def new_trace(at: float = NOW) -> str:
    return f"1-{int(at):08x}-{next(_numbers):024x}"


def segment(
    trace: str, name: str, parent: str = "", *, at: float = 0.0, took: float = 0.1, **fields: Any
) -> Document:
    """A segment that starts `at` seconds after NOW."""
    document = {
        "trace_id": trace,
        "id": new_id(),
        "name": name,
        "start_time": NOW + at,
        "end_time": NOW + at + took,
    }
    return document | ({"parent_id": parent} if parent else {}) | fields


def subsegment(trace: str, name: str, parent: str, namespace: str = "remote", **fields: Any) -> Document:
    """A subsegment that is sent on its own; without a namespace it is work inside the service."""
    document = segment(trace, name, parent, **fields) | {"type": "subsegment"}
    return document | ({"namespace": namespace} if namespace else {})


def embedded(name: str, namespace: str = "remote", **fields: Any) -> Document:
    document = subsegment("", name, "", namespace, **fields)
    return {key: value for key, value in document.items() if key not in ("trace_id", "type")}


def window(start: float = -60, end: float = 60) -> dict[str, datetime]:
    """StartTime and EndTime, in seconds from NOW."""
    return {
        "StartTime": datetime.fromtimestamp(NOW + start, UTC),
        "EndTime": datetime.fromtimestamp(NOW + end, UTC),
    }


def edges_of(services: list[dict[str, Any]]) -> dict[tuple[str, str, str, str], int]:
    """(source, its type, target, its type) → calls."""
    by_number = {service["ReferenceId"]: service for service in services}
    return {
        (
            source["Name"],
            source.get("Type", ""),
            by_number[edge["ReferenceId"]]["Name"],
            by_number[edge["ReferenceId"]].get("Type", ""),
        ): edge["SummaryStatistics"]["TotalCount"]
        for source in services
        for edge in source["Edges"]
    }
