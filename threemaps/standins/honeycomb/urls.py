"""Honeycomb, locally: events in over OTLP and the Events API, service maps and query results out."""

import logging

from flask import Flask, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from threemaps.settings import Settings
from threemaps.standins.honeycomb.columns import columns_blueprint
from threemaps.standins.honeycomb.datasets import datasets_blueprint
from threemaps.standins.honeycomb.dependencies import map_blueprint
from threemaps.standins.honeycomb.events import events_blueprint
from threemaps.standins.honeycomb.exceptions import HoneycombError
from threemaps.standins.honeycomb.keys import auth, check_configuration_key, management
from threemaps.standins.honeycomb.limits import Limiter, Limits
from threemaps.standins.honeycomb.mcp import mcp_blueprint
from threemaps.standins.honeycomb.mcp_tools import Tools
from threemaps.standins.honeycomb.oauth import oauth_blueprint
from threemaps.standins.honeycomb.otlp import otlp_blueprint
from threemaps.standins.honeycomb.plan import Plan
from threemaps.standins.honeycomb.queries import queries_blueprint
from threemaps.standins.honeycomb.schema import DROP_UNUSED_RESOURCES, SCHEMA
from threemaps.standins.honeycomb.writer import Writer
from threemaps.standins.http import BodyError, json_answer
from threemaps.standins.store import Store

__all__ = ["SCHEMA", "create_app"]

log = logging.getLogger("threemaps.standins.honeycomb")


def create_app(store: Store, *, limits: Limits | None = None, plan: Plan | None = None) -> Flask:
    """Without a plan, that of THREEMAPS_HONEYCOMB_PLAN."""
    app = Flask(__name__, static_folder=None)
    plan = plan or Plan.of(Settings.load().get("THREEMAPS_HONEYCOMB_PLAN"))
    limiter = Limiter(limits or Limits())
    limiter.watch(app)
    store.also_tidy(DROP_UNUSED_RESOURCES)
    writer = Writer(store)
    app.register_blueprint(auth)
    app.register_blueprint(management)
    app.register_blueprint(otlp_blueprint(writer))
    app.register_blueprint(events_blueprint(writer))
    app.register_blueprint(datasets_blueprint(store, writer))
    app.register_blueprint(columns_blueprint(store))
    app.register_blueprint(queries_blueprint(store, limiter, plan))
    app.register_blueprint(map_blueprint(store, plan))
    app.register_blueprint(mcp_blueprint(Tools(store, plan)))
    app.register_blueprint(oauth_blueprint())
    app.register_error_handler(HoneycombError, HoneycombError.answer)
    app.register_error_handler(BodyError, lambda error: HoneycombError(error.status, error.reason).answer())
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)

    @app.get("/healthz")
    def healthz() -> Response:
        return json_answer({"status": "ok"})

    @app.post("/reset")
    def reset() -> Response:
        """Everything that was sent is gone, as in a new store."""
        refusal = check_configuration_key()
        if refusal is None:
            store.clear()
            writer.forget()
        return refusal or Response(status=204)

    return app


def _http_error(error: HTTPException) -> Response:
    if error.code == 404:
        path = request.path[:200]
        return HoneycombError(
            404, f"The local Honeycomb has no {path}: docs/standins.md lists what it has."
        ).answer()
    status = error.code if error.code in (405, 413, 415) else 400
    return HoneycombError(status or 400, error.description or error.name).answer()


def _unexpected(error: Exception) -> Response:
    log.error("unexpected", exc_info=error)
    return HoneycombError(500, "something went wrong!").answer()
