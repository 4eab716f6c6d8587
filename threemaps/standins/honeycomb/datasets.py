"""Datasets, as the events made them and as somebody described them."""

from typing import Any

from flask import Blueprint
from werkzeug.wrappers import Response

from threemaps.standins.honeycomb.checks import integer, iso, object_body
from threemaps.standins.honeycomb.columns_found import find_columns
from threemaps.standins.honeycomb.exceptions import HoneycombError, invalid
from threemaps.standins.honeycomb.keys import check_configuration_key
from threemaps.standins.honeycomb.rows import slugify
from threemaps.standins.honeycomb.writer import Writer
from threemaps.standins.http import json_answer
from threemaps.standins.store import Store

ALL = "__all__"
LONGEST_TEXT = 1_024
DELETE = (
    "DELETE FROM events WHERE resource IN (SELECT id FROM resources WHERE dataset = ?)",
    "DELETE FROM resources WHERE dataset = ?",
    "DELETE FROM column_settings WHERE dataset = ?",
    "DELETE FROM dataset_settings WHERE slug = ?",
    "DELETE FROM datasets WHERE slug = ?",
)

DATASETS = """
SELECT d.slug, d.name, d.created_at, max(e.stored_at) AS last_written_at,
    any_value(s.description) AS description, any_value(s.expand_json_depth) AS expand_json_depth,
    any_value(s.delete_protected) AS delete_protected
FROM datasets d LEFT JOIN dataset_settings s ON s.slug = d.slug
    LEFT JOIN resources r ON r.dataset = d.slug LEFT JOIN events e ON e.resource = r.id
WHERE $slug IS NULL OR d.slug = $slug GROUP BY d.slug, d.name, d.created_at ORDER BY d.slug
"""


def datasets_blueprint(store: Store, writer: Writer) -> Blueprint:
    blueprint = Blueprint("datasets", __name__)
    blueprint.before_request(check_configuration_key)

    @blueprint.get("/1/datasets")
    def read_datasets() -> Response:
        return json_answer(list_datasets(store))

    @blueprint.post("/1/datasets")
    def create_dataset() -> Response:
        body = object_body()
        name = body.get("name")
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= 255:
            raise invalid(
                "name", "cannot be longer than 255 characters" if name else "cannot be blank", "missing"
            )
        if store.rows("SELECT 1 FROM datasets WHERE slug = ?", [slugify(name)]):
            return json_answer(_find(store, slugify(name)))
        writer.create_datasets([name])
        _describe(store, slugify(name), body)
        return json_answer(_find(store, slugify(name)), 201)

    @blueprint.get("/1/datasets/<dataset>")
    def read_dataset(dataset: str) -> Response:
        return json_answer(_find(store, dataset))

    @blueprint.put("/1/datasets/<dataset>")
    def update_dataset(dataset: str) -> Response:
        slug = _find(store, dataset)["slug"]
        _describe(store, slug, object_body())
        return json_answer(_find(store, slug))

    @blueprint.delete("/1/datasets/<dataset>")
    def delete_dataset(dataset: str) -> Response:
        found = _find(store, dataset)
        if found["settings"]["delete_protected"]:
            raise HoneycombError(409, "Dataset is delete protected: update settings.delete_protected first.")
        with store.transaction() as cursor:
            for statement in DELETE:
                cursor.execute(statement, [found["slug"]])
        writer.forget()
        return json_answer({}, 202)

    return blueprint


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
        "description": row["description"] or "",
        "slug": row["slug"],
        "expand_json_depth": row["expand_json_depth"] or 0,
        "settings": {"delete_protected": row["delete_protected"] is not False},
        "created_at": iso(row["created_at"]),
        "last_written_at": iso(row["last_written_at"]),
        "regular_columns_count": len(find_columns(store, row["slug"])) or None,
    }


def _describe(store: Store, slug: str, body: dict[str, Any]) -> None:
    """What is left out has its default, also where it had another value before."""
    text, settings = body.get("description") or "", body.get("settings") or {}
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise invalid("description", f"must be a text of at most {LONGEST_TEXT} characters")
    protected = settings.get("delete_protected", True) if isinstance(settings, dict) else None
    if not isinstance(protected, bool):
        raise invalid("settings.delete_protected", "must be true or false", "incorrect_type")
    depth = integer(body, "expand_json_depth", least=0, most=10) or 0
    store.execute(
        "INSERT OR REPLACE INTO dataset_settings VALUES (?, ?, ?, ?)", [slug, text, depth, protected]
    )
