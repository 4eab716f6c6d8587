"""Asks what explains differences. What could not be asked is said, and fails nothing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import requests

from threemaps.diagnose.case import NotAsked, Subject
from threemaps.model.difference import Difference, Window
from threemaps.model.servicemap import Kind
from threemaps.readers import Backend, UnreadableError
from threemaps.readers.honeycomb import Honeycomb
from threemaps.readers.xray import XRay
from threemaps.settings import Settings

Found = TypeVar("Found")


@dataclass
class Asking:
    """The live sources of a comparison, its window and its differences, for whoever looks for causes."""

    settings: Settings
    live: Mapping[str, Backend]  # by who drew the map
    window: Window
    differences: tuple[Difference, ...]
    sampled: frozenset[str] = frozenset()  # backends that hold a share of the traces
    not_asked: list[NotAsked] = field(default_factory=list)

    def ask(self, what: str, question: Callable[[], Found]) -> Found | None:
        """The answer, or None: then `not_asked` says why."""
        try:
            return question()
        except UnreadableError as error:
            self._not(f"{what} ({error.message})")
        except requests.RequestException as error:
            self._not(f"{what} (no answer: {type(error).__name__})")
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            self._not(f"{what} (an answer that makes no sense: {type(error).__name__})")
        return None

    def _not(self, what: str) -> None:
        self.not_asked.append(NotAsked(what))

    def look(self, what: str, question: Callable[[], Subject]) -> Iterable[Subject]:
        """The subject, or what says that nobody looked."""
        found = self.ask(what, question)
        return [] if found is None else [found]

    @property
    def services(self) -> set[str]:
        """Services at an end of the differences: of edges the callee may be the only one with spans."""
        return {
            end.name
            for one in self.differences
            for end in (one.source, one.target)
            if end and end.kind is Kind.SERVICE
        }

    @property
    def honeycomb(self) -> Honeycomb | None:
        """As a witness: it is asked even where its map is not compared."""
        found = self.live.get("honeycomb") or self.ask(
            "Honeycomb's traces", lambda: Honeycomb.of(self.settings)
        )
        return found if isinstance(found, Honeycomb) else None

    @property
    def xray(self) -> XRay | None:
        found = self.live.get("xray") or self.ask("X-Ray's traces", lambda: XRay.of(self.settings))
        return found if isinstance(found, XRay) else None


def now() -> datetime:
    return datetime.now(UTC)
