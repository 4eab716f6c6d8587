"""What filter expressions ask about: a composed trace, its visits to nodes and its calls."""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
from threemaps.standins.xray.matching import BOOLEANS, Key, Value
from threemaps.standins.xray.traces import Part, Trace

CLIENT = "client"
# Annotations, as the developer guide limits them: those of a trace, a key's characters, a value's length.
MAX_ANNOTATIONS, MAX_VALUE = 50, 1_000
ANNOTATION_KEY = re.compile(r"[\w.]{1,500}", re.ASCII)

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


def annotations_of(entity: Entity) -> Iterator[tuple[str, Value]]:
    """Those that are indexed: the guide's keys, and values of its types and length."""
    for key, value in object_of(entity, "annotations").items():
        is_short = not isinstance(value, str) or len(value) <= MAX_VALUE
        if ANNOTATION_KEY.fullmatch(key) and isinstance(value, (str, bool, int, float)) and is_short:
            yield key, value


def flag_values(flags: int, keyword: str) -> list[Value]:
    meant = {"error": ERROR | THROTTLE, "throttle": THROTTLE, "fault": FAULT}
    return [not flags if keyword == "ok" else bool(flags & meant[keyword])]


@dataclass(frozen=True, slots=True)
class PartSubject:
    """A visit to a node, or a call along an edge; `marks`: which boolean keywords are true of its place."""

    key: Key
    part: Part
    flags: int
    took: float | None
    marks: frozenset[str] = frozenset()

    def values(self, keyword: str) -> Sequence[Value]:
        if keyword in ("ok", "error", "fault", "throttle"):
            return flag_values(self.flags, keyword)
        if keyword.startswith("http."):
            return request_values(self.part.entity, keyword)
        if keyword in ("responsetime", "duration"):
            return [] if self.took is None else [self.took]
        if keyword in ("name", "type"):
            return [self.key[keyword == "type"]]
        if keyword == "partial":
            return [self.part.ended is None]
        if keyword in BOOLEANS:
            return [keyword in self.marks]
        return resource_values(self.part.entity, keyword)

    def annotations(self, key: str) -> Sequence[Value]:
        return [value for name, value in annotations_of(self.part.entity) if name == key]

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
        roots = [visit for _, visit in self.visits() if visit.part is self.root]
        return roots[0].values(keyword) if roots else []

    @cached_property
    def indexed(self) -> dict[tuple[str, str, Value], list[Part]]:
        """The trace's first annotations, by key, type and value, with the parts that have them."""
        found: dict[tuple[str, str, Value], list[Part]] = {}
        for part in self.trace.parts.values():
            for key, value in annotations_of(part.entity):
                found.setdefault((key, type(value).__name__, value), []).append(part)
        return dict(itertools.islice(found.items(), MAX_ANNOTATIONS))

    def annotations(self, key: str) -> Sequence[Value]:
        return [value for name, _, value in self.indexed if name == key]

    def visits(self) -> Iterator[tuple[Key, PartSubject]]:
        visits = [self._visit(segment) for segment in self.trace.segments]
        for visit in in_order(visits + [self._guessed(part, key) for part, key in self.inferred]):
            yield visit.key, visit

    def _visit(self, segment: Part) -> PartSubject:
        marks = frozenset({"root"} if self.trace.caller(segment) is None else ())
        return PartSubject(key_of(segment), segment, flags_of(segment.entity), took(segment), marks)

    def _guessed(self, part: Part, key: Key) -> PartSubject:
        return PartSubject(key, part, flags_of(part.entity), took(part), frozenset({"inferred", "remote"}))

    def calls(self) -> Iterator[tuple[Key, Key, PartSubject]]:
        callers = {segment.id: self._caller(segment) for segment in self.trace.segments}
        calls = [self._call(segment) for segment in self.trace.segments]
        for part, key in self.inferred:
            if part.owner is not None:
                callers[part.id] = key_of(part.owner)
                calls.append(self._guessed(part, key))
        for call in in_order(calls):
            yield callers[call.part.id], call.key, call

    def _caller(self, segment: Part) -> Key:
        caller = self.trace.caller(segment)
        return (segment.name, CLIENT) if caller is None or caller.owner is None else key_of(caller.owner)

    def _call(self, segment: Part) -> PartSubject:
        """A call as its caller saw it, where the caller sent a subsegment for it."""
        caller, visit = self.trace.caller(segment), self._visit(segment)
        if caller is None or caller.is_segment or not text_of(caller.entity, "namespace"):
            return visit
        waited = visit.took if took(caller) is None else took(caller)
        return replace(visit, flags=visit.flags | flags_of(caller.entity), took=waited)

    def in_group(self, group: str) -> bool:
        return self._in_group(group, self)


def in_order(subjects: list[PartSubject]) -> list[PartSubject]:
    """By their start, the ends of the list marked `first` and `last`."""
    ordered = sorted(subjects, key=lambda subject: subject.part.started)
    for at, mark in ((0, "first"), (-1, "last")) if ordered else ():
        ordered[at] = replace(ordered[at], marks=ordered[at].marks | {mark})
    return ordered


def key_of(segment: Part) -> Key:
    return segment.name, text_of(segment.entity, "origin") or ""


def took(part: Part) -> float | None:
    return None if part.ended is None else part.ended - part.started
