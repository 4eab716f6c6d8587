"""Honeycomb, read through the first of its ways that plan and key allow.

The Map Dependencies API says who calls whom and how often. A query that relates each span to its parent
has errors and latency too: through MCP on every plan, or once a minute through the Query Data API.
None of them draws callers from outside or callees without spans.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge, ServiceMap
from threemaps.readers.base import Manners, UnreadableError
from threemaps.readers.honeycomb_account import key_of
from threemaps.readers.honeycomb_maps import MapApi
from threemaps.readers.honeycomb_mcp import Mcp
from threemaps.readers.honeycomb_queries import QueryData
from threemaps.readers.honeycomb_refusals import (
    EVERY_PLAN,
    KeyRefusedError,
    RefusedError,
    explain_map_refusal,
    explain_query_refusal,
)
from threemaps.readers.honeycomb_results import Answer
from threemaps.readers.honeycomb_session import Access
from threemaps.readers.http import Api, Refusal
from threemaps.settings import Settings

# Spans are there within seconds.
LAG = timedelta(seconds=5)
NO_CONFIGURATION_KEY = KeyRefusedError(
    "HONEYCOMB_CONFIGURATION_KEY is not set, and the map API, of the Enterprise plan, needs it",
    hint="on Enterprise set it to a configuration key with the permission Read Service Maps",
)
NO_MANAGEMENT_KEY = KeyRefusedError(
    "HONEYCOMB_MANAGEMENT_KEY is not set and nobody has logged in: MCP, which every plan has, needs either",
    hint=EVERY_PLAN,
)


class ReadPath(Protocol):
    """A way to read the map."""

    @property
    def name(self) -> str: ...

    @property
    def grain(self) -> timedelta: ...

    @property
    def poll(self) -> timedelta: ...

    @property
    def remarks(self) -> tuple[str, ...]: ...

    def edges(self, window: Window) -> list[Edge]:
        """All edges; a RefusedError where plan or key close this way."""
        ...

    def covers(self, window: Window) -> Window: ...


class Honeycomb:
    name = drawn_by = "honeycomb"

    def __init__(
        self,
        paths: Sequence[ReadPath],
        missing: Sequence[RefusedError] = (),
        *,
        is_real: bool = True,
    ) -> None:
        """`missing` says which keys are not there, for whoever finds all ways closed."""
        self._paths = list(paths)
        self._missing = missing
        self._is_real = is_real
        self._taken: ReadPath | None = None
        self._closed: dict[str, RefusedError] = {}
        self._unanswered: dict[str, RefusedError] = {}

    @classmethod
    def of(cls, settings: Settings, on_wait: Callable[[float], None] | None = None) -> "Honeycomb":
        """With the keys that are set. `on_wait` is called before a wait for a rate limit."""
        paths: list[ReadPath] = []
        missing = []
        has_configuration_key = bool(key_of(settings, "HONEYCOMB_CONFIGURATION_KEY"))
        if has_configuration_key:
            paths.append(MapApi(configuration_api(settings, explain_map_refusal)))
        else:
            missing.append(NO_CONFIGURATION_KEY)
        if access := Access.of(settings):
            paths.append(Mcp(settings, access))
        else:
            missing.append(NO_MANAGEMENT_KEY)
        if has_configuration_key:
            api = configuration_api(settings)
            api.on_wait = on_wait
            paths.append(QueryData(api))
        if not paths:
            raise _together(missing)
        return cls(paths, missing, is_real=settings.honeycomb_is_real)

    @property
    def read_through(self) -> str:
        return self._path.name

    @property
    def remarks(self) -> tuple[str, ...]:
        """Why the ways before the one that was taken were closed, and what that one has to say."""
        closed = (f"{one.message}: read through {self.read_through} instead" for one in self._closed.values())
        return (*closed, *self._path.remarks) if self._taken else ()

    @property
    def manners(self) -> Manners:
        """Those of the way that was taken; before, the coarsest grain of all that may be."""
        grain = self._taken.grain if self._taken else max(path.grain for path in self._paths)
        if self._is_real or self.read_through == "query":
            return Manners(lag=LAG, grain=grain, poll=self._path.poll)
        return Manners(grain=grain)

    def read_map(self, window: Window, service: str | None = None) -> ServiceMap:
        for path in self._paths:
            if path.name not in self._closed:
                try:
                    edges = path.edges(window)
                except RefusedError as refusal:
                    self._closed[path.name] = refusal
                else:
                    self._taken = path
                    return ServiceMap.of((), edges).only(service)
        raise _together([*self._closed.values(), *self._missing])

    def covers(self, window: Window) -> Window:
        return self._path.covers(window)

    def answer(self, question: Mapping[str, Any], *, series: bool, limit: int | None = None) -> Answer:
        """A query's answer: through the Query Data API, or where plan or key close that, through MCP."""
        for path in reversed(self._paths):
            if isinstance(path, QueryData | Mcp) and path.name not in self._unanswered:
                try:
                    return path.answer(question, series=series, limit=limit)
                except RefusedError as refusal:
                    self._unanswered[path.name] = refusal
        raise _together([*self._unanswered.values(), *self._missing])

    @property
    def _path(self) -> ReadPath:
        return self._taken or self._paths[0]


def configuration_api(settings: Settings, explain_refusal: Refusal = explain_query_refusal) -> Api:
    """The API with the configuration key, which datasets and columns ask for on every plan."""
    key = key_of(settings, "HONEYCOMB_CONFIGURATION_KEY")
    if not key:
        raise NO_CONFIGURATION_KEY
    is_real = settings.honeycomb_is_real
    return Api(settings.honeycomb_api, key, is_real=is_real, explain_refusal=explain_refusal)


def _together(refusals: Sequence[RefusedError]) -> UnreadableError:
    """All ways are closed: each reason and each remedy, once."""
    reasons = dict.fromkeys(one.message for one in refusals)
    remedies = dict.fromkeys(one.hint for one in refusals)
    return UnreadableError("; ".join(reasons), hint="; ".join(remedies))
