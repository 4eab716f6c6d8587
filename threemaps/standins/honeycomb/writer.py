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
            for key in due:
                self._upsert(key, resources[key])
                self._written[key] = now

    def forget(self) -> None:
        """What was written may be gone: everything is written again before it is needed."""
        with self._lock:
            self._written.clear()
            self._datasets.clear()

    def _upsert(self, key: int, resource: Resource) -> None:
        self._store.execute(
            "INSERT INTO resources VALUES (?, ?, ?, ?, ?, epoch_ms(now())) "
            "ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
            [key, resource.slug, resource.service, resource.signal, resource.attributes],
        )

    def create_datasets(self, names: Iterable[str]) -> None:
        """The first event of a dataset settles how its name is written."""
        for name in names:
            slug = slugify(name)
            if slug not in self._datasets:
                self._store.execute(
                    "INSERT OR IGNORE INTO datasets VALUES (?, ?, epoch_ms(now()))", [slug, name.strip()]
                )
                self._datasets.add(slug)
