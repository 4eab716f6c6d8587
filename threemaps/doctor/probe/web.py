"""Flask apps and the requests that they answer."""

from __future__ import annotations

import _thread
import itertools
import os
import sys

from . import channel, imports, privacy

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any

AGENT = "threemaps-doctor"
numbers = itertools.count(1)
called: dict[int, object] = {}  # thread → the function of the service that Flask called last
context: list[object] = []  # the variable that says which request is under way, made when first needed


def current() -> Any:
    return context[0].get(None) if context else None  # type: ignore[attr-defined]


def flask_imported(module: Any) -> Any:
    from contextvars import ContextVar

    if not context:
        context.append(ContextVar("threemaps_request"))
    imports.after(module.Flask, "__init__", app_made)
    imports.after(module.Flask, "ensure_sync", function_called)
    imports.after(module.Flask, "preprocess_request", preprocessed)
    call = module.Flask.__call__

    def watched_call(self: Any, environ: Any, start_response: Any) -> Any:
        request = next(numbers)
        token = context[0].set(request)  # type: ignore[attr-defined]
        imports.quietly(request_began, self, environ, request)

        def answering(status: Any, *rest: Any, **more: Any) -> Any:
            channel.report("answered", request=request, status=str(status))
            return start_response(status, *rest, **more)

        try:
            return call(self, environ, answering)
        except BaseException as error:
            channel.report("request-failed", request=request, why=f"{type(error).__name__}: {error}"[:300])
            raise
        finally:
            context[0].reset(token)  # type: ignore[attr-defined]

    module.Flask.__call__ = watched_call


def function_called(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    """Flask hands every function of the service to `ensure_sync` right before it calls it."""
    called[_thread.get_ident()] = (arguments[1:] or list(keywords.values()))[0]


def preprocessed(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    """A before_request function that returns an answer is the last one that is called."""
    function = called.pop(_thread.get_ident(), None)
    code = getattr(function, "__code__", None)
    if result is not None and code is not None:
        where = {"file": os.path.abspath(code.co_filename), "line": code.co_firstlineno}
        channel.report("answered-early", request=current(), function=code.co_name, place=where)


def app_made(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    if error is None:
        channel.report(
            "app",
            app=channel.number_of(arguments[0]),
            name=str(getattr(arguments[0], "import_name", "")),
            place=imports.place(),
        )


def request_began(app: Any, environ: Any, request: Any) -> Any:
    """Of the doctor's own request also what has become of the variables and the path by now."""
    agent, _, nonce = str(environ.get("HTTP_USER_AGENT", "")).partition("/")
    state = {"environ": privacy.environ(os.environ), "python_path": sys.path} if agent == AGENT else {}
    channel.report(
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
    for maker in makers() if agent == AGENT else ():
        channel.report("maker", **maker)


def makers() -> Any:
    """The service's functions, of all modules that it has imported, that name the class TracerProvider."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        for one in list(vars(module).values()) if file and imports.is_own(file) else ():
            # By its type: to ask a proxy, as Flask's `request` is, raises outside of a request.
            code = one.__code__ if type(one).__name__ == "function" else None
            if code is not None and "TracerProvider" in code.co_names and imports.is_own(code.co_filename):
                where = {"file": os.path.abspath(code.co_filename), "line": code.co_firstlineno}
                yield {"function": code.co_name, "arguments": code.co_argcount, "place": where}


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
        channel.report(
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


def thread_started(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    """A daemon thread of the service's own ends with the main thread, and a server in it, too."""
    where = imports.place(direct=True)
    if where and arguments[0].daemon:
        channel.report("daemon-thread", place=where)


WATCHED = {
    "flask.app": flask_imported,
    "opentelemetry.instrumentation.flask": flask_instrumentation_imported,
    "threading": lambda module: imports.after(module.Thread, "start", thread_started),
}
