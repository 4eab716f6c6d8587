"""Events into the store: each resource and dataset before the first event that needs it."""

import threading
import time
from collections.abc import Iterable, Mapping

from threemaps.standins.honeycomb.rows import EncodedBatch, Resource, slugify
from threemaps.standins.store import Store

_WRITE_AGAIN_AFTER = 600.0
_REMEMBERED = 20_000


class Writer:
    """Stores batches; each resource and dataset is written before the first event that needs it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written: dict[int, float] = {}
        self._datasets: set[str] = set()
        self._lock = threading.Lock()

    def write(self, batch: EncodedBatch) -> None:
        """Returns when all of it survives a crash."""
        self._write_resources(batch.resources)
        if batch.rows is not None:
            self._store.take("events", batch.rows)

    def _write_resources(self, resources: Mapping[int, Resource]) -> None:
        now = time.monotonic()
        due = [
            key
            for key in resources
            if now - self._written.get(key, -_WRITE_AGAIN_AFTER) >= _WRITE_AGAIN_AFTER
        ]
        if not due:
            return
        with self._lock:
            if len(self._written) > _REMEMBERED:
                self._written.clear()
                self._datasets.clear()
            self.create_datasets(resources[key].dataset for key in due)
            self._upsert({key: resources[key] for key in due})
            self._written.update(dict.fromkeys(due, now))

    def forget(self) -> None:
        """What was written may be gone: everything is written again before it is needed."""
        with self._lock:
            self._written.clear()
            self._datasets.clear()

    def _upsert(self, resources: Mapping[int, Resource]) -> None:
        """All at once: a transaction for each of 20,000 takes minutes."""
        columns = [
            list(column)
            for column in zip(
                *((key, one.slug, one.service, one.signal, one.attributes) for key, one in resources.items()),
                strict=True,
            )
        ]
        self._store.execute(
            "INSERT INTO resources SELECT unnest(?::BIGINT[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), "
            "unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), epoch_ms(now()) "
            "ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
            columns,
        )

    def create_datasets(self, names: Iterable[str]) -> None:
        """The first event of a dataset settles how its name is written."""
        new: dict[str, str] = {}
        for name in names:
            slug = slugify(name)
            if slug not in self._datasets:
                new.setdefault(slug, name.strip())
        if not new:
            return
        self._store.execute(
            "INSERT OR IGNORE INTO datasets "
            "SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), epoch_ms(now())",
            [list(new), list(new.values())],
        )
        self._datasets.update(new)
