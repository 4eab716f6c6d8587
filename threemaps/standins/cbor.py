"""CBOR as far as Smithy's RPC v2 protocol goes, which SDKs speak to CloudWatch: of all tags only times."""

import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

MAX_DEPTH = 50
BREAK = object()
TIME = 1
SIMPLE: dict[int, Any] = {20: False, 21: True, 22: None, 23: None}


class CborError(ValueError):
    """Bytes that are no CBOR, or more than the protocol uses."""


def decode(data: bytes) -> Any:
    reader = _Reader(data)
    value = reader.value(0)
    if value is BREAK or reader.position != len(data):
        raise CborError(f"something stands behind byte {reader.position}")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0
        self._readers: dict[int, Callable[[int, int], Any]] = {
            0: lambda info, depth: self._number(info),
            1: lambda info, depth: -1 - self._number(info),
            2: lambda info, depth: self._chunks(2, info),
            3: lambda info, depth: self._text(info),
            4: self._list,
            5: self._map,
            6: self._tagged,
            7: lambda info, depth: self._simple(info),
        }

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise CborError(f"it is nested more than {MAX_DEPTH} deep")
        first = self._take(1)[0]
        return self._readers[first >> 5](first & 31, depth)

    def _take(self, size: int) -> bytes:
        part = self._data[self.position : self.position + size]
        if len(part) < size:
            raise CborError("it ends too early")
        self.position += size
        return part

    def _number(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise CborError(f"additional information {info} at byte {self.position}")
        return int.from_bytes(self._take(1 << (info - 24)), "big")

    def _chunks(self, major: int, info: int) -> bytes:
        if info != 31:
            return self._take(self._number(info))
        parts = []
        while (first := self._take(1)[0]) != 0xFF:
            if first >> 5 != major or first & 31 == 31:
                raise CborError("a part of a string is none")
            parts.append(self._take(self._number(first & 31)))
        return b"".join(parts)

    def _text(self, info: int) -> str:
        try:
            return self._chunks(3, info).decode()
        except UnicodeDecodeError as error:
            raise CborError(f"a text is no UTF-8: {error.reason}") from error

    def _items(self, info: int, depth: int, each: int) -> list[Any]:
        items: list[Any] = []
        # A declared length is not believed: what is missing ends the reading.
        count = math.inf if info == 31 else self._number(info) * each
        while len(items) < count:
            item = self.value(depth + 1)
            if item is BREAK:
                if info != 31:
                    raise CborError("a break stands where a value has to")
                break
            items.append(item)
        return items

    def _list(self, info: int, depth: int) -> list[Any]:
        return self._items(info, depth, 1)

    def _map(self, info: int, depth: int) -> dict[str, Any]:
        items = self._items(info, depth, 2)
        names = items[0::2]
        if len(items) % 2 or not all(isinstance(name, str) for name in names):
            raise CborError("a map needs a text and a value for each entry")
        return dict(zip(names, items[1::2], strict=True))

    def _tagged(self, info: int, depth: int) -> datetime:
        tag, seconds = self._number(info), self.value(depth + 1)
        if tag != TIME or isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise CborError(f"tag {tag} is not used in this protocol, or not like this")
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise CborError(f"{seconds} is no time: {error}") from error

    def _simple(self, info: int) -> Any:
        if info == 31:
            return BREAK
        if info in SIMPLE:
            return SIMPLE[info]
        formats = {25: ">e", 26: ">f", 27: ">d"}
        if info not in formats:
            raise CborError(f"simple value {info} is not used in this protocol")
        return struct.unpack(formats[info], self._take(1 << (info - 24)))[0]


def encode(value: Any) -> bytes:
    """A value made of what `decode` gives."""
    parts: list[bytes] = []
    _write(value, parts)
    return b"".join(parts)


def _write(value: Any, parts: list[bytes]) -> None:
    if value is None or isinstance(value, bool):
        parts.append({None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value])
    elif isinstance(value, int):
        parts.append(_head(0, value) if value >= 0 else _head(1, -1 - value))
    elif isinstance(value, float):
        parts.append(b"\xfb" + struct.pack(">d", value))
    elif isinstance(value, str):
        text = value.encode()
        parts += [_head(3, len(text)), text]
    elif isinstance(value, datetime):
        parts.append(_head(6, TIME))
        _write(value.timestamp(), parts)
    elif isinstance(value, dict):
        parts.append(_head(5, len(value)))
        for pair in value.items():
            for item in pair:
                _write(item, parts)
    else:
        parts.append(_head(4, len(value)))
        for item in value:
            _write(item, parts)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * size):
            return bytes([major << 5 | info]) + number.to_bytes(size, "big")
    raise CborError(f"{number} is too large")
