"""Datasets and their columns, as the events made them."""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson
from flask import Blueprint, request
from werkzeug.wrappers import Response

from threemaps.standins.honeycomb.checks import object_body
from threemaps.standins.honeycomb.fields import BUILT_IN, field
from threemaps.standins.honeycomb.keys import check_configuration_key
from threemaps.standins.honeycomb.problems import HoneycombError, invalid
from threemaps.standins.honeycomb.rows import slugify
from threemaps.standins.honeycomb.writer import Writer
from threemaps.standins.http import json_answer
from threemaps.standins.store import Store

ALL = "__all__"

DATASETS = """
SELECT d.slug, d.name, d.created_at, max(e.stored_at) AS last_written_at
FROM datasets d LEFT JOIN resources r ON r.dataset = d.slug LEFT JOIN events e ON e.resource = r.id
WHERE $slug IS NULL OR d.slug = $slug GROUP BY ALL ORDER BY d.slug
"""

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


def datasets_door(store: Store, writer: Writer) -> Blueprint:
    door = Blueprint("datasets", __name__)
    door.before_request(check_configuration_key)

    @door.get("/1/datasets")
    def read_datasets() -> Response:
        return json_answer(list_datasets(store))

    @door.post("/1/datasets")
    def create_dataset() -> Response:
        name = object_body().get("name")
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= 255:
            raise invalid("name", "must be a text of 1 to 255 characters", "missing")
        existed = bool(store.rows("SELECT 1 FROM datasets WHERE slug = ?", [slugify(name)]))
        writer.create_datasets([name])
        return json_answer(_find(store, slugify(name)), 200 if existed else 201)

    @door.get("/1/datasets/<dataset>")
    def read_dataset(dataset: str) -> Response:
        return json_answer(_find(store, dataset))

    @door.get("/1/columns/<dataset>")
    def list_columns(dataset: str) -> Response:
        columns = find_columns(store, dataset_slug(store, dataset))
        wanted = request.args.get("key_name")
        return json_answer(columns if wanted is None else _only(columns, "key_name", wanted))

    @door.get("/1/columns/<dataset>/<key>")
    def read_column(dataset: str, key: str) -> Response:
        return json_answer(_only(find_columns(store, dataset_slug(store, dataset)), "id", key))

    return door


def dataset_slug(store: Store, dataset: str) -> str:
    """The slug of a dataset that exists, or of all of them together."""
    slug = slugify(dataset)
    if slug != ALL and not store.rows("SELECT 1 FROM datasets WHERE slug = ?", [slug]):
        raise HoneycombError(404, "Dataset not found")
    return slug


def list_datasets(store: Store) -> list[dict[str, Any]]:
    return [_dataset(store, row) for row in store.rows(DATASETS, {"slug": None}).dicts()]


def _find(store: Store, dataset: str) -> dict[str, Any]:
    rows = store.rows(DATASETS, {"slug": slugify(dataset)}).dicts()
    if not rows:
        raise HoneycombError(404, "Dataset not found")
    return _dataset(store, rows[0])


def _dataset(store: Store, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "description": "",
        "slug": row["slug"],
        "expand_json_depth": 0,
        "settings": {"delete_protected": False},
        "created_at": _iso(row["created_at"]),
        "last_written_at": _iso(row["last_written_at"]),
        "regular_columns_count": len(find_columns(store, row["slug"])) or None,
    }


def find_columns(store: Store, slug: str) -> list[dict[str, Any]]:
    found: dict[str, tuple[str, int, int]] = {}
    for structure, first, last in store.rows(STRUCTURES, {"slug": slug}):
        kinds = orjson.loads(structure)
        for name, kind in kinds.items() if isinstance(kinds, dict) else ():  # {} has no structure
            if kind != "NULL":
                _merge(found, name, _TYPES.get(kind, "string"), first, last)
    for name, first, last in _built_in(store, slug):
        _merge(found, name, BUILT_IN[name], first, last)
    return [_column(slug, name, *rest) for name, rest in sorted(found.items())]


def _only(columns: list[dict[str, Any]], name: str, wanted: str) -> dict[str, Any]:
    for column in columns:
        if column[name] == wanted:
            return column
    raise HoneycombError(404, f"column {wanted[:64]!r} not found")


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


def _column(slug: str, name: str, kind: str, first: int, last: int) -> dict[str, Any]:
    return {
        "id": blake2b(f"{slug}/{name}".encode(), digest_size=8).hexdigest()[:11],
        "key_name": name,
        "type": kind,
        "description": "",
        "hidden": False,
        "last_written": _iso(last),
        "created_at": _iso(first),
        "updated_at": _iso(first),
    }


def _iso(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
