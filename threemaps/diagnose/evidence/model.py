"""What is known besides the maps. Pure data; what could not be found out is said, not guessed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from threemaps.diagnose.evidence.absent import Absent
from threemaps.diagnose.evidence.ring import Ring
from threemaps.diagnose.evidence.shapes import Looked
from threemaps.model.servicemap import Node


@dataclass(frozen=True, slots=True)
class Leg:
    """The way from the collector to one backend, in the collector's own numbers since it started."""

    sent: int = 0
    failed: int = 0  # given up for good
    queued: int = 0  # bytes that wait
    capacity: int = 0
    not_queued: int = 0  # the queue was full
    log_lines: tuple[str, ...] = ()  # what the exporter last said of it, newest first


@dataclass(frozen=True, slots=True)
class Collector:
    started: datetime | None = None
    legs: Mapping[str, Leg] = field(default_factory=dict)  # backend → leg
    refused: int = 0  # spans, by the receivers, as with too little memory
    dropped_halves: int = 0  # the service graph's store was full
    expired_halves: int = 0


@dataclass(frozen=True, slots=True)
class Dropped:
    """Datagrams for X-Ray's port that the kernel had no room for, since the collector started."""

    datagrams: int
    since: datetime

    def __str__(self) -> str:
        since = f"since the collector started ({self.since:%Y-%m-%d %H:%M:%S} UTC)"
        what = (
            f"the kernel dropped {self.datagrams:,} of the datagrams for X-Ray's port, as its buffer was full"
        )
        return f"{what}, {since}: what was in them is in no map"


@dataclass(frozen=True, slots=True)
class Sampling:
    """Something keeps a share of the calls only. No backend: it is done before the ways part."""

    rate: float
    where: str
    backend: str | None = None


@dataclass(frozen=True, slots=True)
class PassedAtEdges:
    """Calls just outside the window, per edge: as far out as a flush can lag, and where a call may be cut."""

    within_lag: Mapping[tuple[Node, Node], int]
    within_cut: Mapping[tuple[Node, Node], int]


@dataclass(frozen=True, slots=True)
class CrossingCall:
    """A long call of which one end is outside of the window: not all backends count it there."""

    ends: tuple[Node, Node]
    trace: str
    began: datetime
    ended: datetime
    counted_by: frozenset[str]
    perhaps_by: frozenset[str] = frozenset()

    @property
    def told(self) -> str:
        source, target = self.ends
        return (
            f"trace {self.trace}: {source} → {target} began {self.began:%H:%M:%S} "
            f"and ended {self.ended:%H:%M:%S} UTC"
        )


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """By how much CloudWatch's flushes outside the window fall short of the calls there, for each edge.

    Those that lack there may have been flushed inside; below 0 it is the other way about.
    """

    before: Mapping[tuple[Node, Node], int] = field(default_factory=dict)
    after: Mapping[tuple[Node, Node], int] = field(default_factory=dict)

    def lacking(self, ends: tuple[Node, Node]) -> int:
        return self.before.get(ends, 0) + self.after.get(ends, 0)


@dataclass(frozen=True, slots=True)
class Evidence:
    collector: Collector | None = None
    not_checked: tuple[str, ...] = ()  # what could not be looked at, each with its reason
    key_problems: Mapping[str, str] = field(default_factory=dict)  # backend → what it says of the key
    streams: tuple[str, ...] = ()  # EMF streams in the window: one a run of the collector
    ring: Ring | None = None  # of the gateways, where several write side by side
    # Calls of the window that were over before the collector's start, per edge.
    calls_before_start: Mapping[tuple[Node, Node], int] = field(default_factory=dict)
    passed_at_edges: PassedAtEdges | None = None
    crossing: tuple[CrossingCall, ...] = ()
    elsewhere: Elsewhere | None = None
    skew: Mapping[str, float] = field(default_factory=dict)  # service → seconds its clock is ahead
    sampling: tuple[Sampling, ...] = ()
    dropped: Dropped | None = None
    absent: Absent | None = None  # what X-Ray lacks of traces that Honeycomb has
    looked: Looked = field(default_factory=Looked)
    settled: bool = True
