"""Faults that are switched on while the service runs, by a flag `fault.SERVICE` in a flagd file.

The flag is an object: `{"latency_ms": 300, "errors": 0.3, "down": false}`. Its file is named by the variable
that flagd's own clients know; where that is not set, there is nothing of this. Of flagd's format this needs
a state and variants. A client for all of it, with gRPC in it, would be a quarter of the service's memory.
"""

import errno
import json
import logging
import os
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, request
from opentelemetry import trace

FILE_VARIABLE = "FLAGD_OFFLINE_FLAG_SOURCE_PATH"
MAX_LATENCY_MILLISECONDS = 60_000
FAULT_HEADER = "X-Fault"
_ENVIRON_KEY = "services.fault"

logger = logging.getLogger(__name__)


class InjectedFault(Exception):  # noqa: N818 - what people will look for
    """An error that somebody switched on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault in force, and the name of the variant that says so."""

    variant: str = "off"
    latency_ms: float = 0
    errors: float = 0.0  # the share of requests that fail
    down: bool = False

    @classmethod
    def of(cls, flag: Any) -> "Fault":
        """What a flagd flag stands for; raises where it has another shape."""
        variant = flag["defaultVariant"]
        if flag.get("state", "ENABLED") != "ENABLED" or variant == "off":
            return NO_FAULT
        value = flag["variants"][variant]
        latency, errors = float(value.get("latency_ms", 0)), float(value.get("errors", 0))
        return cls(str(variant), latency, errors, value.get("down") is True)

    def value(self) -> str:
        flag = {"down": self.down, "errors": self.errors, "latency_ms": self.latency_ms}
        return json.dumps(flag, sort_keys=True)


NO_FAULT = Fault()


class FaultFlag:
    """One flag of a file. Each look reads what the file says now; to see whether it changed takes 2 µs."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._path = path
        self._read: tuple[int, ...] = ()
        self._fault = NO_FAULT

    def fault(self) -> Fault:
        version = self._version()
        if version != self._read:
            self._read = version
            self._fault = self._found() if version else NO_FAULT
        return self._fault

    def _version(self) -> tuple[int, ...]:
        try:
            found = os.stat(self._path)
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _found(self) -> Fault:
        """A file that cannot be read changes nothing."""
        try:
            flag = json.loads(self._path.read_text())["flags"].get(self.name)
            return NO_FAULT if flag is None else Fault.of(flag)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            logger.error("%s holds no flags that can be read, so nothing changes: %s", self._path, error)
            return self._fault


def install(app: Flask, service: str, health_path: str) -> None:
    path = os.environ.get(FILE_VARIABLE)
    if not path:
        return
    flag = FaultFlag(Path(path), f"fault.{service}")
    app.wsgi_app = FaultMiddleware(app.wsgi_app, flag, health_path)  # type: ignore[method-assign]

    @app.before_request
    def misbehave() -> None:
        fault = request.environ.get(_ENVIRON_KEY)
        if fault is not None:
            inject(flag.name, fault)


class FaultMiddleware:
    """Runs before everything, tracing too: a service that is down leaves no span."""

    def __init__(self, app: WSGIApplication, flag: FaultFlag, health_path: str) -> None:
        self._app, self._flag, self._health_path = app, flag, health_path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        fault = self._flag.fault()
        if environ.get("PATH_INFO") == self._health_path:
            return self._app(environ, _with_fault_header(fault, start_response))
        if fault is not NO_FAULT:
            environ[_ENVIRON_KEY] = fault
            if fault.down:
                # gunicorn closes the connection without an answer, as when a process dies.
                raise ConnectionResetError(errno.ECONNRESET, f"{self._flag.name} says down")
        return self._app(environ, start_response)


def _with_fault_header(fault: Fault, start_response: StartResponse) -> StartResponse:
    """A health check that says which fault is in force, so that one can wait for it."""

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        return start_response(status, [*headers, (FAULT_HEADER, fault.value())], *rest)

    return start


def inject(flag: str, fault: Fault) -> None:
    span = trace.get_current_span()
    span.set_attribute("feature_flag.key", flag)
    span.set_attribute("feature_flag.provider.name", "flagd")
    span.set_attribute("feature_flag.result.variant", fault.variant)
    span.set_attribute("feature_flag.result.value", fault.value())
    time.sleep(min(MAX_LATENCY_MILLISECONDS, max(0.0, fault.latency_ms)) / 1000)
    if random.random() < fault.errors:  # noqa: S311 - no secret
        raise InjectedFault(f"the flag {flag} asks for errors")
