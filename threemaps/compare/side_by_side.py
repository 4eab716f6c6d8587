"""Compares maps, in this order: read until stable → diff → look for what explains it → explain → report."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from threemaps.compare import troubles
from threemaps.compare.change import apart_in_time, changes
from threemaps.compare.contract import Contract, held_lines, violations
from threemaps.compare.reading import Reader, Reading
from threemaps.compare.settling import Clock, Watch, holds_calls, settle
from threemaps.diagnose import explained, subjects, unexpected
from threemaps.diagnose.case import NotAsked, Subject
from threemaps.diagnose.reading import StillMoving
from threemaps.diagnose.sampling import Sampling, in_force
from threemaps.errors import UserError
from threemaps.model.diff import differences
from threemaps.model.difference import Comparison, DifferenceKind, Source, Trouble
from threemaps.model.servicemap import Kind, ServiceMap
from threemaps.readers import BACKENDS, Backend, UnreadableError, open_backend
from threemaps.readers.base import Manners
from threemaps.readers.xray import XRay
from threemaps.settings import Settings

Report = Callable[[float], None]
NO_DATA = (
    "nothing to compare: no source holds a call in this window. Send some (`threemaps traffic`), "
    "take a longer --since, or run `threemaps doctor`"
)
NO_MATCH = (
    "nothing to compare: no source holds a call that touches {!r} in this window; "
    "without --service all are shown"
)
ACCOUNTS_POLL = timedelta(seconds=30)  # for whoever goes on looking
NUMBERS = (DifferenceKind.REQUESTS, DifferenceKind.ERRORS, DifferenceKind.LATENCY)


class Comparing:
    """One comparison of these sources, or many in a row for whoever goes on looking (`look`)."""

    def __init__(
        self,
        settings: Settings,
        names: Sequence[str] = BACKENDS,
        since: timedelta = timedelta(minutes=15),
        service: str | None = None,
        *,
        until: timedelta | None = None,
        contract: Contract | None = None,
        max_change: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        if len(set(names)) < 2 and contract is None:
            open_backend(names[0], settings)  # a name that is none goes first
            raise UserError(
                "one source is nothing to compare", hint="name two or more, or add --expect FILE", exit_code=2
            )
        self.settings = settings
        self.contract = contract
        self.max_change = max_change
        self.reader = Reader(settings, names, service)
        self.watch = Watch(self.reader, since, until, clock)
        self._comparison: Comparison | None = None
        self._shown: Reading | None = None
        self._looked: datetime | None = None
        self._standing_shown: tuple[Trouble, ...] = ()

    def once(self, wait: timedelta | None = None, report: Report = lambda waited: None) -> Comparison:
        """The maps once they have settled. Never raises because of a source that cannot be read."""
        return self.compared(settle(self.watch, self._agree, wait, report))

    def look(self) -> Comparison:
        """One more look: the comparison of the maps that settled last.

        Before the first that hold calls have, the maps as they are, with `settled` False and nothing said
        of them but `settles_at`. The
        sources are asked no more often than suits them. The object is the same as long as nothing has
        changed, so that a page can tell by `is`.
        """
        now = self.watch.clock.now()
        poll = self.reader.manners.poll
        pause = max(poll, ACCOUNTS_POLL) if poll > Manners().poll else poll
        if self._comparison and self._looked is not None and now - self._looked < pause:
            return self._comparison
        self._looked = now
        self.reader.forget_failures()
        reading = self.watch.look(self._agree)
        standing = self._standing(reading) if reading.settled else ()
        is_shown = self._comparison is not None and self._comparison.settled
        is_same = is_shown and self._shown and not _is_news(reading, self._shown)
        if reading.settled and not (is_same and standing == self._standing_shown):
            self._shown, self._standing_shown = reading, standing
            self._comparison = self.compared(reading)
        elif not (self._shown and holds_calls(self._shown)) and (
            self._comparison is None
            or (reading.maps, reading.settles_at) != (self._comparison.maps, self._comparison.settles_at)
        ):
            sources = {source.name: source for source in self.reader.sources(reading)}
            self._comparison = Comparison(
                reading.window,
                reading.maps,
                sources=sources,
                service=self.reader.service or "",
                settled=False,
                settles_at=reading.settles_at,
            )
        assert self._comparison is not None
        return self._comparison

    def _agree(self, reading: Reading) -> bool:
        """Whether what the drawings explain is all that differs: then nobody has to wait for more."""
        if len(self.reader.names) == 1:
            return reading.moving or not self.watch.lag
        sources = self.reader.sources(reading)
        return not unexpected(sources, differences(sources))

    def compared(self, reading: Reading) -> Comparison:
        """Diff, evidence, explanation, verdicts: no further map is read."""
        sampling = self._sampling(reading)
        sources = self.reader.sources(
            reading, sampling.sampled if isinstance(sampling, Sampling) else frozenset()
        )
        found = tuple(differences(sources))
        by_change = apart_in_time(sources)
        if by_change:
            found = tuple(one for one in found if one.kind not in NUMBERS)
        left = unexpected(sources, found)
        asked: tuple[Subject, ...] = ()
        if left:
            asked = subjects(
                self.settings, self._live(), reading.window, left, sampling, self._still_moving(reading)
            )
        result = explained(sources, found, asked)
        if by_change:
            result = (*result, *changes(sources, self.max_change))
        comparison = Comparison(
            sources[0].window if by_change or not self.reader.live else reading.window,
            {source.name: source.map for source in sources},
            tuple(sorted(result, key=lambda one: one.expected)),
            {source.name: source for source in sources},
            service=self.reader.service or "",
            settled=reading.settled,
            settles_at=reading.settles_at,
            troubles=(
                *self._standing(reading),
                *troubles.counted_twice(result),
                *troubles.in_maps(sources),
            ),
        )
        if self.contract is not None:
            wanted = self.contract.only(self.reader.service)
            comparison = replace(
                comparison,
                differences=(*violations(wanted, sources), *comparison.differences),
                contract=tuple(held_lines(wanted, sources)),
            )
        return replace(comparison, notes=tuple(self._notes(reading, comparison, sampling)))

    def _live(self) -> dict[str, Backend]:
        return {backend.drawn_by: backend for backend in self.reader.live.values()}

    def _standing(self, reading: Reading) -> tuple[Trouble, ...]:
        return troubles.standing_troubles(self.settings, reading.window.start) if self.reader.live else ()

    def _sampling(self, reading: Reading) -> Sampling | NotAsked:
        """Asked for every comparison: maps can agree with each other, and all hold a tenth of the calls."""
        if not self.reader.live:
            return NotAsked("sampling: only files were compared")
        xray = next((one for one in self.reader.live.values() if isinstance(one, XRay)), None)
        services = {
            node.name
            for found in reading.maps.values()
            for node in (found.nodes if found else ())
            if node.kind is Kind.SERVICE
        }
        try:
            return in_force(xray, self.settings, services)
        except UnreadableError as error:
            return NotAsked(f"X-Ray's sampling ({error.message})")

    def _still_moving(self, reading: Reading) -> StillMoving | None:
        if reading.settled:
            return None
        live = self.reader.live.values()
        slowest = max(live, key=lambda one: one.manners.lag, default=None)
        return StillMoving(reading.waited, self.watch.lag, slowest.drawn_by if slowest else "")

    def _notes(self, reading: Reading, comparison: Comparison, sampling: Sampling | NotAsked) -> list[str]:
        said = []
        if comparison.is_empty and not comparison.settles_at:
            said.append(NO_MATCH.format(comparison.service) if comparison.service else NO_DATA)
        if reading.moving:
            said.append(self._of_window(reading))
        if not reading.settled and comparison.agree:
            again = f" at {reading.settles_at:%H:%M:%S} UTC" if reading.settles_at else ""
            said.append(
                f"the maps were still moving after {reading.waited:.0f} s: compare again{again}, or --wait "
                "longer"
            )
        said += reading.notes
        if isinstance(sampling, Sampling):
            said += [str(one) for one in sampling.shares if one.rate < 1]
        for source in comparison.sources.values():
            said += [f"{source.name}: {remark}" for remark in source.remarks]
        said += [
            f"{one.what}: no source reports it, the bound was not held"
            for one in comparison.contract or ()
            if one.unreported
        ]
        return said

    def _of_window(self, reading: Reading) -> str:
        grain, lag = self.watch.grain.total_seconds(), self.watch.lag.total_seconds()
        cut = f"whole {'minutes' if grain == 60 else f'{grain:g} s'}" if grain > 1 else "whole seconds"
        late = f", ended {lag / 60:g} minutes ago for the slowest source" if lag else ""
        return (
            f"calls keep coming: the maps are compared over {reading.window.seconds:g} s that are over and "
            f"whole in every source ({cut}{late})"
        )


def _is_news(reading: Reading, shown: Reading) -> bool:
    return reading.maps != shown.maps or (reading.moving and reading.window != shown.window)


def compare_now(
    settings: Settings,
    names: Sequence[str] = BACKENDS,
    since: timedelta = timedelta(minutes=15),
    service: str | None = None,
    *,
    until: timedelta | None = None,
    wait: timedelta | None = None,
    contract: Contract | None = None,
    max_change: float | None = None,
    report: Report = lambda waited: None,
) -> Comparison:
    """The maps of the window that ends now, or `until` ago. A source that cannot be read fails nothing."""
    comparing = Comparing(
        settings, names, since, service, until=until, contract=contract, max_change=max_change
    )
    return comparing.once(wait, report)


def snapshot_now(
    settings: Settings,
    name: str,
    since: timedelta,
    service: str | None = None,
    *,
    until: timedelta | None = None,
    wait: timedelta | None = None,
    report: Report = lambda waited: None,
) -> tuple[Source, ServiceMap]:
    """One backend's map, standing still. Raises UnreadableError."""
    reader = Reader(settings, [name], service)
    watch = Watch(reader, since, until)
    reading = settle(watch, lambda found: found.moving or not watch.lag, wait, report)
    [source] = reader.sources(reading)
    if source.map is None:
        raise reader.failures[name]
    return source, source.map
