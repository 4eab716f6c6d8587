"""Everything that goes wrong, as JSON: `{"error": a word for programs, "message": a sentence for people}`."""

import logging

from flask import Flask, Response, current_app, jsonify
from opentelemetry import trace
from werkzeug.exceptions import HTTPException

logger = logging.getLogger(__name__)


class Problem(Exception):  # noqa: N818 - an answer, as much as an error
    """Ends a request with this status and these words."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message


class Unavailable(Exception):  # noqa: N818
    """Another service gave no answer, or none that can be used."""

    def __init__(self, peer: str, reason: str) -> None:
        super().__init__(f"{peer} {reason}")
        self.peer = peer


def answer(status: int, error: str, message: str) -> Response:
    response = jsonify(error=error, message=message)
    response.status_code = status
    return response


def register(app: Flask) -> None:
    app.register_error_handler(Problem, _on_problem)
    app.register_error_handler(Unavailable, _on_unavailable)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(Exception, _on_unhandled)


def _on_problem(problem: Problem) -> Response:
    return answer(problem.status, problem.error, problem.message)


def _on_unavailable(error: Unavailable) -> Response:
    logger.warning("%s", error)
    return answer(503, f"{error.peer}_unavailable", str(error))


def _on_http_exception(error: HTTPException) -> Response:
    """Flask's own refusals: unknown path, wrong method, too large a body."""
    name = error.name.lower().replace(" ", "_").replace("'", "")
    response = answer(error.code or 500, name, error.description or error.name)
    for header, value in error.get_headers():
        if header in ("Allow", "Location", "Retry-After"):
            response.headers[header] = value
    return response


def _on_unhandled(error: Exception) -> Response:
    trace.get_current_span().record_exception(error)
    logger.exception("unhandled error")
    report = current_app.extensions.get("unhandled_errors")
    if report is not None:
        report(error)
    return answer(500, "internal_error", "this service made a mistake; its log has the details")
