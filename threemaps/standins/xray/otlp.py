"""X-Ray's own OTLP door, `POST /v1/traces`: spans in, kept as the segments that X-Ray makes of them.

Its limits are those of CloudWatch's user guide, "OTLP Endpoints" and "Troubleshooting". What makes
one span unfit is told in a partial success, what makes the request unfit refuses it whole.
"""

import base64
import time
from collections.abc import Iterator
from typing import Any

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from werkzeug.wrappers import Request, Response

from threemaps.standins.http import BodyError, decompress
from threemaps.standins.otlp_http import JSON, PROTOBUF, answer, as_protobuf
from threemaps.standins.otlp_messages import TraceRequest
from threemaps.standins.xray.destination import Destination
from threemaps.standins.xray.entities import Entity
from threemaps.standins.xray.ingest import Ingest
from threemaps.standins.xray.otlp_segments import Resource, segments_of
from threemaps.standins.xray.requests import invalid
from threemaps.standins.xray.segments import RefusedError, Row, rows_of_entity

MAX_REQUEST_BYTES = 5 * 1024 * 1024
MAX_SPANS = 10_000
MAX_RESOURCE_BYTES = 16 * 1024
MAX_SPAN_BYTES = 200 * 1024
HOURS = 3600 * 10**9
EARLIEST, LATEST, LONGEST = 14 * 24 * HOURS, 2 * HOURS, 24 * HOURS
NOT_SEARCHED = (
    "The OTLP API is supported with CloudWatch Logs as a Trace Segment Destination. Please enable the "
    "CloudWatch Logs destination for your traces using the UpdateTraceSegmentDestination API "
    "(https://docs.aws.amazon.com/xray/latest/api/API_UpdateTraceSegmentDestination.html)"
)


class OtlpDoor:
    def __init__(self, ingest: Ingest, destination: Destination) -> None:
        self._ingest = ingest
        self._destination = destination

    def answer(self, request: Request) -> Response:
        if not self._destination.is_searched:
            raise invalid(NOT_SEARCHED)
        try:
            message = TraceRequest.FromString(body_of(request))
            check_request(message, time.time_ns())
            rows, refused = taken(message, time.time_ns())
        except DecodeError as error:
            raise BodyError(400, f"the body is no OTLP: {error}") from error
        if rows:
            self._ingest.commit(rows)
        partial = ExportTracePartialSuccess(
            rejected_spans=len(refused), error_message=" ".join(sorted(set(refused)))
        )
        message = ExportTraceServiceResponse(partial_success=partial if refused else None)
        return answer(message, request.mimetype)


def body_of(request: Request) -> bytes:
    if request.mimetype not in (*PROTOBUF, JSON):
        raise BodyError(415, f"Content-Type must be {PROTOBUF[0]} or {JSON}")
    encoding = request.headers.get("Content-Encoding", "")
    if encoding not in ("", "identity", "gzip"):
        raise BodyError(415, "Content-Encoding must be gzip, or none")
    # Kept by the request, so that the signature check before and this read the same bytes.
    body = decompress(request.get_data(), encoding, MAX_REQUEST_BYTES)
    return as_protobuf(body, request.mimetype, ExportTraceServiceRequest)


def spans_of(message: Any) -> Iterator[Any]:
    for resource_spans in message.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            yield from scope_spans.spans


def check_request(message: Any, now: int) -> None:
    starts = [span.start_time_unix_nano for span in spans_of(message)]
    if len(starts) > MAX_SPANS:
        raise invalid(f"The request has {len(starts)} spans, more than {MAX_SPANS}")
    for resource_spans in message.resource_spans:
        size = resource_spans.resource.ByteSize()
        for scope_spans in resource_spans.scope_spans:
            if size + scope_spans.scope.ByteSize() > MAX_RESOURCE_BYTES:
                raise invalid(f"A resource and its scope have more than {MAX_RESOURCE_BYTES} bytes")
    if starts and (min(starts) < now - EARLIEST or max(starts) > now + LATEST):
        raise invalid("A span is more than 14 days in the past or more than 2 hours in the future")
    if starts and max(starts) - min(starts) > LONGEST:
        raise invalid("The spans of the request are more than 24 hours apart")


def taken(message: Any, received: int) -> tuple[list[Row], list[str]]:
    """What is kept, and for each span that is not, why."""
    rows: list[Row] = []
    refused: list[str] = []
    for resource_spans in message.resource_spans:
        resource = Resource.of(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                try:
                    rows += rows_of_span(span, resource, received)
                except RefusedError as refusal:
                    refused.append(refusal.message)
                received += 1
    return rows, refused


def rows_of_span(span: Any, resource: Resource, received: int) -> list[Row]:
    if span.ByteSize() > MAX_SPAN_BYTES:
        raise RefusedError("InvalidSpan", message=f"A span has more than {MAX_SPAN_BYTES} bytes.")
    return [
        row
        for document in segments_of(span, resource)
        for row in rows_of_entity(document, json_text(document), received)
    ]


def json_text(document: Entity) -> str:
    return orjson.dumps(document, default=_base64).decode()


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} in a span")
