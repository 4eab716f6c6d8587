"""The Query Data API: create a query, run it, fetch its result. Reading is limited as Honeycomb limits it."""

import time
from typing import Any

import orjson
from flask import Blueprint, request
from werkzeug.wrappers import Response

from threemaps.standins.honeycomb.checks import integer, new_id, object_body
from threemaps.standins.honeycomb.datasets import ALL, dataset_slug
from threemaps.standins.honeycomb.exceptions import HoneycombError, invalid
from threemaps.standins.honeycomb.keys import check_configuration_key
from threemaps.standins.honeycomb.limits import Limiter
from threemaps.standins.honeycomb.plan import Plan
from threemaps.standins.honeycomb.query_run import Options, run, window
from threemaps.standins.honeycomb.query_spec import parse_query
from threemaps.standins.http import json_answer
from threemaps.standins.store import Store

LARGEST_RESULT_LIMIT = 10_000


def queries_blueprint(store: Store, limiter: Limiter, plan: Plan) -> Blueprint:
    blueprint = Blueprint("queries", __name__)
    blueprint.before_request(check_configuration_key)

    @blueprint.post("/1/queries/<dataset>")
    def create_query(dataset: str) -> Response:
        slug = dataset_slug(store, dataset)
        body = object_body()
        parse_query(body)
        body["id"] = new_id()
        _save(store, "queries", body["id"], slug, body)
        return json_answer(body)

    @blueprint.get("/1/queries/<dataset>/<key>")
    def read_query(dataset: str, key: str) -> Response:
        return json_answer(_load(store, "queries", key, dataset_slug(store, dataset), "query"))

    @blueprint.post("/1/query_results/<dataset>")
    def create_result(dataset: str) -> Response:
        plan.require_enterprise("The Query Data API")
        slug = dataset_slug(store, dataset)
        body = object_body()
        specification = _load(store, "queries", _query_id(body), slug, "query")
        options = _options(body)
        query = parse_query(specification)
        window(query, time.time())
        limiter.take_result(is_relational=query.is_relational)
        del specification["id"]
        key = new_id()
        result = {"query": specification, "id": key, "complete": False, "links": _links(dataset, key)}
        data = run(store, query, None if slug == ALL else slug, options)
        _save(store, "query_results", key, slug, {**result, "complete": True, "data": data})
        location = f"{request.url_root}1/query_results/{dataset}/{key}"
        return json_answer(result, 201, {"Location": location})

    @blueprint.get("/1/query_results/<dataset>/<key>")
    def read_result(dataset: str, key: str) -> Response:
        plan.require_enterprise("The Query Data API")
        result = _load(store, "query_results", key, dataset_slug(store, dataset), "query result")
        return json_answer(result, headers={"Cache-Control": "private, max-age=86400"})

    return blueprint


def _save(store: Store, table: str, key: str, slug: str, document: dict[str, Any]) -> None:
    text = orjson.dumps(document).decode()
    store.append(table, {"id": [key], "dataset": [slug], "document": [text]})


def _load(store: Store, table: str, key: str, slug: str, what: str) -> dict[str, Any]:
    rows = store.rows(f"SELECT document FROM {table} WHERE id = ? AND dataset = ?", [key, slug])
    if not rows:
        raise HoneycombError(404, f"{what} not found")
    document: dict[str, Any] = orjson.loads(rows[0][0])
    return document


def _query_id(body: dict[str, Any]) -> str:
    key = body.get("query_id")
    if not isinstance(key, str) or not key:
        raise invalid("query_id", "must be the id of a query", "missing")
    return key


def _options(body: dict[str, Any]) -> Options:
    return Options(
        series=not _flag(body, "disable_series", False),
        totals=not _flag(body, "disable_total_by_aggregate", True),
        limit=integer(body, "limit", least=1, most=LARGEST_RESULT_LIMIT),
    )


def _flag(body: dict[str, Any], name: str, default: bool) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise invalid(name, "must be true or false", "incorrect_type")
    return value


def _links(dataset: str, key: str) -> dict[str, str]:
    url = f"{request.url_root}1/query_results/{dataset}/{key}"
    return {"query_url": url, "graph_image_url": f"{url}/snapshot"}
