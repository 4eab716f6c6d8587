"""A service's operations by name, each request checked against AWS's own description before it runs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import ParamValidator

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.described import service_model

Operation = Callable[[dict[str, Any]], dict[str, Any]]
Thin = Callable[[dict[str, Any]], dict[str, Any]]

SHOWN = 200


class Operations:
    """`invalid` is the code of this service's error for a bad parameter."""

    def __init__(self, service: str, invalid: str, operations: Mapping[str, Operation]) -> None:
        self._service = service
        self._invalid = invalid
        self._operations = operations

    def run(self, name: str, request: object, thin: Thin = dict) -> dict[str, Any]:
        """`thin` leaves out of the check what needs none, where a request is long."""
        if name not in self._operations:
            raise AwsError("UnknownOperationException", f"{name[:100]!r} is not answered here")
        if not isinstance(request, dict):
            raise AwsError("SerializationException", "the body has to be a map of parameters")
        given = {key: value for key, value in request.items() if value is not None}
        self._check(name, thin(given))
        return self._operations[name](given)

    def _check(self, operation: str, request: dict[str, Any]) -> None:
        described = service_model(self._service, frozenset(self._operations))
        shape = described.operation_model(operation).input_shape
        if shape is None:
            return
        try:
            report = ParamValidator().validate(request, shape).generate_report()
        except (OverflowError, RuntimeError, ValueError, OSError) as error:
            raise AwsError(self._invalid, f"a value is out of range: {error}") from error
        # What is unknown is ignored, as AWS does.
        problems = [line for line in report.split("\n") if line and not line.startswith("Unknown parameter")]
        problems = problems or list(_beyond(request, shape, ""))
        if problems:
            count = f"{len(problems)} validation error{'s' * (len(problems) > 1)} detected: "
            raise AwsError(self._invalid, (count + "; ".join(problems))[:1000])


def _beyond(value: Any, shape: Shape, where: str) -> Iterator[str]:
    """What is longer, larger or other than AWS allows; botocore itself only knows of the least."""
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _beyond(value[name], member, f"{where}.{name}".lstrip("."))
    elif isinstance(shape, ListShape):
        yield from _too_much(len(value), shape, value, where, "length")
        for number, item in enumerate(value):
            yield from _beyond(item, shape.member, f"{where}.{number + 1}.member")
    elif isinstance(shape, MapShape):
        yield from _too_much(len(value), shape, value, where, "length")
        for name, item in value.items():
            yield from _beyond(item, shape.value, f"{where}.{name}")
    elif shape.type_name == "string":
        yield from _too_much(len(value), shape, value, where, "length")
        allowed = getattr(shape, "enum", [])
        if allowed and value not in allowed:
            yield _told(value, where, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    elif shape.type_name in ("integer", "long"):
        yield from _too_much(value, shape, value, where, "value")


def _too_much(size: int, shape: Shape, value: object, where: str, what: str) -> Iterator[str]:
    widest = 2**31 - 1 if shape.type_name == "integer" else 2**63 - 1
    most = shape.metadata.get("max", widest)
    if size > most:
        yield _told(value, where, f"Member must have {what} less than or equal to {most}")


def _told(value: object, where: str, constraint: str) -> str:
    return f"Value '{str(value)[:SHOWN]}' at '{where}' failed to satisfy constraint: {constraint}"
