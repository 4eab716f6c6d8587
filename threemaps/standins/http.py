"""What every stand-in needs to answer: bodies read within limits, JSON in and out, errors with a reason.

A body may be broken, compressed a thousandfold or nested a million deep. Each of these ends in a `BodyError`
that the vendor's app turns into the vendor's own answer.
"""

import contextlib
import zlib
from collections.abc import Mapping
from typing import Any

import orjson
import zstandard
from werkzeug.wrappers import Request, Response

# Deeper than any honest document, and below what the JSON writers can still write.
MAX_JSON_DEPTH = 100
# A frame may ask for a window of gigabytes before its first byte.
_ZSTD_WINDOW = 1 << 27


class BodyError(Exception):
    """A request body that cannot be taken: the HTTP status that fits, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def read_body(request: Request, *, limit: int, decoded_limit: int) -> bytes:
    """The body, decompressed; `limit` counts bytes on the wire, `decoded_limit` bytes after that."""
    length = request.content_length
    if length is not None and length > limit:
        raise BodyError(413, f"the body has {length} bytes, more than {limit}")
    data = request.stream.read(limit + 1)
    if len(data) > limit:
        raise BodyError(413, f"the body has more than {limit} bytes")
    return decompress(data, request.headers.get("Content-Encoding", ""), decoded_limit)


def decompress(data: bytes, encoding: str, limit: int) -> bytes:
    """Undoes gzip or zstd, and stops at `limit` bytes however much more there would be."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        result = data
    elif encoding == "gzip":
        result = _gunzip(data, limit)
    elif encoding == "zstd":
        result = _unzstd(data, limit)
    else:
        raise BodyError(415, f"unsupported content encoding {encoding!r}: use gzip or zstd")
    if len(result) > limit:
        raise BodyError(413, f"the decompressed body has more than {limit} bytes")
    return result


def _gunzip(data: bytes, limit: int) -> bytes:
    """All members of a gzip file, one after the other."""
    parts: list[bytes] = []
    room = limit + 1
    while (data or not parts) and room > 0:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            parts.append(unpacker.decompress(data, room))
        except zlib.error as error:
            raise BodyError(400, f"the body is no gzip: {error}") from error
        room -= len(parts[-1])
        if not unpacker.eof and room > 0:
            raise BodyError(400, "the gzip body ends too early")
        data = unpacker.unused_data
    return b"".join(parts)


def _unzstd(data: bytes, limit: int) -> bytes:
    """At once if the frame says its size; else twice, as nothing stops at a limit and minds a lost end."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    try:
        if 0 < zstandard.frame_content_size(data) <= limit:
            with contextlib.suppress(zstandard.ZstdError):  # more frames may follow
                return unpacker.decompress(data, allow_extra_data=False)
        with unpacker.stream_reader(data, read_across_frames=True) as stream:
            result = stream.read(limit + 1)
        return result if len(result) > limit else _unzstd_whole(unpacker, data)
    except (zstandard.ZstdError, MemoryError) as error:
        raise BodyError(400, f"the body is no zstd: {error}") from error


def _unzstd_whole(unpacker: zstandard.ZstdDecompressor, data: bytes) -> bytes:
    parts: list[bytes] = []
    while data or not parts:
        frame = unpacker.decompressobj()
        parts.append(frame.decompress(data))
        if not frame.eof:
            raise BodyError(400, "the zstd body ends too early")
        data = frame.unused_data
    return b"".join(parts)


def parse_json(data: bytes | str, *, max_depth: int = MAX_JSON_DEPTH) -> Any:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BodyError(400, f"the body is no JSON: {error}") from error
    if is_deeper(value, max_depth):
        raise BodyError(400, f"the JSON is nested more than {max_depth} deep")
    return value


def is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for item in level if isinstance(item, (dict, list)) for child in _children(item)]
        if not level:
            return False
    return True


def _children(item: dict[str, Any] | list[Any]) -> Any:
    return item.values() if isinstance(item, dict) else item


def json_answer(
    value: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    content_type: str = "application/json",
) -> Response:
    body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    return Response(body, status, headers, content_type=content_type)
