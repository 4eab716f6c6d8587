"""Faults that are switched on while the service runs, by a flag `fault.SERVICE` in a flagd file.

The flag is an object: `{"latency_ms": 300, "errors": 0.3, "down": false}`. Its file is named by a variable of
the flagd provider's; where that is not set, there is nothing of this.
"""

import errno
import json
import os
import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, request
from opentelemetry import trace

FILE_VARIABLE = "FLAGD_OFFLINE_FLAG_SOURCE_PATH"
POLL_MILLISECONDS = 500
MAX_LATENCY_MILLISECONDS = 60_000
NO_FLAGS = '{"flags": {}}\n'
OFF: dict[str, Any] = {"latency_ms": 0, "errors": 0.0, "down": False}
FAULT_HEADER = "X-Fault"
_ENVIRON_KEY = "services.fault"


class InjectedFault(Exception):  # noqa: N818 - what people will look for
    """An error that somebody switched on."""


def install(app: Flask, service: str, health_path: str) -> None:
    if not os.environ.get(FILE_VARIABLE):
        return
    flag = f"fault.{service}"
    app.wsgi_app = FaultyDoor(app.wsgi_app, flag, open_flags(), health_path)  # type: ignore[method-assign]

    @app.before_request
    def misbehave() -> None:
        fault = request.environ.get(_ENVIRON_KEY)
        if fault is not None:
            suffer(flag, fault)


class FaultyDoor:
    """Stands before everything, tracing too: a service that is down leaves no span."""

    def __init__(self, app: WSGIApplication, flag: str, flags: Any, health_path: str) -> None:
        self._app, self._flag, self._flags, self._health_path = app, flag, flags, health_path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        details = self._flags.get_object_details(self._flag, OFF)
        if environ.get("PATH_INFO") == self._health_path:
            return self._app(environ, _telling(details.value, start_response))
        if details.variant not in (None, "off"):
            environ[_ENVIRON_KEY] = details
            if details.value.get("down") is True:
                # gunicorn closes the connection without an answer, as when a process dies.
                raise ConnectionResetError(errno.ECONNRESET, f"{self._flag} says down")
        return self._app(environ, start_response)


def _telling(fault: dict[str, Any], start_response: StartResponse) -> StartResponse:
    """A health check that says which fault is in force, so that one can wait for it."""

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        return start_response(status, [*headers, (FAULT_HEADER, json.dumps(fault))], *rest)

    return start


def suffer(flag: str, details: Any) -> None:
    span = trace.get_current_span()
    span.set_attribute("feature_flag.key", flag)
    span.set_attribute("feature_flag.provider.name", "flagd")
    span.set_attribute("feature_flag.result.variant", str(details.variant))
    span.set_attribute("feature_flag.result.value", json.dumps(details.value, sort_keys=True))
    time.sleep(min(float(details.value.get("latency_ms", 0)), MAX_LATENCY_MILLISECONDS) / 1000)
    if random.random() < float(details.value.get("errors", 0)):  # noqa: S311 - no secret
        raise InjectedFault(f"the flag {flag} asks for errors")


def open_flags() -> Any:
    """A client that follows the file. Heavy imports are paid for only here."""
    from openfeature import api
    from openfeature.contrib.provider.flagd import FlagdProvider
    from openfeature.contrib.provider.flagd.config import ResolverType

    path = Path(os.environ[FILE_VARIABLE])
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(NO_FLAGS)
    provider = FlagdProvider(
        resolver_type=ResolverType.FILE,
        offline_flag_source_path=str(path),
        deadline_ms=POLL_MILLISECONDS,  # how often the provider looks at the file
    )
    api.set_provider(provider)
    return api.get_client()
