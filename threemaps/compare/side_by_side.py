"""Reads the maps of one window, waits until they stand still, compares them and looks for the causes."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from threemaps.compare.contract import Contract, untold, violations
from threemaps.compare.settle import Maps, Settled, settle
from threemaps.diagnose.causes import explainer
from threemaps.diagnose.evidence.collect import collect, what_all_lack
from threemaps.diagnose.evidence.model import Evidence
from threemaps.errors import UserError
from threemaps.model.difference import Comparison, Source, Window, compare
from threemaps.model.servicemap import ServiceMap
from threemaps.model.windows import window_until
from threemaps.readers import BACKENDS, Backend, SilentError, UnreadableError, open_backend
from threemaps.readers.cloudwatch import LAG
from threemaps.readers.snapshot import Snapshot
from threemaps.settings import Settings

Report = Callable[[float], None]
NO_DATA = "no source holds a call in this window: send some, take a longer --since, or run `threemaps doctor`"
NO_MATCH = "no source holds a call that touches {!r} in this window: without --service all are shown"


class Reader:
    """Reads all sources at once. One that failed is not asked again, one in a file is not read again."""

    def __init__(
        self, settings: Settings, names: Sequence[str], window: Window, service: str | None = None
    ) -> None:
        self.window = window
        self.service = service
        self.quiet = settings.quiet
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
    def has_live(self) -> bool:
        return any(not isinstance(backend, Snapshot) for backend in self.backends.values())

    @property
    def answering(self) -> dict[str, Backend]:
        """Those that are worth a further question."""
        return {
            name: backend
            for name, backend in self.backends.items()
            if not isinstance(self.failures.get(name), SilentError)
        }

    def read(self) -> Maps:
        return self.read_window(self.window)

    def read_window(self, window: Window) -> Maps:
        asked = [name for name in self.names if name in self.backends and name not in self.failures]
        with ThreadPoolExecutor(max_workers=max(1, len(asked))) as pool:
            found = dict(zip(asked, pool.map(lambda name: self._one(name, window), asked), strict=True))
        return {name: found.get(name) for name in self.names}

    def _one(self, name: str, window: Window) -> ServiceMap | None:
        try:
            whole = self.backends[name].read_map(window)
        except UnreadableError as error:
            self.failures[name] = error
            return None
        found = whole.only(self.service)
        if window == self.window and len(found.edges) < len(whole.edges):
            self.holding_others.add(name)
        return found

    def sources(self, maps: Maps, evidence: Evidence) -> list[Source]:
        sampled = {one.backend for one in evidence.sampling if one.rate < 1}
        return [self._source(name, maps[name], sampled) for name in self.names]

    def _source(self, name: str, found: ServiceMap | None, sampled: set[str | None]) -> Source:
        backend, failure = self.backends.get(name), self.failures.get(name)
        drawn_by = backend.drawn_by if backend else name
        return Source(
            name,
            drawn_by,
            backend.covers(self.window) if backend else self.window,
            found,
            sampled=drawn_by in sampled,
            holds_others=name in self.holding_others,
            problem=failure.message if failure else "",
            remedy=failure.hint if failure else "",
            read_through=backend.read_through if backend else "",
            remarks=backend.remarks if backend else (),
        )


def compare_now(
    settings: Settings,
    names: Sequence[str] = BACKENDS,
    since: timedelta = timedelta(minutes=15),
    service: str | None = None,
    *,
    contract: Contract | None = None,
    report: Report = lambda waited: None,
) -> Comparison:
    """The maps of the window that ends now. Never raises because of a source that cannot be read."""
    if len(set(names)) < 2 and contract is None:
        open_backend(names[0], settings)  # a name that is none goes first
        raise UserError(
            "one source is nothing to compare", hint="name two or more, or add --expect FILE", exit_code=2
        )
    window = window_until(datetime.now(UTC), since)
    reader = Reader(settings, names, window, service)
    settled = settled_maps(reader, report)
    evidence = replace(what_all_lack(settings, reader.answering), settled=settled.settled)
    comparison = compared(reader, settled.maps, evidence)
    if not comparison.agree:
        evidence = collect(settings, reader.answering, window, comparison, evidence)
        comparison = compared(reader, settled.maps, evidence)
    return held_against(contract, reader, settled.maps, evidence, comparison)


def snapshot_now(
    settings: Settings,
    name: str,
    since: timedelta,
    service: str | None = None,
    *,
    report: Report = lambda waited: None,
) -> tuple[Source, ServiceMap]:
    """One backend's map of the window that ends now, standing still."""
    reader = Reader(settings, [name], window_until(datetime.now(UTC), since), service)
    settled = settled_maps(reader, report)
    [source] = reader.sources(settled.maps, Evidence())
    if source.map is None:
        raise reader.failures[name]
    return source, source.map


def settled_maps(reader: Reader, report: Report) -> Settled:
    end = reader.window.end
    if not reader.has_live:
        return Settled(reader.read(), True, 0.0)
    # The window's last second has to be over, or the vendors would cut it each in their own way.
    time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()))
    first = reader.read()
    if not worth_waiting(reader, first):
        return Settled(first, True, 0.0)

    def agree(maps: Maps) -> bool:
        # Nothing to compare with: what CloudWatch alone has is whole when its last flush has come.
        alone = len(reader.names) == 1
        return reader.names != ("cloudwatch",) if alone else compared(reader, maps, Evidence()).agree

    return settle(
        reader.read,
        agree,
        elapsed=lambda: (datetime.now(UTC) - end).total_seconds(),
        sleep=time.sleep,
        lag=LAG.total_seconds(),
        quiet=reader.quiet,
        report=report,
    )


def worth_waiting(reader: Reader, first: Maps) -> bool:
    """Only what happened a moment ago still moves; and a first span may be on its way to an empty map."""
    if not any(found is not None for found in first.values()):
        return False
    if not any(found and found.nodes for found in first.values()):
        return True
    end = reader.window.end
    recent = reader.read_window(Window(max(reader.window.start, end - 2 * LAG), end))
    live = {name for name, backend in reader.backends.items() if not isinstance(backend, Snapshot)}
    return any(found and found.edges for name, found in recent.items() if name in live)


def compared(reader: Reader, maps: Maps, evidence: Evidence) -> Comparison:
    sources = reader.sources(maps, evidence)
    said = notes(maps, evidence, reader.service)
    found = compare(reader.window, sources, explainer(sources, evidence), said)
    return replace(found, service=reader.service or "")


def notes(maps: Mapping[str, ServiceMap | None], evidence: Evidence, service: str | None) -> list[str]:
    readable = [found for found in maps.values() if found is not None]
    is_empty = bool(readable) and not any(found.nodes for found in readable)
    said = [NO_MATCH.format(service) if service else NO_DATA] if is_empty else []
    said += [
        f"{one.where} keeps {one.rate:.0%} of the calls: the maps hold a share, not all"
        for one in evidence.sampling
        if one.backend is None and one.rate < 1
    ]
    # No map has what was in them, so that all agree.
    return [*said, f"{evidence.dropped}; `threemaps doctor` says what helps"] if evidence.dropped else said


def held_against(
    contract: Contract | None, reader: Reader, maps: Maps, evidence: Evidence, comparison: Comparison
) -> Comparison:
    if contract is None:
        return comparison
    wanted = contract.only(reader.service)
    sources = reader.sources(maps, evidence)
    return replace(
        comparison,
        differences=(*violations(wanted, sources), *comparison.differences),
        notes=(*comparison.notes, *untold(wanted, sources)),
    )
