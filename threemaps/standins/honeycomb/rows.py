"""What goes into the tables: events as rows, and the resources that they share."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import orjson

from threemaps.standins.honeycomb.attributes import json_text
from threemaps.standins.store import Store

MAX_EVENT_BYTES = 1_000_000
MAX_EVENT_FIELDS = 2_000
LARGEST_INTEGER = 2**63 - 1

UNKNOWN_SERVICE = "unknown_service"

COLUMNS = (
    "time",
    "resource",
    "trace_id",
    "span_id",
    "parent_id",
    "name",
    "kind",
    "duration_ms",
    "status_code",
    "error",
    "annotation",
    "part",
    "sample_rate",
    "attributes",
)
Row = tuple[Any, ...]

# The shortest field, `"":0,`, has five characters.
_SURELY_FINE = 5 * MAX_EVENT_FIELDS
_WRITE_AGAIN_AFTER = 600.0
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Resource:
    """What all events of one process and one instrumentation share."""

    dataset: str
    service: str | None
    signal: str | None
    attributes: str

    @property
    def slug(self) -> str:
        return slugify(self.dataset)

    @property
    def id(self) -> int:
        key = json_text([self.slug, self.service, self.signal, self.attributes])
        return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True)

    def of_service(self, service: str) -> "Resource":
        return replace(self, service=service)


@dataclass(slots=True)
class Batch:
    """The events of one request, ready to be stored; `rejected` says why some are not."""

    rows: list[Row] = field(default_factory=list)
    resources: dict[int, Resource] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)

    def share(self, resource: Resource) -> int:
        key = resource.id
        self.resources[key] = resource
        return key


def slugify(name: str) -> str:
    """A dataset's name in addresses: lower case, with a dash for what would need escaping there."""
    return "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_.~") else "-"
        for letter in name.strip().lower()
    )


def flaw(attributes: str, shared: str = "{}") -> str | None:
    """Why Honeycomb would not take an event with these attributes; counted only where they are many."""
    size = len(attributes) + len(shared)
    if size <= _SURELY_FINE:
        return None
    if size > MAX_EVENT_BYTES // 4 and len(attributes.encode()) + len(shared.encode()) > MAX_EVENT_BYTES:
        return "Event is too large."
    if len(orjson.loads(attributes)) + len(orjson.loads(shared)) > MAX_EVENT_FIELDS:
        return "Event has too many columns."
    return None


class Writer:
    """Stores batches; each resource and dataset is written before the first event that needs it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written: dict[int, float] = {}
        self._datasets: set[str] = set()
        self._lock = threading.Lock()

    def write(self, batch: Batch) -> None:
        """Returns when all of it survives a crash."""
        self._write_resources(batch.resources)
        if batch.rows:
            self._store.append("events", dict(zip(COLUMNS, zip(*batch.rows, strict=True), strict=True)))

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
