"""The service graph worked out the slow and obvious way, to hold the real one against."""

from collections import Counter
from typing import Any

Document = dict[str, Any]
Key = tuple[str, str]
Edges = Counter[tuple[Key, Key]]


def parts_of(documents: list[Document]) -> dict[tuple[str, str], Document]:
    """(trace, id) → the part that counts, with its trace, its parent and the document that it came in."""
    parts: dict[tuple[str, str], Document] = {}

    def add(part: Document, parent: str, document: Document) -> None:
        key = (document["trace_id"], part["id"])
        known = parts.get(key)
        if known is None or "end_time" in part or "end_time" not in known:
            of_segment = document.get("type") != "subsegment"
            parts[key] = part | {
                "trace": document["trace_id"],
                "parent": parent,
                "top": document["id"],
                "of_segment": of_segment,
                "is_segment": of_segment and part["id"] == document["id"],
            }
        for inner in part.get("subsegments", []):
            add(inner, part["id"], document)

    for document in documents:
        add(document, document.get("parent_id", ""), document)
    return parts


def edges_of(documents: list[Document]) -> tuple[Edges, Edges]:
    """Calls and faults of every edge."""
    parts = parts_of(documents)

    def owner(part: Document) -> Document | None:
        """What came in a segment's document is the segment's; another document is its parent's."""
        seen = set()
        while not part["is_segment"]:
            head = parts[part["trace"], part["top"]]
            if part["of_segment"]:
                return head if head["is_segment"] else None
            if head["id"] in seen:
                return None
            seen.add(head["id"])
            above = head if head["of_segment"] else parts.get((part["trace"], head["parent"]))
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
