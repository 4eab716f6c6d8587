"""What a span is in X-Ray's graph, found when it comes: graphs are asked for more often than spans differ."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import orjson

from threemaps.standins.spans.span import REMOTE_PARENT
from threemaps.standins.xray.entities import ERROR, FAULT, THROTTLE, resource_of
from threemaps.standins.xray.otlp_aws import AWS, aws_block, origin_of
from threemaps.standins.xray.otlp_names import (
    LOCAL_ROOT,
    LOCAL_SERVICE,
    MESSAGES_AND_CALLS,
    NAMING,
    REQUESTS_AND_MESSAGES,
    name_of,
    namespace_of,
    service_name,
)
from threemaps.standins.xray.otlp_requests import flags_of_status, is_sql

# What the node of a call follows from.
SAID_OF_CALLS = tuple(
    dict.fromkeys((*NAMING, "db.system", *AWS, "messaging.url", "aws.dynamodb.table_names"))
)
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Origin:
    """The type of a service's node, and whether its calls may be calls of AWS."""

    kind: str
    may_call_aws: bool

    @classmethod
    def of(cls, resource: dict[str, Any]) -> "Origin":
        return cls(origin_of(resource), resource.get("cloud.provider") in (None, "", "aws"))


class Shared(Protocol):
    @property
    def id(self) -> int: ...

    @property
    def service(self) -> str: ...

    @property
    def origin(self) -> Origin: ...


class Drawn(NamedTuple):
    of_segment: bool
    node: str | None
    node_type: str | None
    made_node: str | None
    made_type: str | None


class Nodes:
    """Remembers what was worked out. Bounded: it forgets all when it is full."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[Any, ...], Drawn] = {}
        self._names: tuple[str, ...] = ()
        self._failures: dict[tuple[int, int | None], int] = {}

    def column(
        self,
        kinds: list[int],
        parents: list[int | None],
        flags: list[int],
        span_kinds: list[str | None],
        texts: list[dict[str, str]],
        names: list[str],
        shared: Shared,
        seen: Container[str],
    ) -> list[Drawn]:
        """`seen`: the attributes that there may be; what no span ever had is not looked for."""
        said_of_calls = tuple(name for name in SAID_OF_CALLS if name in seen)
        if said_of_calls != self._names:
            self._drawn, self._names = {}, said_of_calls
        return [
            self._one(kind, starts_in(kind, parent, flag, said), attributes, name, shared)
            for kind, parent, flag, said, attributes, name in zip(
                kinds, parents, flags, span_kinds, texts, names, strict=True
            )
        ]

    def _one(self, kind: int, starts: bool, texts: dict[str, str], name: str, shared: Shared) -> Drawn:
        if kind in MESSAGES_AND_CALLS or "aws.service" in texts or "rpc.system" in texts:
            said = tuple(map(texts.get, self._names))
        else:
            said, name = (texts.get(LOCAL_SERVICE),), ""
        key = (kind, starts, name, shared.id, said)
        drawn = self._drawn.get(key)
        if drawn is None:
            if len(self._drawn) >= _REMEMBERED:
                self._drawn.clear()
            drawn = self._drawn[key] = _drawn(kind, starts, name, said, shared)
        return drawn

    def failures(self, statuses: list[int], codes: list[int | None]) -> list[int]:
        known = self._failures
        for pair in set(zip(statuses, codes, strict=True)):
            if pair not in known:
                status, code = pair
                flags = flags_of_status(code or 0, status)
                known[pair] = ERROR * flags["error"] | THROTTLE * flags["throttle"] | FAULT * flags["fault"]
        return [known[pair] for pair in zip(statuses, codes, strict=True)]


def starts_in(kind: int, parent: int | None, flags: int, span_kind: str | None) -> bool:
    """Whether a span is the first of its process in a trace, and its kind does not say so."""
    if span_kind == LOCAL_ROOT:
        return True
    is_first = parent is None or flags & REMOTE_PARENT == REMOTE_PARENT
    return is_first and kind not in REQUESTS_AND_MESSAGES


def _drawn(kind: int, starts: bool, span: str, texts: tuple[str | None, ...], shared: Shared) -> Drawn:
    attributes = orjson.loads("{" + ",".join(text for text in texts if text) + "}")
    name = name_of(kind, starts, span, attributes, shared.service)
    if (kind in REQUESTS_AND_MESSAGES and not starts) or (starts and kind not in MESSAGES_AND_CALLS):
        return Drawn(True, name, shared.origin.kind, None, None)
    call = {
        "name": name,
        "namespace": namespace_of(kind, attributes) or ("remote" if starts else ""),
        "sql": {} if is_sql(attributes) else None,
        "aws": aws_block(attributes, {} if shared.origin.may_call_aws else None),
    }
    node, node_type = resource_of(call)
    made = (service_name(attributes, shared.service), shared.origin.kind) if starts else (None, None)
    return Drawn(False, node, node_type, *made)
