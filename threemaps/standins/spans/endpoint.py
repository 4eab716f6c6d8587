"""X-Ray's OTLP endpoint, `POST /v1/traces`: spans in, on disk before the answer."""

import time
from collections.abc import Callable

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from werkzeug.wrappers import Request, Response

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.beside import Translator
from threemaps.standins.http import BodyError
from threemaps.standins.otlp_http import answer, read_otlp
from threemaps.standins.spans.translate import MAX_REQUEST_BYTES, Batch, Memory, TooMuchError, translate
from threemaps.standins.spans.writer import Writer
from threemaps.standins.store import Store

NOT_SEARCHED = (
    "The OTLP API is supported with CloudWatch Logs as a Trace Segment Destination. Please enable the "
    "CloudWatch Logs destination for your traces using the UpdateTraceSegmentDestination API "
    "(https://docs.aws.amazon.com/xray/latest/api/API_UpdateTraceSegmentDestination.html)"
)


class TracesEndpoint:
    def __init__(self, store: Store, is_searched: Callable[[], bool]) -> None:
        """`is_searched`: whether Transaction Search is on, which the endpoint needs."""
        self._is_searched = is_searched
        self._writer = Writer(store)
        self._translator = Translator(translate, Memory)

    def answer(self, request: Request) -> Response:
        if not self._is_searched():
            raise AwsError("InvalidRequestException", NOT_SEARCHED)
        rejected = self.take(read_otlp(request, MAX_REQUEST_BYTES, ExportTraceServiceRequest)).rejected
        partial = ExportTracePartialSuccess(
            rejected_spans=len(rejected), error_message=" ".join(sorted(set(rejected)))
        )
        message = ExportTraceServiceResponse(partial_success=partial if rejected else None)
        return answer(message, request.mimetype)

    def take(self, body: bytes) -> Batch:
        """Stores the spans of an OTLP message."""
        try:
            batch: Batch = self._translator.translate(body, time.time_ns())
        except DecodeError as error:
            raise BodyError(400, f"the body is no OTLP: {error}") from error
        except TooMuchError as error:
            raise AwsError("InvalidRequestException", str(error)) from error
        self._writer.write(batch)
        return batch
