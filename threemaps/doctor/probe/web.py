"""Flask apps and the requests that they answer."""

from __future__ import annotations

import itertools
import os
import sys

from . import channel, imports, privacy

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any

AGENT = "threemaps-doctor"
numbers = itertools.count(1)
context: list[object] = []  # the variable that says which request is under way, made when first needed


def current() -> Any:
    return context[0].get(None) if context else None  # type: ignore[attr-defined]


def flask_imported(module: Any) -> Any:
    from contextvars import ContextVar

    if not context:
        context.append(ContextVar("threemaps_request"))
    imports.after(module.Flask, "__init__", app_made)
    call = module.Flask.__call__

    def watched_call(self: Any, environ: Any, start_response: Any) -> Any:
        request = next(numbers)
        token = context[0].set(request)  # type: ignore[attr-defined]
        imports.quietly(request_began, self, environ, request)

        def answering(status: Any, *rest: Any, **more: Any) -> Any:
            channel.tell("answered", request=request, status=str(status))
            return start_response(status, *rest, **more)

        try:
            return call(self, environ, answering)
        except BaseException as error:
            channel.tell("request-failed", request=request, why=f"{type(error).__name__}: {error}"[:300])
            raise
        finally:
            context[0].reset(token)  # type: ignore[attr-defined]

    module.Flask.__call__ = watched_call


def app_made(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    if error is None:
        channel.tell(
            "app",
            app=channel.number_of(arguments[0]),
            name=str(getattr(arguments[0], "import_name", "")),
            place=imports.place(),
        )


def request_began(app: Any, environ: Any, request: Any) -> Any:
    """Of the doctor's own request also what has become of the variables and the path by now."""
    agent, _, nonce = str(environ.get("HTTP_USER_AGENT", "")).partition("/")
    state = {"environ": privacy.environ(os.environ), "python_path": sys.path} if agent == AGENT else {}
    channel.tell(
        "request",
        request=request,
        app=channel.number_of(app),
        nonce=nonce if agent == AGENT else "",
        method=environ.get("REQUEST_METHOD"),
        path=environ.get("PATH_INFO"),
        url=f"{environ.get('wsgi.url_scheme')}://{environ.get('HTTP_HOST')}{environ.get('PATH_INFO')}",
        marked=bool(getattr(app, "_is_instrumented_by_opentelemetry", False)),
        around=span_around(),
        **state,
    )


def span_around() -> Any:
    """A span that a middleware around the app has started for this request."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None:
        return None
    found = api.get_current_span().get_span_context()
    return f"{found.trace_id:032x}" if found.is_valid else None


def flask_instrumentation_imported(module: Any) -> Any:
    original = module.FlaskInstrumentor.instrument_app

    def instrumented(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        given = imports.bound(original, arguments, keywords)
        app = given.get("app")
        channel.tell(
            "instrument-app",
            app=None if app is None else channel.number_of(app),
            excluded=str(given.get("excluded_urls") or ""),
            error=f"{type(error).__name__}: {error}" if error else "",
            place=imports.place(),
        )

    wrapped = module.FlaskInstrumentor
    static = isinstance(vars(wrapped).get("instrument_app"), staticmethod)
    imports.after(wrapped, "instrument_app", instrumented)
    if static:
        wrapped.instrument_app = staticmethod(vars(wrapped)["instrument_app"])


WATCHED = {"flask.app": flask_imported, "opentelemetry.instrumentation.flask": flask_instrumentation_imported}
