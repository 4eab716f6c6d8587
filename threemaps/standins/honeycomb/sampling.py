"""How many events one event stands for."""

import math
import re
from typing import Any

_LARGEST_RATE = 2**31 - 1
_THRESHOLD = re.compile(r"(?:^|,)ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?=[;,]|$)")


def to_rate(value: Any) -> int:
    """A `sampleRate` as somebody sent it: a number or its text; anything else counts as 1."""
    try:
        rate = float(value)
    except (TypeError, ValueError, OverflowError):
        return 1
    if math.isnan(rate):
        return 1
    return max(1, math.floor(min(rate, _LARGEST_RATE) + 0.5))


def rate_from_state(trace_state: str) -> int:
    """OpenTelemetry's sampling threshold in a tracestate, `ot=th:c` being one in four."""
    match = _THRESHOLD.search(trace_state) if trace_state else None
    if match is None:
        return 1
    kept = 2**56 - int(match[1].ljust(14, "0"), 16)
    return to_rate(2**56 / kept)
