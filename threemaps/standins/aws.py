"""One endpoint for all of AWS that is used here, as AWS_ENDPOINT_URL has it.

All paths are dispatched here, so it needs no more of Flask than what is below Flask: a third of the memory.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import orjson
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Request, Response

from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_REGION, LOCAL_AWS_SECRET_ACCESS_KEY
from threemaps.standins import sigv4, sts
from threemaps.standins.application_signals import ApplicationSignals
from threemaps.standins.aws_errors import AwsError, cbor_answer, error_response, is_otlp
from threemaps.standins.cloudwatch import schema as cloudwatch
from threemaps.standins.cloudwatch.promql import Promql
from threemaps.standins.cloudwatch.responses import CloudWatchLogs, CloudWatchMetrics
from threemaps.standins.cloudwatch.urls import LOGS_TARGET, METRICS_PATH, METRICS_TARGET
from threemaps.standins.http import BodyError, decompress, json_answer
from threemaps.standins.spans import schema
from threemaps.standins.store import Store
from threemaps.standins.xray import configuration
from threemaps.standins.xray.destination import Destination
from threemaps.standins.xray.responses import XRay

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SCHEMA = schema.SCHEMA + configuration.SCHEMA + cloudwatch.SCHEMA
KEYS = {LOCAL_AWS_ACCESS_KEY_ID: LOCAL_AWS_SECRET_ACCESS_KEY}
METHODS = ("GET", "HEAD", "POST")

MAX_BODY_BYTES = 16_000_000

log = logging.getLogger(__name__)


class BoundedRequest(Request):
    max_content_length = MAX_BODY_BYTES


class OtlpEndpoint(Protocol):
    def answer(self, request: Request) -> Response: ...


class Aws:
    def __init__(self, store: Store, environ: Mapping[str, str] = os.environ) -> None:
        self._store, self._environ = store, environ
        self._begin()

    def _begin(self) -> None:
        """All services anew: some remember what they wrote."""
        store, environ = self._store, self._environ
        self.__dict__.pop("_otlp", None)
        self._destination = Destination(configuration.Configuration(store), environ)
        self._rays = XRay(store, self._destination)
        self._logs = CloudWatchLogs(store, self._destination.is_searched)
        self._signals, self._promql = ApplicationSignals(store, environ), Promql(store)
        self._metrics = CloudWatchMetrics(store, self._signals.metrics)
        self._operate = self._awkward(environ) if environ.get("THREEMAPS_AWS_AWKWARD") else self._plainly

    def _awkward(self, environ: Mapping[str, str]) -> Callable[[Request], Response]:
        from threemaps.standins.awkward import INDEXED, Awkward, parse_ways
        from threemaps.standins.spans.endpoint import TracesEndpoint
        from threemaps.standins.tenants import GROUP, RULE, Tenants

        def settle() -> None:
            with suppress(AwsError):  # a tenant that was here before
                self._rays.answer("/CreateSamplingRule", orjson.dumps({"SamplingRule": RULE}))
                self._logs.answer(f"{LOGS_TARGET}CreateLogGroup", orjson.dumps({"logGroupName": GROUP}))

        tenants = Tenants(TracesEndpoint(self._store, self._destination.is_searched).take, settle)
        ways = parse_ways(environ)
        if "index" in ways:
            self._destination.index(float(ways["index"] or INDEXED))
        return Awkward(self._plainly, ways, tenants).answer

    @cached_property
    def _otlp(self) -> dict[str, tuple[str, OtlpEndpoint]]:
        """Path → service that calls are signed for. Loaded with the first request: it is 3 MB."""
        from threemaps.standins.cloudwatch.otlp_metrics import MetricsEndpoint
        from threemaps.standins.spans.endpoint import TracesEndpoint

        return {
            "/v1/traces": ("xray", TracesEndpoint(self._store, self._destination.is_searched)),
            "/v1/logs": ("logs", self._logs.otlp),
            "/v1/metrics": ("monitoring", MetricsEndpoint(self._store)),
        }

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        # Not in its own environ: in such a circle its body would wait for the garbage collection.
        request = BoundedRequest(environ, populate_request=False)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            return self._dispatch(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, a client is told in its own protocol
            return error_response(request, _refusal(error))

    def _dispatch(self, request: Request) -> Response:
        if request.method not in METHODS:
            raise MethodNotAllowed(METHODS)
        if request.path == "/healthz":
            return json_answer({"status": "ok"})
        if is_otlp(request) and request.path in self._otlp:
            service, endpoint = self._otlp[request.path]
            _verify(request, service)
            return endpoint.answer(request)
        _verify(request, self._service_of(request))
        if request.path in self._promql.paths:
            return self._promql.answer(request)
        if request.path == "/reset" and request.method == "POST":
            self._store.clear()
            self._begin()
            return Response(status=204)
        return self._operate(request)

    def _service_of(self, request: Request) -> str:
        """What the call has to be signed for; nothing where no service has such a call."""
        target = request.headers.get("X-Amz-Target", "")
        if request.path in self._signals.paths:
            return "application-signals"
        if request.path in self._promql.paths or request.path.startswith(METRICS_PATH):
            return "monitoring"
        if target:
            return "monitoring" if target.startswith(METRICS_TARGET) else "logs"
        if request.path in self._rays.paths:
            return "xray"
        return "sts" if b"Action=GetCallerIdentity" in request.get_data() else ""

    def _plainly(self, request: Request) -> Response:
        if request.path in self._signals.paths:
            return self._signals.answer(request)
        if request.path.startswith(METRICS_PATH):
            return cbor_answer(self._metrics.answer_cbor(request.path, body_of(request)))
        target = request.headers.get("X-Amz-Target", "")
        if target:
            return self._answer_target(target, request)
        if request.form.get("Action"):
            return Response(sts.answer(request.form["Action"]), content_type="text/xml")
        if request.path in self._rays.paths and request.method == "POST":
            return json_answer(self._rays.answer(request.path, body_of(request)))
        raise AwsError("UnknownOperationException", f"nothing answers at {request.path[:100]!r}", 404)

    def _answer_target(self, target: str, request: Request) -> Response:
        if target.startswith(METRICS_TARGET):
            answer = self._metrics.answer_json(target, body_of(request))
            return json_answer(answer, content_type="application/x-amz-json-1.0")
        answer = self._logs.answer(target, body_of(request))
        return json_answer(answer, content_type="application/x-amz-json-1.1")


create_app = Aws


def _verify(request: Request, service: str) -> None:
    sigv4.verify(request, KEYS, region=LOCAL_AWS_REGION, service=service)


def _refusal(error: Exception) -> AwsError:
    if isinstance(error, AwsError):
        return error
    if isinstance(error, BodyError):
        return AwsError("SerializationException", error.reason, error.status)
    if isinstance(error, HTTPException):
        reason = error.description or "the request cannot be answered"
        return AwsError("InvalidRequestException", reason, error.code or 400)
    log.error("unexpected", exc_info=error)
    return AwsError("InternalFailure", "the request cannot be answered", 500)


def body_of(request: Request) -> bytes:
    # Kept by the request, so that the signature check before and the answer after read the same bytes.
    return decompress(request.get_data(), request.headers.get("Content-Encoding", ""), MAX_BODY_BYTES)
