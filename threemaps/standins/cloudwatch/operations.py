"""A service's operations by name, each request checked against AWS's own description before it runs."""

from collections.abc import Callable, Mapping
from typing import Any

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.described import description

Operation = Callable[[dict[str, Any]], dict[str, Any]]
Thin = Callable[[dict[str, Any]], dict[str, Any]]


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
        problems = list(description(self._service).problems(name, thin(given)))
        if problems:
            count = f"{len(problems)} validation error{'s' * (len(problems) > 1)} detected: "
            raise AwsError(self._invalid, (count + "; ".join(problems))[:1000])
        return self._operations[name](given)
