"""Whole traces from X-Ray: ids in its form, five a call, until none is left over."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from threemaps.readers.aws import reasons
from threemaps.readers.base import Shape, UnreadableError
from threemaps.readers.pages import pages
from threemaps.settings import Settings

TRACES_A_CALL = 5  # BatchGetTraces takes no more
ATTEMPTS = 5  # so often X-Ray is asked for ids that it leaves unprocessed
FEW_ATTEMPTS = 3  # where it may not hold them
PAUSE = 0.5  # seconds, twice as long each time


def xray_id(trace_id: str) -> str:
    """X-Ray writes the 32 digits of a trace's id as 1-8-24."""
    return f"1-{trace_id[:8]}-{trace_id[8:]}" if len(trace_id) == 32 else trace_id


def plain_id(trace_id: str) -> str:
    """The 32 digits, from either way to write them."""
    return trace_id[2:].replace("-", "") if trace_id.startswith("1-") else trace_id


def batch_get_traces(
    client: Any, settings: Settings, ids: Iterable[str], *, may_lack: bool = False
) -> list[Any]:
    """The traces that X-Ray holds of these ids, in either form.

    X-Ray leaves unprocessed what it does not hold, and what it has no time for. With `may_lack`, the ids are
    from elsewhere, and such a trace is taken as not held after some attempts; X-Ray's own ids it does hold.
    Raises UnreadableError where it leaves these unprocessed again and again: nothing is called complete that
    is not.
    """
    left = list(dict.fromkeys(map(xray_id, ids)))
    traces: list[Any] = []
    attempts = FEW_ATTEMPTS if may_lack else ATTEMPTS
    with reasons(settings, "X-Ray", "xray:BatchGetTraces"):
        for attempt in range(attempts):
            if attempt and left:
                time.sleep(PAUSE * 2 ** (attempt - 1))
            found, left = _asked(client, left)
            traces += found
    if left and not may_lack:
        raise UnreadableError(
            f"X-Ray left {len(left)} traces unprocessed {attempts} times, {left[0]} among them",
            hint="wait a minute and run it again",
        )
    return traces


def _asked(client: Any, ids: Sequence[str]) -> tuple[list[Any], list[str]]:
    """The traces of one round of calls, and the ids that were left."""
    traces: list[Any] = []
    left: list[str] = []
    for first in range(0, len(ids), TRACES_A_CALL):
        some = ids[first : first + TRACES_A_CALL]
        for page in pages(client.batch_get_traces, "NextToken", "X-Ray's answer of traces", TraceIds=some):
            traces += map(_checked, page["Traces"])
            left += page.get("UnprocessedTraceIds") or []
    return traces, left


def _checked(trace: Any) -> Any:
    shape = Shape("X-Ray")
    for segment in shape.sequence(shape.mapping(trace, "a trace").get("Segments") or [], "Segments"):
        shape.mapping(segment, "a segment")
    return trace
