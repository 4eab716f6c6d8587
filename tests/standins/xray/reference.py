"""The service graph worked out the slow and obvious way, to hold the real one against."""

from collections import Counter
from typing import Any

Document = dict[str, Any]
Key = tuple[str, str]
Edges = Counter[tuple[Key, Key]]


def parts_of(documents: list[Document]) -> dict[tuple[str, str], Document]:
    """(trace, id) → the part that counts, with its trace, its parent and whether it is a segment."""
    parts: dict[tuple[str, str], Document] = {}

    def add(part: Document, trace: str, parent: str, is_segment: bool) -> None:
        key = (trace, part["id"])
        known = parts.get(key)
        if known is None or "end_time" in part or "end_time" not in known:
            parts[key] = part | {"trace": trace, "parent": parent, "is_segment": is_segment}
        for inner in part.get("subsegments", []):
            add(inner, trace, part["id"], False)

    for document in documents:
        is_segment = document.get("type") != "subsegment"
        add(document, document["trace_id"], document.get("parent_id", ""), is_segment)
    return parts


def edges_of(documents: list[Document]) -> tuple[Edges, Edges]:
    """Calls and faults of every edge."""
    parts = parts_of(documents)

    def owner(part: Document) -> Document | None:
        seen = set()
        while not part["is_segment"]:
            if part["id"] in seen:
                return None
            seen.add(part["id"])
            above = parts.get((part["trace"], part["parent"]))
            if above is None:
                return None
            part = above
        return part

    calls: Edges = Counter()
    faults: Edges = Counter()

    def count(source: Key, target: Key, *sides: Document) -> None:
        if any("end_time" in side for side in sides):
            calls[source, target] += 1
            faults[source, target] += any(side.get("fault", False) for side in sides)

    for part in parts.values():
        if part["is_segment"]:
            node = (part["name"], part.get("origin", ""))
            caller = parts.get((part["trace"], part["parent"]))
            if caller is part:
                caller = None
            calling = owner(caller) if caller else None
            if caller is None or calling is None:
                count((part["name"], "client"), node, part)
            elif caller["is_segment"] or "namespace" not in caller:
                count((calling["name"], calling.get("origin", "")), node, part)
            else:
                count((calling["name"], calling.get("origin", "")), node, part, caller)
        elif "namespace" in part:
            below = [
                other
                for other in parts.values()
                if other["is_segment"] and (other["trace"], other["parent"]) == (part["trace"], part["id"])
            ]
            calling = owner(part)
            if not below and calling is not None:
                count((calling["name"], calling.get("origin", "")), (part["name"], "remote"), part)
    return calls, faults
