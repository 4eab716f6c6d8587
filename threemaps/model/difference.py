"""What a comparison holds: windows, sources, differences, troubles and lines of a contract. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from threemaps.model.servicemap import Node, ServiceMap


class DifferenceKind(StrEnum):
    MISSING_NODE = "missing_node"
    MISSING_EDGE = "missing_edge"
    REQUESTS = "requests"
    ERRORS = "errors"
    LATENCY = "latency"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Window:
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()

    def distance(self, other: "Window") -> float:
        """By how many seconds the two are cut differently."""
        apart = (self.start - other.start, self.end - other.end)
        return max(abs(one.total_seconds()) for one in apart)

    def overlaps(self, other: "Window") -> bool:
        return self.start < other.end and other.start < self.end

    def to_json(self) -> dict[str, str]:
        return {"start": to_iso(self.start), "end": to_iso(self.end)}


@dataclass(frozen=True, slots=True)
class Source:
    """A map and where it came from. A map that could not be read is None; `problem` and `remedy` say why."""

    name: str  # as asked for: xray, or a file's name
    backend: str  # who drew it: honeycomb, xray, cloudwatch; a snapshot keeps the name of its backend
    window: Window
    map: ServiceMap | None
    sampled: bool = False  # it holds a share of the calls, scaled up or not
    holds_others: bool = False  # calls of the window that --service leaves out
    problem: str = ""
    remedy: str = ""
    read_through: str = ""  # map-api, mcp, query, file; service-graph; application-signals, spans
    remarks: tuple[str, ...] = ()
    is_live: bool = False  # it was asked now; a file was not


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which the maps differ.

    A missing node stands in `source`, and `target` is None. `diverging` are the sources without the node or
    edge, or those whose value is not the others'.
    """

    kind: DifferenceKind
    source: Node | None
    target: Node | None
    present_in: tuple[str, ...]
    not_in: tuple[str, ...]
    diverging: tuple[str, ...] = ()
    values: Mapping[str, float | None] = field(default_factory=dict)
    expected: bool = False
    cause: str = ""
    evidence: tuple[str, ...] = ()
    advice: str = ""

    def explained(self, expected: bool, cause: str, evidence: tuple[str, ...], advice: str) -> "Difference":
        """Written out, since `dataclasses.replace` would take most of the time of a large comparison."""
        bare = (
            self.kind,
            self.source,
            self.target,
            self.present_in,
            self.not_in,
            self.diverging,
            self.values,
        )
        return Difference(*bare, expected, cause, evidence, advice)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": str(self.kind),
            "source": self.source and self.source.name,
            "source_kind": self.source and str(self.source.kind),
            "target": self.target and self.target.name,
            "target_kind": self.target and str(self.target.kind),
            "in": list(self.present_in),
            "not_in": list(self.not_in),
            "diverging": list(self.diverging),
            "values": dict(self.values),
            "expected": self.expected,
            "cause": self.cause,
            "evidence": list(self.evidence),
            "advice": self.advice,
        }


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not well, whether or not the maps agree on it."""

    what: str
    advice: str = ""

    def to_json(self) -> dict[str, str]:
        return {"what": self.what, "advice": self.advice}


@dataclass(frozen=True, slots=True)
class Held:
    """One line of a contract: a node, an edge or a bound, with what each source has for it."""

    what: str
    values: Mapping[str, str]
    broken_by: tuple[str, ...] = ()
    unreported: bool = False  # no source reports the value: the bound was not held

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "values": dict(self.values),
            "broken_by": list(self.broken_by),
            "unreported": self.unreported,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """The maps side by side, of the edges that touch `service` if there is one.

    `sources` says where each map came from; `notes` are remarks on the whole. There are two verdicts: do the
    maps `agree`, and is the traffic `healthy`.
    """

    window: Window
    maps: Mapping[str, ServiceMap | None]
    differences: tuple[Difference, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    service: str = ""
    troubles: tuple[Trouble, ...] = ()
    contract: tuple[Held, ...] | None = None  # the lines of --expect
    settled: bool = True  # the maps no longer moved when they were compared
    settles_at: datetime | None = None  # calls keep coming: when a window of them will be over and whole

    @property
    def is_empty(self) -> bool:
        """Sources could be read, and none holds anything."""
        readable = [found for found in self.maps.values() if found is not None]
        return bool(readable) and not any(found.nodes for found in readable)

    @property
    def backends(self) -> dict[str, str]:
        """Who drew the map of each source."""
        return {name: source.backend for name, source in self.sources.items()}

    @property
    def agree(self) -> bool:
        """No difference is unexpected. Where something was asked for, finding nothing is no agreement."""
        asked = bool(self.service) or self.contract is not None
        return not (asked and self.is_empty) and all(one.expected for one in self.differences)

    @property
    def healthy(self) -> bool:
        return not self.troubles

    @property
    def readable(self) -> bool:
        return all(found is not None for found in self.maps.values())

    def to_json(self) -> dict[str, Any]:
        return {
            "window": self.window.to_json(),
            "agree": self.agree,
            "settled": self.settled,
            "healthy": self.healthy,
            "sources": {
                name: {"read_through": source.read_through, "remarks": list(source.remarks)}
                for name, source in self.sources.items()
            },
            "maps": {name: found.to_json() if found else None for name, found in self.maps.items()},
            "differences": [difference.to_json() for difference in self.differences],
            "troubles": [trouble.to_json() for trouble in self.troubles],
            "notes": list(self.notes),
            **({} if self.contract is None else {"contract": [held.to_json() for held in self.contract]}),
        }


def to_iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
