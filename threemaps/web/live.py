"""Reads the maps in the background as long as somebody looks, once for everybody who looks at the same."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from threemaps.compare.side_by_side import Comparing
from threemaps.errors import UserError
from threemaps.model.difference import Comparison
from threemaps.readers import BACKENDS
from threemaps.settings import Settings
from threemaps.web.health import Health
from threemaps.web.picture import Picture, picture
from threemaps.web.view import View

POLL_SECONDS = 1.5
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
        self._shown: Comparison | None = None
        self._comparing: Comparing | None = None

    @property
    def latest(self) -> Picture | None:
        return next(reversed(self.pictures.values()), None)

    @property
    def agrees(self) -> bool:
        return self._shown is None or self._shown.agree

    def refresh(self, settings: Settings) -> None:
        """Looks at the maps; makes a new picture if they have settled in another way."""
        with self.lock:
            if self._comparing is None:
                since, until = self.view.lengths(datetime.now(UTC))
                self._comparing = Comparing(settings, BACKENDS, since, self.view.service or None, until=until)
            comparison = self._comparing.look()
            if comparison is self._shown:
                return
            self._shown = comparison
            version = time.time_ns()
            self.pictures[version] = picture(version, comparison, self.view, self.latest)
            while len(self.pictures) > KEPT_VERSIONS:
                self.pictures.popitem(last=False)


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
        self.health.look_again()
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
        agreed = one.agrees
        try:
            one.refresh(self.settings)
        except UserError as error:
            log.warning("%s", error.message)
        except Exception:  # the page lives longer than one bad answer of a backend
            log.exception("the maps could not be compared")
        if agreed and not one.agrees:  # what the chain was seen to be may be as old as the agreement
            self.health.look_again()
