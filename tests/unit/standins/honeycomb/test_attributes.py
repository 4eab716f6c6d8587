"""Attributes that are read by hand mean what protobuf says they mean."""

from typing import Any

from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as some
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from threemaps.standins.honeycomb.attributes import FieldMemory

NAME = "net.peer.port"
MANY = 600


def attribute(value: Any, name: str = NAME) -> bytes:
    made = KeyValue(key=name)
    kind = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}[type(value)]
    setattr(made.value, kind, value)
    return made.SerializeToString()


def restless(name: str = NAME) -> FieldMemory:
    """A memory that has seen too many values of this name to keep them."""
    memory = FieldMemory()
    for number in range(MANY):
        assert memory[attribute(number, name)] == (name, f'"{name}":{number}')
    return memory


RESTLESS = restless()


def read(memory: FieldMemory, raw: bytes) -> Any:
    try:
        return memory[raw]
    except DecodeError:
        return DecodeError


numbers = some.integers(-(2**63), 2**63 - 1) | some.integers(0, 2**22)
values = some.text(max_size=140) | numbers | some.booleans() | some.floats(allow_nan=False)


@given(values)
def test_any_value(value: Any) -> None:
    assert read(RESTLESS, attribute(value)) == read(FieldMemory(), attribute(value))


@given(some.binary(max_size=12))
def test_broken_values(value: bytes) -> None:
    name = attribute("", NAME)[: len(NAME) + 2]
    for raw in (name + b"\x12" + bytes((len(value),)) + value, name + value, name + b"\x12" + value):
        assert read(RESTLESS, raw) == read(FieldMemory(), raw)


def test_no_more_values_of_a_restless_name_are_kept() -> None:
    memory = restless()
    kept = len(memory)
    assert kept < MANY
    assert memory[attribute("other", "http.route")] == ("http.route", '"http.route":"other"')
    assert len(memory) == kept + 1
