"""The Query Data API: create a query, run it, fetch its result. Reading is limited as Honeycomb limits it."""

import math
import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson
from flask import Blueprint, request
from werkzeug.wrappers import Response

from threemaps.standins.honeycomb.checks import integer, new_id, object_body
from threemaps.standins.honeycomb.datasets import ALL, dataset_slug
from threemaps.standins.honeycomb.keys import check_configuration_key
from threemaps.standins.honeycomb.problems import HoneycombError, invalid
from threemaps.standins.honeycomb.query_run import Options, run, window
from threemaps.standins.honeycomb.query_spec import parse_query
from threemaps.standins.http import json_answer
from threemaps.standins.store import Store

RESULTS_PER_MINUTE = 10
LARGEST_RESULT_LIMIT = 10_000
MINUTE = 60.0


class RateLimit:
    """So many in any sixty seconds."""

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._taken: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self) -> dict[str, str]:
        """The headers that say what is left; a refusal where nothing is."""
        with self._lock:
            now = time.monotonic()
            while self._taken and self._taken[0] <= now - MINUTE:
                self._taken.popleft()
            if len(self._taken) >= self._allowed:
                raise self._refusal(math.ceil(self._taken[0] + MINUTE - now))
            self._taken.append(now)
            return self._headers(self._allowed - len(self._taken), math.ceil(self._taken[0] + MINUTE - now))

    def _headers(self, remaining: int, reset: int) -> dict[str, str]:
        return {
            "RateLimit": f"limit={self._allowed}, remaining={remaining}, reset={reset}",
            "RateLimitPolicy": f"{self._allowed};w={MINUTE:.0f}",
        }

    def _refusal(self, seconds: int) -> HoneycombError:
        again = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        return HoneycombError(
            429,
            "You have exceeded your rate limit.",
            detail=f"This endpoint allows {self._allowed} requests per minute.",
            headers={**self._headers(0, seconds), "Retry-After": again},
        )


def queries_door(store: Store, results_per_minute: int) -> Blueprint:
    door = Blueprint("queries", __name__)
    door.before_request(check_configuration_key)
    limit = RateLimit(results_per_minute)

    @door.post("/1/queries/<dataset>")
    def create_query(dataset: str) -> Response:
        slug = dataset_slug(store, dataset)
        body = object_body()
        parse_query(body)
        body["id"] = new_id()
        _save(store, "queries", body["id"], slug, body)
        return json_answer(body)

    @door.get("/1/queries/<dataset>/<key>")
    def read_query(dataset: str, key: str) -> Response:
        return json_answer(_load(store, "queries", key, dataset_slug(store, dataset), "query"))

    @door.post("/1/query_results/<dataset>")
    def create_result(dataset: str) -> Response:
        slug = dataset_slug(store, dataset)
        body = object_body()
        specification = _load(store, "queries", _query_id(body), slug, "query")
        options = _options(body)
        query = parse_query(specification)
        window(query, time.time())
        headers = limit.take()
        del specification["id"]
        key = new_id()
        result = {"query": specification, "id": key, "complete": False, "links": _links(dataset, key)}
        data = run(store, query, None if slug == ALL else slug, options)
        _save(store, "query_results", key, slug, {**result, "complete": True, "data": data})
        headers["Location"] = f"{request.url_root}1/query_results/{dataset}/{key}"
        return json_answer(result, 201, headers)

    @door.get("/1/query_results/<dataset>/<key>")
    def read_result(dataset: str, key: str) -> Response:
        result = _load(store, "query_results", key, dataset_slug(store, dataset), "query result")
        return json_answer(result, headers={"Cache-Control": "private, max-age=86400"})

    return door


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
