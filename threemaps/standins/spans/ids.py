"""Ids in the forms in which they travel: hex digits, and X-Ray's `1-8hex-24hex`; stored as numbers."""

import re
from typing import Any

XRAY_TRACE_ID = re.compile(r"1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})")


def parse_trace_id(value: Any) -> tuple[int, int] | None:
    """Both parts of X-Ray's form."""
    match = XRAY_TRACE_ID.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    digits = match[1] + match[2]
    return int(digits[:16], 16), int(digits[16:], 16)


def format_trace_id(hi: int, lo: int) -> str:
    return xray_trace_id(hex_trace_id(hi, lo))


def hex_trace_id(hi: int, lo: int) -> str:
    return f"{hi:016x}{lo:016x}"


def xray_trace_id(digits: str) -> str:
    """Of 32 hex digits; what is none stays as it is."""
    return f"1-{digits[:8]}-{digits[8:]}" if len(digits) == 32 else digits


def hex_span_id(number: int) -> str:
    return f"{number:016x}"
