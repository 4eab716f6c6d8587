"""Times in X-Ray's requests."""

import json
from typing import Any

from threemaps.standins.xray.exceptions import invalid

LATEST_SECONDS = 1e10


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
