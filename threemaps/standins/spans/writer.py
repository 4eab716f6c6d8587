"""Spans into the store: each resource before the first span that refers to it."""

import threading
import time
from collections.abc import Mapping

from threemaps.standins.spans.schema import DROP_UNUSED_RESOURCES
from threemaps.standins.spans.translate import Batch, Shared
from threemaps.standins.store import Store

_WRITE_AGAIN_AFTER = 600.0
_REMEMBERED = 20_000
UPSERT = """
INSERT INTO span_resources
SELECT unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), epoch_ms(now())
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
"""


class Writer:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._written: dict[int, float] = {}
        self._lock = threading.Lock()
        store.also_tidy(DROP_UNUSED_RESOURCES)

    def write(self, batch: Batch) -> None:
        """Returns when all of it survives a crash."""
        self._write_resources(batch.resources)
        if batch.rows is not None:
            self._store.take("spans", batch.rows)

    def _write_resources(self, resources: Mapping[int, Shared]) -> None:
        latest = time.monotonic() - _WRITE_AGAIN_AFTER
        if all(self._written.get(key, latest) > latest for key in resources):
            return
        with self._lock:
            if len(self._written) > _REMEMBERED:
                self._written.clear()
            due = {key: one for key, one in resources.items() if self._written.get(key, latest) <= latest}
            if due:  # at once: a transaction for each of 20,000 takes minutes
                shared = due.values()
                self._store.execute(
                    UPSERT, [list(due), [one.attributes for one in shared], [one.scope for one in shared]]
                )
                self._written.update(dict.fromkeys(due, time.monotonic()))
