"""Which columns a dataset has: those of its events, with what somebody said of them."""

from hashlib import blake2b
from typing import Any

import orjson

from threemaps.standins.honeycomb.checks import iso
from threemaps.standins.honeycomb.fields import BUILT_IN, field
from threemaps.standins.store import Store

Column = dict[str, Any]

# Events of one kind have JSON of one structure, so there are few structures however many events there are.
STRUCTURES = """
WITH mine AS (SELECT * FROM resources WHERE dataset = $slug),
texts AS (
    SELECT e.attributes, e.stored_at FROM events e JOIN mine ON mine.id = e.resource
    UNION ALL SELECT attributes, seen_at FROM mine
)
SELECT json_structure(attributes) AS structure, min(stored_at) AS first, max(stored_at) AS last
FROM texts GROUP BY structure
"""
BUILT_IN_USE = """
SELECT min(e.stored_at), max(e.stored_at), {counts} FROM events e JOIN resources r ON r.id = e.resource
WHERE r.dataset = $slug
"""

_TYPES = {"BOOLEAN": "boolean", "DOUBLE": "float", "BIGINT": "integer", "UBIGINT": "integer"}
_COMMON = {frozenset(("float", "integer")): "float"}


def find_columns(store: Store, slug: str) -> list[Column]:
    found: dict[str, tuple[str, int, int]] = {}
    for structure, first, last in store.rows(STRUCTURES, {"slug": slug}):
        kinds = orjson.loads(structure)
        for name, kind in kinds.items() if isinstance(kinds, dict) else ():  # {} has no structure
            if kind != "NULL":
                _merge(found, name, _TYPES.get(kind, "string"), first, last)
    for name, first, last in _built_in(store, slug):
        _merge(found, name, BUILT_IN[name], first, last)
    columns = {name: _column(slug, name, *rest) for name, rest in found.items()}
    for row in store.rows("SELECT * FROM column_settings WHERE dataset = ?", [slug]).dicts():
        _settle(columns, row, found)
    return [columns[name] for name in sorted(columns)]


def _settle(
    columns: dict[str, Column], row: dict[str, Any], written: dict[str, tuple[str, int, int]]
) -> None:
    """What was said of a column goes before what its events say; a deleted one that is written is back."""
    name = row["key_name"]
    last = written[name][2] if name in written else row["created_at"]
    if row["deleted_at"] is not None:
        if name not in written or last <= row["deleted_at"]:
            columns.pop(name, None)
        return
    columns[name] = {
        "id": row["id"],
        "key_name": name,
        "type": row["type"],
        "description": row["description"],
        "hidden": row["hidden"],
        "last_written": iso(last),
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def _merge(found: dict[str, tuple[str, int, int]], name: str, kind: str, first: int, last: int) -> None:
    known = found.get(name)
    if known is not None:
        kind = (
            known[0]
            if known[0] == kind
            else "float"
            if {known[0], kind} == {"float", "integer"}
            else "string"
        )
        first, last = min(known[1], first), max(known[2], last)
    found[name] = kind, first, last


def _built_in(store: Store, slug: str) -> list[tuple[str, int, int]]:
    counts = ", ".join(f"count({field(name).value})" for name in BUILT_IN)
    ((first, last, *used),) = store.rows(BUILT_IN_USE.format(counts=counts), {"slug": slug})
    return [(name, first, last) for name, count in zip(BUILT_IN, used, strict=True) if count]


def _column(slug: str, name: str, kind: str, first: int, last: int) -> Column:
    return {
        "id": blake2b(f"{slug}/{name}".encode(), digest_size=8).hexdigest()[:11],
        "key_name": name,
        "type": kind,
        "description": "",
        "hidden": False,
        "last_written": iso(last),
        "created_at": iso(first),
        "updated_at": iso(first),
    }
