"""The edge: callers from outside do not decide which trace a request belongs to."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

TRACE_HEADERS = ("HTTP_TRACEPARENT", "HTTP_TRACESTATE", "HTTP_BAGGAGE", "HTTP_X_AMZN_TRACE_ID")


class DropTraceHeaders:
    """Sits outside of what the instrumentation wraps, which reads the same environ later."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for header in TRACE_HEADERS:
            environ.pop(header, None)
        return self._app(environ, start_response)
