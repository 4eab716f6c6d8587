"""Reads the maps in the background as long as somebody looks, once for everybody who looks at the same."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from threemaps.compare.side_by_side import Reader, compared
from threemaps.diagnose.evidence.collect import collect, what_all_lack
from threemaps.errors import UserError
from threemaps.model.difference import Comparison
from threemaps.readers import BACKENDS
from threemaps.readers.cloudwatch import LAG
from threemaps.settings import Settings
from threemaps.web.health import Health
from threemaps.web.picture import Picture, picture
from threemaps.web.view import View

POLL_SECONDS = 1.5
# A map that has changed this long ago and still differs has nothing more to wait for.
SETTLE_SECONDS = LAG.total_seconds() + 6.0
KEPT_VERSIONS = 4
MOST_VIEWS = 24

log = logging.getLogger("threemaps.web")


class Watch:
    """One view: its latest picture, and those before it that a page may still show."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.watchers = 0
        self.pictures: OrderedDict[int, Picture] = OrderedDict()
        self.lock = threading.Lock()
        self._shown: object = None
        self._maps: object = None
        self._moved = 0.0
        self._explained: object = None
        self._differences: Comparison | None = None

    @property
    def latest(self) -> Picture | None:
        return next(reversed(self.pictures.values()), None)

    def refresh(self, settings: Settings) -> None:
        """Reads the maps; makes a new picture if anything on it would be another."""
        with self.lock:
            comparison, settling = self._compared(settings)
            told = (comparison.differences, comparison.notes)
            shown = (comparison.maps, told, comparison.window.start, settling)
            if shown == self._shown:
                return
            self._shown = shown
            version = time.time_ns()
            self.pictures[version] = picture(version, comparison, self.view, settling=settling)
            while len(self.pictures) > KEPT_VERSIONS:
                self.pictures.popitem(last=False)

    def _compared(self, settings: Settings) -> tuple[Comparison, bool]:
        now = time.monotonic()
        window = self.view.window(datetime.now(UTC))
        reader = Reader(settings, BACKENDS, window, self.view.service or None)
        maps = reader.read()
        if maps != self._maps:
            self._moved = now if self._maps is not None else now - SETTLE_SECONDS / 2
            self._maps = maps
        evidence = what_all_lack(settings, reader.backends)
        comparison = compared(reader, maps, evidence)
        if comparison.agree:
            return comparison, False
        settling = comparison.readable and self.view.is_live and now - self._moved < SETTLE_SECONDS
        if settling:
            return compared(reader, maps, replace(evidence, settled=False)), True
        # The search for causes asks many questions: once for each state of the maps.
        if self._explained != maps or self._differences is None:
            found = collect(settings, reader.backends, window, comparison, evidence)
            self._differences = compared(reader, maps, found)
            self._explained = maps
        return replace(self._differences, window=window), False


class Live:
    """All views that are looked at, one thread that reads, and everybody's alarm clock."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.health = Health(settings)
        self.changed = threading.Condition()
        self.stopped = False
        self._watches: OrderedDict[View, Watch] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()

    def watch(self, view: View) -> Watch:
        """The watch of this view, with a first picture."""
        with self.changed:
            found = self._watches.get(view) or Watch(view)
            self._watches[view] = found
            self._watches.move_to_end(view)
            for old in [one for one in self._watches.values() if not one.watchers and one is not found]:
                if len(self._watches) > MOST_VIEWS:
                    del self._watches[old.view]
        if found.latest is None or not found.watchers:
            found.refresh(self.settings)
        return found

    @contextmanager
    def watching(self, view: View) -> Iterator[Watch]:
        """For as long as somebody looks."""
        found = self.watch(view)
        with self.changed:
            found.watchers += 1
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()
        try:
            yield found
        finally:
            with self.changed:
                found.watchers -= 1

    def hurry(self) -> None:
        """Something has just been done: look again at once."""
        self._hurry.set()

    def stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
        self._hurry.set()

    def _run(self) -> None:
        while True:
            with self.changed:
                active = [one for one in self._watches.values() if one.watchers]
                if self.stopped or not active:
                    self._thread = None
                    return
            self.health.refresh_if_old()
            for one in active:
                if one.view.is_live:
                    self._refresh(one)
            with self.changed:
                self.changed.notify_all()
            self._hurry.wait(POLL_SECONDS)
            self._hurry.clear()

    def _refresh(self, one: Watch) -> None:
        try:
            one.refresh(self.settings)
        except UserError as error:
            log.warning("%s", error.message)
        except Exception:  # the page lives longer than one bad answer of a backend
            log.exception("the maps could not be compared")
