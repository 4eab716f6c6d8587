"""Runs a program with the X-Ray SDK, not OpenTelemetry: `python -m threemaps.tracing.xray_sdk gunicorn …`.

As `opentelemetry-instrument` does, it leaves the program's code alone: every Flask app made in it gets the
SDK's middleware, and `requests` is patched. The variables are the SDK's own.
AWS_XRAY_URL is its dynamic naming.
"""

import logging
import os
from collections.abc import Callable
from typing import Any

import flask
from aws_xray_sdk.core import patch, xray_recorder
from aws_xray_sdk.ext.flask.middleware import XRayMiddleware
from flask import g, request
from opentelemetry import context, trace

from threemaps.tracing.program import run
from threemaps.tracing.xray_bridge import XRaySpan, XRayTracerProvider

DEFAULT_DAEMON = "127.0.0.1:2000"
# A segment with more subsegments than this is sent in parts, so that it fits into a datagram.
STREAMING_THRESHOLD = 30


class Hooks:
    """A Flask app as the SDK's middleware sees it: its hooks leave out paths that are not to be traced,
    and make the segment the current span."""

    def __init__(self, app: flask.Flask, untraced: tuple[str, ...]) -> None:
        self.logger = app.logger
        self._app = app
        self._untraced = untraced

    def before_request(self, begin: Callable[[], None]) -> None:
        def hook() -> None:
            if request.path in self._untraced:
                return
            begin()
            segment = xray_recorder.current_segment()
            _keep_trace_id(segment)
            g.xray_token = context.attach(trace.set_span_in_context(XRaySpan(segment)))

        self._app.before_request(hook)

    def after_request(self, note: Callable[[flask.Response], flask.Response]) -> None:
        self._app.after_request(lambda response: note(response) if "xray_token" in g else response)

    def teardown_request(self, end: Callable[[BaseException | None], None]) -> None:
        def hook(exception: BaseException | None) -> None:
            token = g.pop("xray_token", None)
            if token is not None:
                context.detach(token)
                end(exception)

        self._app.teardown_request(hook)


def _keep_trace_id(segment: Any) -> None:
    """A request that is not sampled keeps its id all the same: its log lines belong together."""
    header = segment.get_origin_trace_header()
    if not segment.sampled and header is not None and header.root:
        segment.trace_id = header.root


def configure() -> None:
    """The recorder as the environment says, with neither plugins nor, unless asked for, sampling."""
    xray_recorder.configure(
        service=os.environ.get("AWS_XRAY_TRACING_NAME") or "service",
        daemon_address=os.environ.get("AWS_XRAY_DAEMON_ADDRESS") or DEFAULT_DAEMON,
        context_missing="LOG_ERROR",
        plugins=(),
        sampling=os.environ.get("THREEMAPS_SAMPLING") == "xray",
        streaming_threshold=STREAMING_THRESHOLD,
        dynamic_naming=os.environ.get("AWS_XRAY_URL") or None,
    )
    if os.environ.get("XRAY_CONSOLE"):
        logging.getLogger("aws_xray_sdk.core.emitters").setLevel(logging.DEBUG)  # shows each segment
    trace.set_tracer_provider(XRayTracerProvider(xray_recorder))
    patch(("requests",))
    _instrument_flask(tuple(filter(None, os.environ.get("XRAY_UNTRACED_PATHS", "").split(","))))


def _instrument_flask(untraced: tuple[str, ...]) -> None:
    plain = flask.Flask

    class TracedFlask(plain):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            XRayMiddleware(Hooks(self, untraced), xray_recorder)

    flask.Flask = TracedFlask  # type: ignore[misc]


if __name__ == "__main__":
    run(configure, "threemaps.tracing.xray_sdk")
