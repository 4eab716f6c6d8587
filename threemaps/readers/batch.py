"""Whole traces from X-Ray: ids in its form, five a call, until none is left over."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from threemaps.readers.aws import reasons
from threemaps.readers.base import UnreadableError
from threemaps.readers.pages import pages
from threemaps.settings import Settings

TRACES_A_CALL = 5  # BatchGetTraces takes no more
ATTEMPTS = 5  # so often X-Ray is asked for ids that it leaves unprocessed
PAUSE = 0.5  # seconds, twice as long each time


def xray_id(trace_id: str) -> str:
    """X-Ray writes the 32 digits of a trace's id as 1-8-24."""
    return f"1-{trace_id[:8]}-{trace_id[8:]}" if len(trace_id) == 32 else trace_id


def plain_id(trace_id: str) -> str:
    """The 32 digits, from either way to write them."""
    return trace_id[2:].replace("-", "") if trace_id.startswith("1-") else trace_id


def batch_get_traces(client: Any, settings: Settings, ids: Iterable[str]) -> list[Any]:
    """The traces that X-Ray holds of these ids, in either form; those it does not hold are left out.

    Raises UnreadableError where X-Ray leaves ids unprocessed again and again: nothing is called complete that
    is not.
    """
    wanted = list(dict.fromkeys(map(xray_id, ids)))
    with reasons(settings, "X-Ray", "xray:BatchGetTraces"):
        return [
            trace
            for first in range(0, len(wanted), TRACES_A_CALL)
            for trace in _traces(client, wanted[first : first + TRACES_A_CALL])
        ]


def _traces(client: Any, ids: Sequence[str]) -> Iterator[Any]:
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        left: list[str] = []
        for page in pages(client.batch_get_traces, "NextToken", "X-Ray's answer of traces", TraceIds=ids):
            yield from page["Traces"]
            left += page.get("UnprocessedTraceIds") or []
        if not left:
            return
        ids = left
    raise UnreadableError(
        f"X-Ray left {len(ids)} traces unprocessed {ATTEMPTS} times, {ids[0]} among them",
        hint="wait a minute and run it again",
    )
