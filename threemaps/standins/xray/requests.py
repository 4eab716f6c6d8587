"""X-Ray requests: read as JSON and checked against AWS's own description of each operation."""

import json
from typing import Any

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.described import description
from threemaps.standins.http import BodyError, parse_json

LATEST_SECONDS = 1e10


def invalid(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message)


def parse_request(body: bytes) -> dict[str, Any]:
    try:
        request = parse_json(body) if body.strip() else {}
    except BodyError as error:
        raise AwsError("SerializationException", error.reason) from error
    if not isinstance(request, dict):
        raise AwsError("SerializationException", "the body must be a JSON object")
    return {name: value for name, value in request.items() if value is not None}


def check_request(operation: str, request: dict[str, Any]) -> None:
    problems = "; ".join(description("xray").problems(operation, request))
    if problems:
        raise invalid(problems[:1000])


def seconds(request: dict[str, Any], name: str) -> float:
    """A timestamp, which travels as a number of seconds."""
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < LATEST_SECONDS:
        raise invalid(f"{name} must be a time in seconds, not {json.dumps(value, default=str)[:100]}")
    return float(value)


def time_range(request: dict[str, Any], longest_hours: int) -> tuple[float, float]:
    start, end = seconds(request, "StartTime"), seconds(request, "EndTime")
    if end < start:
        raise invalid("EndTime must not be before StartTime")
    if end - start > longest_hours * 3600:
        raise invalid(f"Time range cannot be longer than {longest_hours} hours")
    return start, end
