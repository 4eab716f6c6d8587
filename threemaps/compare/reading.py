"""Reads all sources of a comparison at once, and keeps why one could not be read."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from threemaps.model.difference import Source, Window
from threemaps.model.servicemap import ServiceMap
from threemaps.readers import Backend, SilentError, UnreadableError, open_backend
from threemaps.readers.base import Manners
from threemaps.readers.snapshot import Snapshot
from threemaps.settings import Settings

Maps = Mapping[str, ServiceMap | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """The maps of one window. `moving`: calls were coming in, so the window ended before now.

    `settled` is False where the maps were still changing when waiting had an end. `remarks` say per source
    what was done to its counts.
    """

    window: Window
    maps: Maps
    moving: bool = False
    settled: bool = True
    settles_at: datetime | None = None  # not settled: when a window of calls will be over and whole
    waited: float = 0.0
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Reader:
    """One that failed is not asked again, one in a file is not read again."""

    def __init__(self, settings: Settings, names: Sequence[str], service: str | None = None) -> None:
        self.settings = settings
        self.service = service
        self.failures: dict[str, UnreadableError] = {}
        self.holding_others: set[str] = set()
        self.backends: dict[str, Backend] = {}
        self.names = tuple(dict.fromkeys(names))
        for name in self.names:
            try:
                self.backends[name] = open_backend(name, settings)
            except UnreadableError as error:
                self.failures[name] = error

    @property
    def live(self) -> dict[str, Backend]:
        """Name → backend of those that are read now, and answer."""
        return {
            name: backend
            for name, backend in self.backends.items()
            if not isinstance(backend, Snapshot) and not isinstance(self.failures.get(name), SilentError)
        }

    @property
    def manners(self) -> Manners:
        """Those that suit all live sources: the longest lag, the coarsest grain, the slowest poll."""
        each = [backend.manners for backend in self.live.values()] or [Manners()]
        return Manners(
            max(one.lag for one in each), max(one.grain for one in each), max(one.poll for one in each)
        )

    def forget_failures(self) -> None:
        """For whoever goes on looking: a source that failed once may answer again."""
        self.failures = {name: error for name, error in self.failures.items() if name not in self.backends}

    def read(self, window: Window, names: Sequence[str] | None = None) -> Maps:
        """The whole maps of these sources, or of all; None for one that could not be read."""
        wanted = self.names if names is None else names
        asked = [name for name in wanted if name in self.backends and name not in self.failures]
        with ThreadPoolExecutor(max_workers=max(1, len(asked))) as pool:
            found = dict(zip(asked, pool.map(lambda name: self._one(name, window), asked), strict=True))
        return {name: found.get(name) for name in wanted}

    def _one(self, name: str, window: Window) -> ServiceMap | None:
        try:
            whole = self.backends[name].read_map(window)
        except UnreadableError as error:
            self.failures[name] = error
            return None
        if self.service and len(whole.only(self.service).edges) < len(whole.edges):
            self.holding_others.add(name)
        return whole

    def has_calls(self, window: Window) -> bool:
        """Whether a live source holds a call of this window. Those that cut finest are asked."""

        def cost(name: str) -> tuple[timedelta, timedelta]:
            return self.backends[name].manners.grain, self.backends[name].manners.poll

        least = min(map(cost, self.live), default=None)
        read = self.read(window, [name for name in self.live if cost(name) == least]).values()
        return any(found and found.only(self.service).edges for found in read)

    def sources(self, reading: Reading, sampled: frozenset[str] = frozenset()) -> list[Source]:
        return [self._source(name, reading, sampled) for name in self.names]

    def _source(self, name: str, reading: Reading, sampled: frozenset[str]) -> Source:
        backend, failure = self.backends.get(name), self.failures.get(name)
        drawn_by = backend.drawn_by if backend else name
        is_file = isinstance(backend, Snapshot)
        return Source(
            name,
            drawn_by,
            backend.covers(reading.window) if backend and is_file else reading.window,
            reading.maps[name],
            sampled=drawn_by in sampled,
            holds_others=name in self.holding_others,
            problem=failure.message if failure else "",
            remedy=failure.hint if failure else "",
            read_through=backend.read_through if backend else "",
            remarks=(*(backend.remarks if backend else ()), *reading.remarks.get(name, ())),
            is_live=not is_file,
        )
