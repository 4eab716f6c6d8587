"""Tracing for Flask and `requests` at a fraction of the stock instrumentation's price.

One span a request and one a call, linked as the stock ones are, with those attributes that maps, pages and
X-Ray's console read.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from opentelemetry import context, trace
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.http import ExcludeList, get_excluded_urls, redact_url

from threemaps.tracing.lean.context import context_of, known_propagators, send_along
from threemaps.tracing.lean.export import export_leanly
from threemaps.tracing.lean.logs import log_leanly
from threemaps.tracing.lean.span import LeanTracer, describe

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"))
FAILED = Status(StatusCode.ERROR)

WSGIApp = Callable[[Any, WSGIEnvironment, StartResponse], Iterable[bytes]]
Send = Callable[..., Any]


def instrument() -> None:
    """Every Flask app and `requests` session of this process, once OpenTelemetry is configured."""
    import flask
    import requests

    export_leanly()
    log_leanly()
    tracer = LeanTracer(trace.get_tracer(__name__), trace.get_tracer_provider())
    served, sent = flask.Flask.wsgi_app, requests.Session.send
    flask.Flask.wsgi_app = traced_app(served, tracer, get_excluded_urls("FLASK"))  # type: ignore[assignment, method-assign]
    requests.Session.send = traced_send(sent, tracer, get_excluded_urls("REQUESTS"))  # type: ignore[method-assign]


def traced_app(wsgi_app: WSGIApp, tracer: LeanTracer, excluded: ExcludeList) -> WSGIApp:
    """The application behind one server span a request, which ends when the answer is ready to be sent."""
    known = known_propagators()

    def traced(app: Any, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if excluded.url_disabled(_address(environ)):
            return wsgi_app(app, environ, start_response)
        parent = context_of(environ, known)
        method = environ["REQUEST_METHOD"]
        span = tracer.start(_word(method), SpanKind.SERVER, _request_attributes(environ, method), parent)
        token = context.attach(trace.set_span_in_context(span, parent))

        def answer(status: str, *rest: Any) -> Any:
            _describe_answer(span, method, int(status[:3]))
            return start_response(status, *rest)

        try:
            return wsgi_app(app, environ, answer)
        except BaseException as error:
            _describe_failure(span, error)
            raise
        finally:
            context.detach(token)
            span.end()

    return traced


def _address(environ: WSGIEnvironment) -> str:
    host = environ.get("HTTP_HOST") or environ["SERVER_NAME"]
    query = environ.get("QUERY_STRING")
    path = environ.get("PATH_INFO", "")
    return f"{environ['wsgi.url_scheme']}://{host}{path}{'?' + query if query else ''}"


def _request_attributes(environ: WSGIEnvironment, method: str) -> dict[str, Any]:
    host, _, port = (environ.get("HTTP_HOST") or environ["SERVER_NAME"]).partition(":")
    attributes: dict[str, Any] = {
        "http.request.method": method if method in METHODS else "_OTHER",
        "url.scheme": environ["wsgi.url_scheme"],
        "url.path": environ.get("PATH_INFO", ""),
        "server.address": host,
    }
    if port.isdecimal():
        attributes["server.port"] = int(port)
    if "REMOTE_ADDR" in environ:
        attributes["client.address"] = environ["REMOTE_ADDR"]
    if "HTTP_USER_AGENT" in environ:
        attributes["user_agent.original"] = environ["HTTP_USER_AGENT"]
    return attributes


def _word(method: str) -> str:
    """What a span is called by; an unknown method does not become a name of its own."""
    return method if method in METHODS else "HTTP"


def _describe_answer(span: Span, method: str, status: int) -> None:
    """Called while Flask still knows the request: only now has it found the route."""
    if not span.is_recording():
        return
    name = None
    found: dict[str, Any] = {"http.response.status_code": status}
    if (rule := _route_rule()) is not None:
        found["http.route"] = rule
        name = f"{_word(method)} {rule}"
    if status >= 500:
        found["error.type"] = str(status)
        span.set_status(FAILED)
    describe(span, found, name)


def _route_rule() -> str | None:
    from flask import request

    try:
        rule = request.url_rule
    except RuntimeError:  # an answer from in front of Flask
        return None
    return None if rule is None else rule.rule


def _describe_failure(span: Span, error: BaseException) -> None:
    span.record_exception(error)
    span.set_attribute("error.type", type(error).__qualname__)
    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))


def traced_send(send: Send, tracer: LeanTracer, excluded: ExcludeList) -> Send:
    """`requests.Session.send` with one client span a call; its context goes along in the headers."""
    known = known_propagators()

    def traced(session: Any, request: Any, **options: Any) -> Any:
        if not is_http_instrumentation_enabled() or excluded.url_disabled(request.url):
            return send(session, request, **options)
        span = tracer.start(_word(request.method), SpanKind.CLIENT, _call_attributes(request))
        token = context.attach(trace.set_span_in_context(span))
        try:
            send_along(span, request.headers, known)
            answer = send(session, request, **options)
            status = answer.status_code
            describe(span, {"http.response.status_code": status})
            if status >= 400:
                span.set_attribute("error.type", str(status))
                span.set_status(FAILED)
            return answer
        except BaseException as error:
            _describe_failure(span, error)
            raise
        finally:
            context.detach(token)
            span.end()

    return traced


def _call_attributes(request: Any) -> dict[str, Any]:
    method = request.method
    parts = urlsplit(request.url)
    attributes: dict[str, Any] = {
        "http.request.method": method if method in METHODS else "_OTHER",
        "url.full": redact_url(request.url) if _may_hold_secrets(request.url) else request.url,
        "server.address": parts.hostname or "",
    }
    if parts.port is not None:
        attributes["server.port"] = parts.port
    return attributes


def _may_hold_secrets(url: str) -> bool:
    """A password before the host, or a signature in the query: nothing else would be masked."""
    return "@" in url or "?" in url
