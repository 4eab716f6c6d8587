"""The OTLP endpoints: `/v1/traces`, `/v1/logs` and `/v1/metrics`, as protobuf and as JSON."""

from typing import Any

from flask import Blueprint, request
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from werkzeug.wrappers import Response

from threemaps.standins.beside import Translator
from threemaps.standins.honeycomb.attributes import FieldMemory
from threemaps.standins.honeycomb.keys import HEADER, MISSING_KEY, UNKNOWN_KEY, key_of
from threemaps.standins.honeycomb.metrics import translate_metrics
from threemaps.standins.honeycomb.rows import EncodedBatch
from threemaps.standins.honeycomb.translate import translate
from threemaps.standins.honeycomb.writer import Writer
from threemaps.standins.http import BodyError, read_body
from threemaps.standins.otlp_http import JSON, PROTOBUF, answer, as_protobuf, refuse

MAX_REQUEST_BYTES = 20 * 1024 * 1024
UNSUPPORTED = "unsupported content-type, valid types are: " + ", ".join((*PROTOBUF[::-1], JSON))
FAILED = "failed to parse OTLP request body"


def otlp_blueprint(writer: Writer) -> Blueprint:
    blueprint = Blueprint("otlp", __name__)
    translator = Translator(translate, FieldMemory)

    @blueprint.before_request
    def check() -> Response | None:
        if request.mimetype not in (*PROTOBUF, JSON):
            return Response(UNSUPPORTED, 415, content_type="text/plain")
        if HEADER not in request.headers:
            return refuse(401, MISSING_KEY, request.mimetype)
        return refuse(401, UNKNOWN_KEY, request.mimetype) if key_of(request) is None else None

    @blueprint.errorhandler(BodyError)
    def refuse_body(error: BodyError) -> Response:
        return refuse(error.status, f"{FAILED}: {error.reason}", request.mimetype)

    @blueprint.post("/v1/traces")
    def traces() -> Response:
        batch = _translated(translator, "traces", ExportTraceServiceRequest)
        writer.write(batch)
        partial = ExportTracePartialSuccess(rejected_spans=len(batch.rejected), error_message=_reasons(batch))
        message = ExportTraceServiceResponse(partial_success=partial if batch.rejected else None)
        return answer(message, request.mimetype)

    @blueprint.post("/v1/logs")
    def logs() -> Response:
        batch = _translated(translator, "logs", ExportLogsServiceRequest)
        writer.write(batch)
        partial = ExportLogsPartialSuccess(
            rejected_log_records=len(batch.rejected), error_message=_reasons(batch)
        )
        message = ExportLogsServiceResponse(partial_success=partial if batch.rejected else None)
        return answer(message, request.mimetype)

    @blueprint.post("/v1/metrics")
    def metrics() -> Response:
        try:
            batch = translate_metrics(read_protobuf(ExportMetricsServiceRequest)).encoded()
        except DecodeError as error:
            raise BodyError(400, str(error)) from error
        writer.write(batch)
        partial = ExportMetricsPartialSuccess(
            rejected_data_points=len(batch.rejected), error_message=_reasons(batch)
        )
        message = ExportMetricsServiceResponse(partial_success=partial if batch.rejected else None)
        return answer(message, request.mimetype)

    return blueprint


def _translated(translator: Translator[EncodedBatch], signal: str, described: Any) -> EncodedBatch:
    dataset = request.headers.get("X-Honeycomb-Dataset", "")
    try:
        return translator.translate(read_protobuf(described), signal, dataset)
    except DecodeError as error:
        raise BodyError(400, str(error)) from error


def _reasons(batch: EncodedBatch) -> str:
    return " ".join(sorted(set(batch.rejected)))


def read_protobuf(described: Any) -> bytes:
    """The request's message; `described` knows all its types."""
    body = read_body(request, limit=MAX_REQUEST_BYTES, decoded_limit=MAX_REQUEST_BYTES)
    return as_protobuf(body, request.mimetype, described)
