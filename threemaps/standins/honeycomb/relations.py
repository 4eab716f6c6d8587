"""Relational fields: the spans of a trace that a span is related to, and how they are joined to it.

`parent.` is the direct parent, `child.` a direct child, `root.` the span without a parent, `any.`, `any2.`
and `any3.` a span each of the trace, `none.` no span of it. All fields of one relation are asked of one span.
"""

from collections.abc import Iterable, Sequence

from threemaps.standins.honeycomb.fields import Place

NANOSECONDS = 1_000_000_000
# Spans that were ingested further apart are not related, as outside: there from 3 to 10 minutes on.
APART_MS = 600_000
BEFORE = AFTER = 3_600 * NANOSECONDS

_RELATED = {
    "parent": "of_parent.span_id = e.parent_id",
    "child": "of_child.parent_id = e.span_id",
    "root": "of_root.parent_id IS NULL",
    "any": "true",
    "any2": "true",
    "any3": "true",
}


def place_of(relation: str) -> Place:
    alias = f"of_{relation}"
    return Place(alias, alias, f"{alias}.shared")


def joins(relations: Iterable[str]) -> str:
    return " ".join(
        f"LEFT JOIN relatives of_{one} ON of_{one}.trace_id = e.trace_id AND {_RELATED[one]} AND {_near(one)}"
        for one in relations
        if one in _RELATED
    )


def earliest(relations: Iterable[str]) -> str:
    """Of several relatives that fit, the earliest is taken."""
    keys = [f"of_{one}.time, of_{one}.span_id" for one in relations if one in _RELATED]
    return f"ORDER BY {', '.join(keys)}" if keys else ""


def no_span(conditions: Sequence[str]) -> str:
    condition = " AND ".join(conditions)
    related = f"of_none.trace_id = e.trace_id AND {_near('none')}"
    return f"NOT EXISTS (SELECT 1 FROM relatives of_none WHERE {related} AND {condition})"


def _near(relation: str) -> str:
    return f"abs(of_{relation}.stored_at - e.stored_at) <= {APART_MS}"


def relatives() -> str:
    """All spans that may be a relative of what started in the window, each with its resource's part."""
    return f"""
relatives AS (
    SELECT e.*, r.service, r.signal, r.attributes AS shared
    FROM events e JOIN resources r ON r.id = e.resource
    WHERE e.part = 0 AND e.time >= $start - {BEFORE} AND e.time < $end + {AFTER}
),"""
