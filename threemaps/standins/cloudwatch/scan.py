"""Log events one after the other, however many there are: read in portions, never all at once."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from threemaps.standins.store import Store

PORTION = 10_000


class Event(NamedTuple):
    time_ms: int
    sequence: int
    log_stream: str
    message: str
    stored_at: int
    log_group: str


def scan(
    store: Store,
    where: str,
    parameters: Sequence[Any],
    *,
    after: Sequence[int] | None = None,
    newest_first: bool = False,
) -> Iterator[Event]:
    """Ordered by time, then as they came in; `after` is the time and sequence number of the last one seen."""
    time_ms, sequence = after or ((2**62, 0) if newest_first else (-1, -1))
    beyond, order = ("<", "DESC") if newest_first else (">", "ASC")
    while True:
        rows = store.rows(
            "SELECT time_ms, sequence, log_stream, message, stored_at, log_group FROM log_event "
            # Told like this, DuckDB skips blocks of rows; a comparison of pairs takes it twice as long.
            f"WHERE {where} AND time_ms {beyond}= ? AND (time_ms {beyond} ? OR sequence {beyond} ?) "
            f"ORDER BY time_ms {order}, sequence {order} LIMIT {PORTION}",
            [*parameters, time_ms, time_ms, sequence],
        )
        yield from map(Event._make, rows)
        if len(rows) < PORTION:
            return
        time_ms, sequence = rows[-1][:2]
