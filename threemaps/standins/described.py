"""AWS's own descriptions of its services: what an operation is given, and what is wrong with a request.

They are botocore's files. botocore's code would be a tenth of a stand-in's memory, and knows of a value's
least size but not of its largest.
"""

import gzip
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

Shape = dict[str, Any]

SHOWN = 1_024
TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (str, bytes),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "timestamp": (int, float, str, datetime),
}
WIDEST = {"integer": 2**31 - 1, "long": 2**63 - 1}


@cache
def description(service: str) -> "Description":
    whole = orjson.loads(gzip.decompress(_file(service).read_bytes()))
    return Description(whole["operations"], whole["shapes"])


def _file(service: str) -> Path:
    found = find_spec("botocore")
    assert found is not None
    assert found.submodule_search_locations is not None
    versions = Path(found.submodule_search_locations[0], "data", service).glob("*/service-2.json.gz")
    return max(versions)  # they are called by their days


class Description:
    """Of what AWS describes only requests are kept; its texts for people are most of it."""

    def __init__(self, operations: Mapping[str, Shape], shapes: Mapping[str, Shape]) -> None:
        self._inputs = {
            name: one["input"]["shape"] for name, one in operations.items() if one.get("input") is not None
        }
        self.paths = {operations[name]["http"]["requestUri"]: name for name in self._inputs}
        self._shapes = _reached(self._inputs.values(), shapes)

    def members(self, operation: str) -> Collection[str]:
        """The parameters that it knows."""
        members: dict[str, str] = self._shapes[self._inputs[operation]]["members"]
        return members.keys()

    def problems(self, operation: str, request: Mapping[str, Any]) -> Iterator[str]:
        """In AWS's words. What is unknown is ignored, as AWS does."""
        if operation in self._inputs:
            yield from self._wrong(request, self._inputs[operation], "")

    def _wrong(self, value: Any, name: str, where: str) -> Iterator[str]:
        shape = self._shapes[name]
        kind = shape["type"]
        if not _is_a(kind, value):
            yield _problem(value, where, f"Member must be a {kind}")
        elif kind == "structure":
            yield from self._wrong_members(value, shape, where)
        elif kind == "timestamp":
            yield from _wrong_time(value, where)
        else:
            yield from _wrong_value(value, shape, where)
            yield from self._wrong_inside(value, shape, where)

    def _wrong_members(self, value: Mapping[str, Any], shape: Shape, where: str) -> Iterator[str]:
        for name in shape.get("required", ()):
            if name not in value:
                yield _problem(None, f"{where}.{name}".lstrip("."), "Member must not be null")
        if shape.get("union") and len(value) != 1:
            yield _problem(value, where, "Member must have exactly one of its parts set")
        for name, inner in shape["members"].items():
            if name in value:
                yield from self._wrong(value[name], inner, f"{where}.{name}".lstrip("."))

    def _wrong_inside(self, value: Any, shape: Shape, where: str) -> Iterator[str]:
        if "member" in shape:
            for number, item in enumerate(value):
                yield from self._wrong(item, shape["member"], f"{where}.{number + 1}.member")
        if "value" in shape:
            for name, item in value.items():
                yield from self._wrong(name, shape["key"], f"{where}.key")
                yield from self._wrong(item, shape["value"], f"{where}.{name}")


def _is_a(kind: str, value: Any) -> bool:
    return isinstance(value, TYPES[kind]) and isinstance(value, bool) == (kind == "boolean")


def _reached(names: Collection[str], shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = one = _terse(shapes[name])
            waiting += one.get("members", {}).values()
            waiting += [one[part] for part in ("member", "key", "value") if part in one]
    return found


def _terse(shape: Shape) -> Shape:
    """A part is the name of its shape."""
    terse = {key: shape[key] for key in ("type", "required", "union", "min", "max", "enum") if shape.get(key)}
    if shape["type"] == "structure":
        terse["members"] = {name: one["shape"] for name, one in shape.get("members", {}).items()}
    return terse | {part: shape[part]["shape"] for part in ("member", "key", "value") if part in shape}


def _wrong_time(value: Any, where: str) -> Iterator[str]:
    try:
        moment_of(value)
    except (ValueError, OverflowError, OSError):
        yield _problem(value, where, "Member must be a timestamp")


def moment_of(value: float | str | datetime) -> datetime:
    """A timestamp, as JSON, CBOR and those who write it out have it."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except ValueError:
        return moment_of(datetime.fromisoformat(str(value)))


def _wrong_value(value: Any, shape: Shape, where: str) -> Iterator[str]:
    kind = shape["type"]
    is_number = kind in ("integer", "long", "double")
    size, what = (value, "value") if is_number else (len(value) if hasattr(value, "__len__") else 0, "length")
    least, most = shape.get("min"), shape.get("max", WIDEST.get(kind))
    if least is not None and size < least:
        yield _problem(value, where, f"Member must have {what} greater than or equal to {least}")
    if most is not None and size > most:
        yield _problem(value, where, f"Member must have {what} less than or equal to {most}")
    allowed = shape.get("enum")
    if allowed and value not in allowed:
        yield _problem(value, where, f"Member must satisfy enum value set: [{', '.join(allowed)}]")


def _problem(value: object, where: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:SHOWN]}'"
    return f"Value {shown} at '{where}' failed to satisfy constraint: {constraint}"
