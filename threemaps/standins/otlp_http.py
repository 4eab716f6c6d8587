"""OTLP over HTTP, as every vendor speaks it: protobuf or JSON in, an answer of the same kind out.

protobuf's JSON is loaded with the first request that has it: few have, and it is 2 MB.
"""

import base64
from typing import Any

import orjson
from werkzeug.wrappers import Request, Response

from threemaps.standins.http import BodyError, decompress, parse_json

PROTOBUF = ("application/x-protobuf", "application/protobuf")
JSON = "application/json"

# OTLP's JSON writes these as hex, where protobuf's own JSON would have base64.
_IDS = frozenset(("traceId", "trace_id", "spanId", "span_id", "parentSpanId", "parent_span_id"))


def read_otlp(request: Request, limit: int, described: Any) -> bytes:
    """The body as AWS takes it, as protobuf: gzip or none, and at most so many bytes unpacked."""
    if request.mimetype not in (*PROTOBUF, JSON):
        raise BodyError(415, f"Content-Type must be {PROTOBUF[0]} or {JSON}")
    encoding = request.headers.get("Content-Encoding", "")
    if encoding not in ("", "identity", "gzip"):
        raise BodyError(415, "Content-Encoding must be gzip, or none")
    # Kept by the request, so that the signature check before and this read the same bytes.
    return as_protobuf(decompress(request.get_data(), encoding, limit), request.mimetype, described)


def as_protobuf(body: bytes, mimetype: str, described: Any) -> bytes:
    """JSON becomes protobuf by way of `described`, which knows all its types."""
    if mimetype == JSON:
        serialized: bytes = _from_json(parse_json(body), described).SerializeToString()
        return serialized
    return body


def _from_json(document: Any, described: Any) -> Any:
    from google.protobuf import json_format

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


def answer(message: Any, mimetype: str) -> Response:
    """In the encoding of the request."""
    if mimetype == JSON:
        from google.protobuf import json_format

        return Response(json_format.MessageToJson(message, indent=None), content_type=JSON)
    return Response(message.SerializeToString(), content_type=mimetype)


def refuse(status: int, reason: str, mimetype: str) -> Response:
    """A google.rpc.Status with the reason as its message, field 2."""
    if mimetype == JSON:
        return Response(orjson.dumps({"message": reason}), status, content_type=JSON)
    text = reason.encode()[:_LONGEST_STATUS]
    return Response(b"\x12" + _varint(len(text)) + text, status, content_type=mimetype)


_LONGEST_STATUS = 1_000


def _varint(number: int) -> bytes:
    return bytes((number,)) if number < 128 else bytes((number & 127 | 128, number >> 7))
