"""Log events one after the other, however many there are: read in portions, never all at once."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from threemaps.standins.cloudwatch import span_log
from threemaps.standins.cloudwatch.span_log import SPAN_GROUP
from threemaps.standins.store import Rows, Store

PORTION = 10_000


class Event(NamedTuple):
    time_ms: int
    sequence: int
    log_stream: str
    message: str
    stored_at: int
    log_group: str


Page = Callable[[Store, str, Sequence[Any], str, int], Rows]


def scan(
    store: Store,
    groups: Sequence[str] | None,
    where: str = "true",
    parameters: Sequence[Any] = (),
    *,
    after: Sequence[int] | None = None,
    newest_first: bool = False,
) -> Iterator[Event]:
    """Of these groups, or of all: ordered by time, then as they came in.

    `after` is the time and sequence number of the last one seen.
    """
    sources: list[Iterator[Event]] = []
    stored = None if groups is None else [name for name in groups if name != SPAN_GROUP]
    if stored is None:
        sources.append(_scan(_stored, store, where, parameters, after, newest_first))
    elif stored:
        within = f"list_contains(?, log_group) AND {where}"
        sources.append(_scan(_stored, store, within, [stored, *parameters], after, newest_first))
    if groups is None or SPAN_GROUP in groups:
        sources.append(_scan(span_log.page, store, where, parameters, after, newest_first))
    return heapq.merge(*sources, key=lambda event: event[:2], reverse=newest_first)


def _stored(store: Store, where: str, parameters: Sequence[Any], order: str, limit: int) -> Rows:
    return store.rows(
        "SELECT time_ms, sequence, log_stream, message, stored_at, log_group FROM log_event "
        f"WHERE {where} ORDER BY time_ms {order}, sequence {order} LIMIT {limit}",
        parameters,
    )


def _scan(
    page: Page,
    store: Store,
    where: str,
    parameters: Sequence[Any],
    after: Sequence[int] | None,
    newest_first: bool,
) -> Iterator[Event]:
    time_ms, sequence = after or ((2**62, 0) if newest_first else (-1, -1))
    beyond, order = ("<", "DESC") if newest_first else (">", "ASC")
    # Told like this, DuckDB skips blocks of rows; a comparison of pairs takes it twice as long.
    further = f"{where} AND time_ms {beyond}= ? AND (time_ms {beyond} ? OR sequence {beyond} ?)"
    while True:
        rows = page(store, further, [*parameters, time_ms, time_ms, sequence], order, PORTION)
        yield from map(Event._make, rows)
        if len(rows) < PORTION:
            return
        time_ms, sequence = rows[-1][:2]
