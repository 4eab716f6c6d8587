"""What OpenTelemetry's OTLP encoder makes anew for each span and log record, made once.

Most attributes have a value that was sent before, and all spans of a process have one resource, whose hash
is a JSON document of all its attributes.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from opentelemetry.exporter.otlp.proto.common import _internal as encoder
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.sdk.resources import Resource

REMEMBERED = 2_000
LONGEST = 200


def remember_encoded() -> None:
    encoder._encode_key_value = remembering(encoder._encode_key_value)  # type: ignore[assignment]
    Resource.__hash__ = hashed_once(Resource.__hash__)  # type: ignore[method-assign, assignment]


def remembering(encode: Callable[[str, Any], KeyValue]) -> Callable[[str, Any], KeyValue]:
    # Typed: True, 1 and 1.0 are equal, and differ on the wire.
    remembered = lru_cache(REMEMBERED, typed=True)(encode)

    def encode_key_value(key: str, value: Any) -> KeyValue:
        if type(value) is int or (type(value) is str and len(value) <= LONGEST):
            return remembered(key, value)
        return encode(key, value)

    return encode_key_value


def hashed_once(hash_of: Callable[[Resource], int]) -> Callable[[Resource], int]:
    def known_hash(resource: Resource) -> int:
        try:
            known: int = resource.__dict__["_threemaps_hash"]
        except KeyError:
            known = resource.__dict__["_threemaps_hash"] = hash_of(resource)
        return known

    return known_hash
