"""What filter expressions ask about: a composed trace, its visits to nodes and its calls."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from threemaps.standins.xray.entities import (
    ERROR,
    FAULT,
    THROTTLE,
    Entity,
    flags_of,
    object_of,
    status_of,
    text_of,
)
from threemaps.standins.xray.matching import Key, Value
from threemaps.standins.xray.traces import Part, Trace

CLIENT = "client"

InGroup = Callable[[str, "TraceSubject"], bool]


def request_values(entity: Entity, keyword: str) -> list[Value]:
    """http.* of a segment or subsegment."""
    if keyword == "http.status":
        status = status_of(entity)
        return [] if status is None else [float(status)]
    fields = {"http.url": "url", "http.method": "method", "http.useragent": "user_agent"}
    request = object_of(object_of(entity, "http"), "request")
    value = text_of(request, fields.get(keyword, "client_ip"))
    return [] if value is None else [value]


def resource_values(entity: Entity, keyword: str) -> list[Value]:
    ec2 = object_of(object_of(entity, "aws"), "ec2")
    value = {
        "user": text_of(entity, "user"),
        "resource.arn": text_of(entity, "resource_arn"),
        "instance.id": text_of(ec2, "instance_id"),
        "availabilityzone": text_of(ec2, "availability_zone"),
    }[keyword]
    return [] if value is None else [value]


def annotations_of(entity: Entity) -> dict[str, Value]:
    return {
        key: value
        for key, value in object_of(entity, "annotations").items()
        if isinstance(value, (str, bool, int, float))
    }


def flag_values(flags: int, keyword: str) -> list[Value]:
    meant = {"error": ERROR | THROTTLE, "throttle": THROTTLE, "fault": FAULT}
    return [not flags if keyword == "ok" else bool(flags & meant[keyword])]


@dataclass(frozen=True, slots=True)
class PartSubject:
    """A visit to a node, or a call along an edge."""

    key: Key
    part: Part
    flags: int
    took: float | None
    is_root: bool
    is_inferred: bool

    def values(self, keyword: str) -> Sequence[Value]:
        if keyword in ("ok", "error", "fault", "throttle"):
            return flag_values(self.flags, keyword)
        if keyword.startswith("http."):
            return request_values(self.part.entity, keyword)
        if keyword in ("responsetime", "duration"):
            return [] if self.took is None else [self.took]
        if keyword in ("name", "type"):
            return [self.key[keyword == "type"]]
        if keyword in ("partial", "root", "inferred", "remote"):
            return [self._is(keyword)]
        return resource_values(self.part.entity, keyword)

    def _is(self, keyword: str) -> bool:
        if keyword == "partial":
            return self.part.ended is None
        return self.is_root if keyword == "root" else self.is_inferred

    def annotations(self, key: str) -> Sequence[Value]:
        value = annotations_of(self.part.entity).get(key)
        return [] if value is None else [value]

    def visits(self) -> Iterator[tuple[Key, "PartSubject"]]:
        return iter(())

    def calls(self) -> Iterator[tuple[Key, Key, "PartSubject"]]:
        return iter(())

    def in_group(self, group: str) -> bool:
        return False


class TraceSubject:
    """A whole trace; what it answers to its caller is what its root segment answers."""

    def __init__(self, trace: Trace, in_group: InGroup) -> None:
        self.trace = trace
        self._in_group = in_group

    @cached_property
    def root(self) -> Part | None:
        """The earliest segment that nobody in the trace called."""
        segments = self.trace.segments
        roots = [segment for segment in segments if self.trace.caller(segment) is None] or segments
        return min(roots, key=lambda segment: segment.started, default=None)

    @cached_property
    def inferred(self) -> list[tuple[Part, Key]]:
        return [(part, (name, kind)) for part, name, kind in self.trace.inferred()]

    def values(self, keyword: str) -> Sequence[Value]:
        if keyword == "duration":
            return [self.trace.ended - self.trace.started]
        if keyword == "partial":
            return [any(part.ended is None for part in self.trace.parts.values())]
        if keyword in ("inferred", "remote"):
            return [bool(self.inferred)]
        if keyword in ("name", "type"):
            return [key[keyword == "type"] for key, _ in self.visits()]
        if keyword in ("user", "resource.arn", "instance.id", "availabilityzone"):
            entities = [part.entity for part in self.trace.parts.values()]
            return [value for entity in entities for value in resource_values(entity, keyword)]
        return self._of_root(keyword)

    def _of_root(self, keyword: str) -> Sequence[Value]:
        return [] if self.root is None else self._visit(self.root).values(keyword)

    def annotations(self, key: str) -> Sequence[Value]:
        found = (annotations_of(part.entity) for part in self.trace.parts.values())
        return [annotations[key] for annotations in found if key in annotations]

    def visits(self) -> Iterator[tuple[Key, PartSubject]]:
        for segment in self.trace.segments:
            yield key_of(segment), self._visit(segment)
        for part, key in self.inferred:
            yield key, PartSubject(key, part, flags_of(part.entity), took(part), False, True)

    def _visit(self, segment: Part) -> PartSubject:
        is_root = self.trace.caller(segment) is None
        return PartSubject(key_of(segment), segment, flags_of(segment.entity), took(segment), is_root, False)

    def calls(self) -> Iterator[tuple[Key, Key, PartSubject]]:
        for segment in self.trace.segments:
            yield self._call(segment)
        for part, key in self.inferred:
            if part.owner is not None:
                call = PartSubject(key, part, flags_of(part.entity), took(part), False, True)
                yield key_of(part.owner), key, call

    def _call(self, segment: Part) -> tuple[Key, Key, PartSubject]:
        key = key_of(segment)
        caller = self.trace.caller(segment)
        visit = self._visit(segment)
        if caller is None or caller.owner is None:
            return (key[0], CLIENT), key, visit
        if caller.is_segment or not text_of(caller.entity, "namespace"):
            return key_of(caller.owner), key, visit
        waited = visit.took if took(caller) is None else took(caller)
        call = PartSubject(key, segment, visit.flags | flags_of(caller.entity), waited, False, False)
        return key_of(caller.owner), key, call

    def in_group(self, group: str) -> bool:
        return self._in_group(group, self)


def key_of(segment: Part) -> Key:
    return segment.name, text_of(segment.entity, "origin") or ""


def took(part: Part) -> float | None:
    return None if part.ended is None else part.ended - part.started
