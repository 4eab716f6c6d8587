"""What goes into the tables: events as rows, and the resources that they share."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import orjson

from threemaps.standins.encoding import EncodedRows, encode_rows
from threemaps.standins.honeycomb.attributes import json_text

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
Column = list[Any]

# The shortest field, `"":0,`, has five characters.
SURELY_FINE = 5 * MAX_EVENT_FIELDS


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
    """The events of one request, ready to be stored; `rejected` says why some are not.

    An event is a row, or has its place in the columns.
    """

    rows: list[Row] = field(default_factory=list)
    columns: list[Column] = field(default_factory=lambda: [[] for _ in COLUMNS])
    resources: dict[int, Resource] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)

    def share(self, resource: Resource) -> int:
        key = resource.id
        self.resources[key] = resource
        return key

    def encoded(self) -> "EncodedBatch":
        return EncodedBatch(self.resources, self.rejected, self._encoded_rows())

    def extend(self, columns: Iterable[Column]) -> None:
        for column, more in zip(self.columns, columns, strict=True):
            column += more

    def _encoded_rows(self) -> EncodedRows | None:
        if self.rows:
            self.extend(map(list, zip(*self.rows, strict=True)))
            self.rows = []
        columns = dict(zip(COLUMNS, self.columns, strict=True))
        return encode_rows(columns, bulk="attributes") if self.columns[0] else None


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """A batch as the store takes it."""

    resources: dict[int, Resource]
    rejected: list[str]
    rows: EncodedRows | None


def slugify(name: str) -> str:
    """A dataset's name in addresses: lower case, with a dash for what would need escaping there."""
    return "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_.~") else "-"
        for letter in name.strip().lower()
    )


def flaw(attributes: str, shared: str = "{}") -> str | None:
    """Why Honeycomb would not take an event with these attributes; counted only where they are many."""
    size = len(attributes) + len(shared)
    if size <= SURELY_FINE:
        return None
    if size > MAX_EVENT_BYTES // 4 and len(attributes.encode()) + len(shared.encode()) > MAX_EVENT_BYTES:
        return "Event is too large."
    if len(orjson.loads(attributes)) + len(orjson.loads(shared)) > MAX_EVENT_FIELDS:
        return "Event has too many columns."
    return None
