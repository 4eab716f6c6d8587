"""Errors as AWS answers them, in the shape of whichever protocol the caller speaks."""

import re
from xml.sax.saxutils import escape

import orjson
from werkzeug.wrappers import Request, Response

from threemaps.standins import cbor, otlp_http

# The same refusals as the older query protocol names them.
QUERY_CODES = {
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "UnknownOperationException": "InvalidAction",
    "UnrecognizedClientException": "InvalidClientTokenId",
}
# CloudWatch's errors have a name in today's protocols, and keep their older code beside it.
CLOUDWATCH_NAMES = {
    "InvalidParameterCombination": "InvalidParameterCombinationException",
    "InvalidParameterInput": "DashboardInvalidInputError",
    "InvalidParameterValue": "InvalidParameterValueException",
    "MissingParameter": "MissingRequiredParameterException",
    "ResourceNotFound": "DashboardNotFoundError",
}
OTLP_PATHS = frozenset(("/v1/traces", "/v1/logs", "/v1/metrics"))
CLOUDWATCH = "GraniteServiceVersion20100801"


class AwsError(Exception):
    """A refusal with AWS's code, message and status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def error_response(request: Request, error: AwsError) -> Response:
    """JSON for X-Ray and the X-Amz-Target protocols, CBOR for CloudWatch, XML for queries, OTLP for OTLP."""
    target = request.headers.get("X-Amz-Target", "")
    if is_otlp(request) and request.mimetype in otlp_http.PROTOBUF:
        return _otlp(error, request.mimetype)
    if request.path.startswith(f"/service/{CLOUDWATCH}/"):
        response = cbor_answer(cbor.encode(_named(error)), error.status)
        return _with_query_code(response, error)
    if target.startswith(CLOUDWATCH):
        return _with_query_code(_json(request, error, CLOUDWATCH_NAMES.get(error.code, error.code)), error)
    if target or not _is_query(request):
        return _json(request, error, error.code)
    return _xml(error)


def is_otlp(request: Request) -> bool:
    return request.path in OTLP_PATHS and request.method == "POST"


def cbor_answer(body: bytes, status: int = 200) -> Response:
    return Response(body, status, {"smithy-protocol": "rpc-v2-cbor"}, content_type="application/cbor")


def _named(error: AwsError) -> dict[str, str]:
    name = CLOUDWATCH_NAMES.get(error.code, error.code)
    return {"__type": f"com.amazonaws.cloudwatch#{name}", "message": error.message}


def _otlp(error: AwsError, mimetype: str) -> Response:
    response = otlp_http.refuse(error.status, error.message, mimetype)
    response.headers["x-amzn-ErrorType"] = error.code
    return response


def _with_query_code(response: Response, error: AwsError) -> Response:
    response.headers["x-amzn-query-error"] = f"{QUERY_CODES.get(error.code, error.code)};Sender"
    return response


def _is_query(request: Request) -> bool:
    content_type = request.content_type or ""
    return content_type.startswith("application/x-www-form-urlencoded") or "Action" in request.args


def _json(request: Request, error: AwsError, name: str) -> Response:
    body = {"__type": name, "message": error.message, "Message": error.message}
    content_type = request.content_type or ""
    if not re.fullmatch(r"application/x-amz-json-1\.[01]", content_type):
        content_type = "application/json"
    response = Response(orjson.dumps(body), error.status, content_type=content_type)
    response.headers["x-amzn-ErrorType"] = name
    return response


def _xml(error: AwsError) -> Response:
    kind = "Sender" if error.status < 500 else "Receiver"
    code = QUERY_CODES.get(error.code, error.code)
    body = (
        "<ErrorResponse><Error>"
        f"<Type>{kind}</Type><Code>{escape(code)}</Code><Message>{escape(error.message)}</Message>"
        "</Error><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
    )
    return Response(body, error.status, content_type="text/xml")
