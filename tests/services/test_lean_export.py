"""What lean remembers between exports changes nothing that is sent."""

from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common._internal import _encode_key_value
from opentelemetry.sdk.resources import Resource

from threemaps.tracing.lean_export import LONGEST, REMEMBERED, hashed_once, remembering

VALUES = (
    True,
    1,
    1.0,
    False,
    0,
    0.0,
    "1",
    "",
    "é",
    "x" * (LONGEST + 1),
    -5,
    (1, 2),
    (True, False),
    ("a",),
    b"1",
)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_an_attribute_is_encoded_as_if_nothing_was_remembered(value: Any) -> None:
    encode = remembering(_encode_key_value)
    for other in VALUES:
        encode("name", other)
    assert encode("name", value) == _encode_key_value("name", value)


def test_more_values_than_are_remembered() -> None:
    encode = remembering(_encode_key_value)
    for number in [*range(REMEMBERED * 2), *range(REMEMBERED * 2)]:
        assert encode("port", number).value.int_value == number


def test_resources_are_told_apart() -> None:
    known_hash = hashed_once(Resource.__hash__)
    one, same, other = (Resource({"service.name": name}) for name in ("a", "a", "b"))
    assert [known_hash(one), known_hash(one)] == [hash(one)] * 2
    assert known_hash(same) == known_hash(one) != known_hash(other)
