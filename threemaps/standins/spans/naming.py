"""How callees are named: THREEMAPS_AWS_NAMES."""

from collections.abc import Mapping

from threemaps.errors import UserError

VARIABLE = "THREEMAPS_AWS_NAMES"
BY_TRACE, BY_CALLER = "trace", "agent"


def by_trace(environ: Mapping[str, str]) -> bool:
    """Whether a callee with spans in the trace has its service's name, or stays what its caller calls it."""
    choice = environ.get(VARIABLE) or BY_TRACE
    if choice not in (BY_TRACE, BY_CALLER):
        raise UserError(
            f"{VARIABLE} is {choice!r}, which is no way of naming",
            hint=f"set it to {BY_TRACE} or {BY_CALLER}",
        )
    return choice == BY_TRACE
