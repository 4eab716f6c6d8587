"""What every service of ours has: JSON errors, a health check, trace ids, one log line a request."""

import logging
import time

from flask import Flask, Response, g, jsonify, request

from services.common import cloudwatch_logs, error_items, faults, problems, trace_ids
from services.common.environment import MAX_BODY_BYTES

HEALTH_PATH = "/api/health"

logger = logging.getLogger(__name__)


def new_app(service: str) -> Flask:
    app = Flask(service, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    # Werkzeug's own redirects and answers to OPTIONS are HTML.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    problems.register(app)
    faults.install(app, service, HEALTH_PATH)
    error_items.install(app, service)
    cloudwatch_logs.install(service)
    app.before_request(_note_start)
    app.after_request(_finish)

    @app.get(HEALTH_PATH)
    def health() -> Response:
        return jsonify(status="ok", service=service)

    return app


def _note_start() -> None:
    g.started = time.perf_counter()


def _finish(response: Response) -> Response:
    response.headers["X-Trace-Id"] = trace_ids.trace_id()
    if request.path != HEALTH_PATH:
        _log_request(response)
    return response


def _log_request(response: Response) -> None:
    # The route, never the path or the query: those are what users typed.
    route = request.url_rule.rule if request.url_rule else "no route"
    milliseconds = round((time.perf_counter() - g.started) * 1000, 1) if "started" in g else 0.0
    fields = {
        "http_method": request.method[:16],
        "http_route": route,
        "http_status": response.status_code,
        "duration_ms": milliseconds,
    }
    level = logging.ERROR if response.status_code >= 500 else logging.INFO
    logger.log(level, "%s %s %s", fields["http_method"], route, response.status_code, extra=fields)
