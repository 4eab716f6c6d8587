"""Columns of datasets: as the events made them, and as somebody made, described, hid or deleted them."""

from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from threemaps.standins.honeycomb.checks import new_id, now_ms, object_body
from threemaps.standins.honeycomb.columns_found import Column, find_columns
from threemaps.standins.honeycomb.datasets import ALL, dataset_slug, list_datasets
from threemaps.standins.honeycomb.exceptions import HoneycombError, invalid, legacy
from threemaps.standins.honeycomb.keys import check_configuration_key
from threemaps.standins.http import json_answer
from threemaps.standins.store import Store

KINDS = ("string", "float", "integer", "boolean", "histogram")
LONGEST_TEXT = 255
SAVE = """
INSERT INTO column_settings
VALUES ($dataset, $id, $key_name, $type, $description, $hidden, $now, $now, $deleted)
ON CONFLICT (dataset, key_name) DO UPDATE SET id = excluded.id, type = excluded.type,
    description = excluded.description, hidden = excluded.hidden, updated_at = excluded.updated_at,
    deleted_at = excluded.deleted_at
"""


def columns_blueprint(store: Store) -> Blueprint:
    blueprint = Blueprint("columns", __name__)
    blueprint.before_request(check_configuration_key)

    @blueprint.get("/1/columns/<dataset>")
    def list_columns(dataset: str) -> Response:
        slug = dataset_slug(store, dataset)
        slugs = [one["slug"] for one in list_datasets(store)] if slug == ALL else [slug]
        columns = [column for one in slugs for column in find_columns(store, one)]
        wanted = request.args.get("key_name")
        return json_answer(columns if wanted is None else _only(columns, "key_name", wanted))

    @blueprint.post("/1/columns/<dataset>")
    def create_column(dataset: str) -> Response:
        slug, body = dataset_slug(store, dataset), object_body()
        name = body.get("key_name")
        if not isinstance(name, str) or not name.strip():
            return legacy("Key name cannot be blank", 400)
        if any(column["key_name"] == name for column in find_columns(store, slug)):
            raise HoneycombError(409, "A resource by that name already exists.")
        save(store, slug, {"id": new_id(), "key_name": name, **_changes(body)})
        return json_answer(_only(find_columns(store, slug), "key_name", name), 201)

    @blueprint.get("/1/columns/<dataset>/<key>")
    def read_column(dataset: str, key: str) -> Response:
        return json_answer(_only(find_columns(store, dataset_slug(store, dataset)), "id", key))

    @blueprint.put("/1/columns/<dataset>/<key>")
    def update_column(dataset: str, key: str) -> Response:
        slug = dataset_slug(store, dataset)
        column = _only(find_columns(store, slug), "id", key)
        save(store, slug, {**column, **_changes({**column, **object_body()})})
        return json_answer(_only(find_columns(store, slug), "id", key))

    @blueprint.delete("/1/columns/<dataset>/<key>")
    def delete_column(dataset: str, key: str) -> Response:
        slug = dataset_slug(store, dataset)
        save(store, slug, _only(find_columns(store, slug), "id", key), deleted=now_ms())
        return Response(status=204)

    return blueprint


def save(store: Store, slug: str, column: Column, deleted: int | None = None) -> None:
    values = {name: column[name] for name in ("id", "key_name", "type", "description", "hidden")}
    store.execute(SAVE, {**values, "dataset": slug, "now": now_ms(), "deleted": deleted})


def _changes(body: dict[str, Any]) -> Column:
    kind, text, hidden = body.get("type", "string"), body.get("description", ""), body.get("hidden", False)
    if kind not in KINDS:
        raise invalid("type", f"{str(kind)[:40]!r} is none of {', '.join(KINDS)}")
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise invalid("description", f"must be a text of at most {LONGEST_TEXT} characters")
    if not isinstance(hidden, bool):
        raise invalid("hidden", "must be true or false", "incorrect_type")
    return {"type": kind, "description": text, "hidden": hidden}


def _only(columns: list[Column], name: str, wanted: str) -> Column:
    for column in columns:
        if column[name] == wanted:
            return column
    raise HoneycombError(404, f"column {wanted[:64]!r} not found")
