"""Requests and answers of Rollbar: errors in, grouped into items, and read back."""

import hmac
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from threemaps.settings import LOCAL_ROLLBAR_TOKEN
from threemaps.standins.http import BodyError, json_answer, parse_json, read_body
from threemaps.standins.rollbar.exceptions import RefusedError
from threemaps.standins.rollbar.models import SCHEMA, Items, Wanted
from threemaps.standins.rollbar.payload import read_payload
from threemaps.standins.store import Store

__all__ = ["SCHEMA", "create_app"]

MAX_BYTES = 1_048_576


def create_app(store: Store) -> Flask:
    app = Flask(__name__)
    app.url_map.strict_slashes = False
    _add_public(app)
    _add_items(app, Items(store))
    _add_reset(app, store)
    _add_refusals(app)
    return app


def _add_public(app: Flask) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return json_answer({"status": "ok"})

    @app.get("/api/1/status/ping")
    def ping() -> Response:
        return Response("pong", content_type="text/plain")


def _add_reset(app: Flask, store: Store) -> None:
    @app.post("/reset")
    def reset() -> Response:
        """Everything that was sent is gone, as in a new store."""
        _require_token()
        store.clear()
        return Response(status=204)


def _add_items(app: Flask, items: Items) -> None:
    @app.post("/api/1/item/")
    def post_item() -> Response:
        body = parse_json(read_body(request, limit=MAX_BYTES, decoded_limit=MAX_BYTES))
        if not isinstance(body, dict):
            raise RefusedError(400, "the payload has to be a JSON object")
        _require_token(body.get("access_token"))
        return _answer({"id": None, "uuid": items.add(read_payload(body.get("data")))})

    @app.get("/api/1/items/")
    def list_items() -> Response:
        _require_token()
        page, wanted = _page(), _wanted()
        return _answer({"items": items.page(page, wanted), "page": page, "total_count": items.count(wanted)})

    @app.get("/api/1/item/<item_id>/")
    def one_item(item_id: str) -> Response:
        _require_token()
        return _answer(items.one("id", _number(item_id, "item id")))

    @app.get("/api/1/item_by_counter/<counter>/")
    def item_by_counter(counter: str) -> Response:
        _require_token()
        found = items.one("counter", _number(counter, "item counter"))["id"]
        path = f"/api/1/item/{found}"
        result = {"itemId": found, "path": path, "uri": path}
        return json_answer({"err": 0, "result": result}, 301, {"Location": path})

    @app.get("/api/1/item/<item_id>/instances/")
    def instances_of(item_id: str) -> Response:
        _require_token()
        item, page = items.one("id", _number(item_id, "item id"))["id"], _page()
        return _answer({"instances": items.instances(item, page), "page": page})

    @app.get("/api/1/instances/")
    def instances() -> Response:
        _require_token()
        page = _page()
        return _answer({"instances": items.instances(None, page), "page": page})

    @app.get("/api/1/instance/<instance_id>/")
    def one_instance(instance_id: str) -> Response:
        _require_token()
        return _answer(items.instance(_number(instance_id, "instance id")))


def _add_refusals(app: Flask) -> None:
    def refusal(status: int, message: str) -> Response:
        return json_answer({"err": 1, "message": message}, status)

    @app.errorhandler(RefusedError)
    def refuse(error: RefusedError) -> Response:
        return refusal(error.status, error.message)

    @app.errorhandler(BodyError)
    def refuse_body(error: BodyError) -> Response:
        return refusal(error.status, error.reason)

    @app.errorhandler(HTTPException)
    def refuse_otherwise(error: HTTPException) -> Response:
        return refusal(error.code or 400, error.description or error.name)


def _answer(result: Any) -> Response:
    return json_answer({"err": 0, "result": result})


def _require_token(in_body: object = None) -> None:
    """The token stands in a header, else in the body or the address, as older clients have it."""
    given = request.headers.get("X-Rollbar-Access-Token") or in_body or request.args.get("access_token")
    if not given:
        raise RefusedError(401, "access token required")
    if not isinstance(given, str) or not hmac.compare_digest(
        given.encode(errors="replace"), LOCAL_ROLLBAR_TOKEN.encode()
    ):
        raise RefusedError(403, "invalid access token")


def _page() -> int:
    return _number(request.args.get("page", "1"), "page")


def _wanted() -> Wanted:
    asked = request.args
    return Wanted(
        asked.getlist("level"), asked.getlist("status"), asked.getlist("environment"), asked.get("query", "")
    )


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 18 and int(text)):
        raise RefusedError(422, f"{name} {text[:40]!r} is no number")
    return int(text)
