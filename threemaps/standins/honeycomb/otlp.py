"""The OTLP door: `/v1/traces` and `/v1/logs`, as protobuf and as JSON."""

import base64
from typing import Any

from flask import Blueprint, Response, request
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from threemaps.standins.honeycomb.attributes import json_text
from threemaps.standins.honeycomb.beside import Translator
from threemaps.standins.honeycomb.keys import HEADER, MISSING_KEY, UNKNOWN_KEY, key_of
from threemaps.standins.honeycomb.rows import EncodedBatch
from threemaps.standins.honeycomb.writer import Writer
from threemaps.standins.http import BodyError, parse_json, read_body

MAX_REQUEST_BYTES = 20 * 1024 * 1024
PROTOBUF = ("application/x-protobuf", "application/protobuf")
JSON = "application/json"
UNSUPPORTED = "unsupported content-type, valid types are: " + ", ".join((*PROTOBUF[::-1], JSON))
FAILED = "failed to parse OTLP request body"

# OTLP's JSON writes these as hex, where protobuf's own JSON would have base64.
_IDS = frozenset(("traceId", "trace_id", "spanId", "span_id", "parentSpanId", "parent_span_id"))


def otlp_door(writer: Writer) -> Blueprint:
    door = Blueprint("otlp", __name__)
    translator = Translator()

    @door.before_request
    def check() -> Response | None:
        if request.mimetype not in (*PROTOBUF, JSON):
            return Response(UNSUPPORTED, 415, content_type="text/plain")
        if HEADER not in request.headers:
            return refuse(401, MISSING_KEY)
        return refuse(401, UNKNOWN_KEY) if key_of(request) is None else None

    @door.errorhandler(BodyError)
    def refuse_body(error: BodyError) -> Response:
        return refuse(error.status, f"{FAILED}: {error.reason}")

    @door.post("/v1/traces")
    def traces() -> Response:
        batch = _translated(translator, "traces", ExportTraceServiceRequest)
        writer.write(batch)
        partial = ExportTracePartialSuccess(rejected_spans=len(batch.rejected), error_message=_reasons(batch))
        return answer(ExportTraceServiceResponse(partial_success=partial if batch.rejected else None))

    @door.post("/v1/logs")
    def logs() -> Response:
        batch = _translated(translator, "logs", ExportLogsServiceRequest)
        writer.write(batch)
        partial = ExportLogsPartialSuccess(
            rejected_log_records=len(batch.rejected), error_message=_reasons(batch)
        )
        return answer(ExportLogsServiceResponse(partial_success=partial if batch.rejected else None))

    return door


def _translated(translator: Translator, signal: str, described: Any) -> EncodedBatch:
    dataset = request.headers.get("X-Honeycomb-Dataset", "")
    try:
        return translator.translate(signal, read_protobuf(described), dataset)
    except DecodeError as error:
        raise BodyError(400, str(error)) from error


def _reasons(batch: EncodedBatch) -> str:
    return " ".join(sorted(set(batch.rejected)))


def read_protobuf(described: Any) -> bytes:
    """The request's message; JSON becomes protobuf by way of `described`, which knows all its types."""
    body = read_body(request, limit=MAX_REQUEST_BYTES, decoded_limit=MAX_REQUEST_BYTES)
    if request.mimetype == JSON:
        serialized: bytes = _from_json(parse_json(body), described).SerializeToString()
        return serialized
    return body


def _from_json(document: Any, described: Any) -> Any:
    if not isinstance(document, dict):
        raise BodyError(400, f"the JSON is a {type(document).__name__}, not an object")
    try:
        return json_format.ParseDict(_with_base64_ids(document), described(), ignore_unknown_fields=True)
    except (json_format.Error, ValueError, TypeError, AttributeError, KeyError) as error:
        raise BodyError(400, str(error)) from error


def _with_base64_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _base64_id(inner) if name in _IDS else _with_base64_ids(inner) for name, inner in value.items()
    }


def _base64_id(text: Any) -> str:
    if not isinstance(text, str):
        raise BodyError(400, f"an id is a {type(text).__name__}, not hex digits")
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError as error:
        raise BodyError(400, f"{text[:64]!r} is no hex id") from error


def answer(message: Any, status: int = 200) -> Response:
    """In the encoding of the request."""
    if request.mimetype == JSON:
        return Response(json_format.MessageToJson(message, indent=None), status, content_type=JSON)
    return Response(message.SerializeToString(), status, content_type=request.mimetype)


def refuse(status: int, reason: str) -> Response:
    """A google.rpc.Status with the reason as its message, field 2."""
    if request.mimetype == JSON:
        return Response(json_text({"message": reason}), status, content_type=JSON)
    text = reason.encode()[:_LONGEST_STATUS]
    return Response(b"\x12" + _varint(len(text)) + text, status, content_type=request.mimetype)


_LONGEST_STATUS = 1_000


def _varint(number: int) -> bytes:
    return bytes((number,)) if number < 128 else bytes((number & 127 | 128, number >> 7))
