"""What every backend has in common: the interface, the one kind of failure, distrust of what comes back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from threemaps.errors import UserError
from threemaps.model.difference import Window
from threemaps.model.servicemap import ServiceMap

# No answer of a vendor is endless. A map of this many pages is a loop, not a map.
MAX_PAGES = 10_000
CONNECT_SECONDS = 5
READ_SECONDS = 30


class UnreadableError(UserError):
    """A source could not be read: what failed, why, and what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, exit_code=2)


class SilentError(UnreadableError):
    """It let us wait in vain: each further question would take as long again."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a backend has to be read: its delay, what it can cut a window to, how often it may be asked."""

    lag: timedelta = timedelta()  # so long after a call the backend may not show it yet
    grain: timedelta = timedelta(seconds=1)  # windows begin and end on multiples of it
    poll: timedelta = timedelta(seconds=1.5)  # at least this long between two readings of the map


class Backend(Protocol):
    """A place that holds a service map. `drawn_by` differs from `name` for a snapshot only."""

    @property
    def name(self) -> str: ...

    @property
    def drawn_by(self) -> str: ...

    @property
    def manners(self) -> Manners: ...

    @property
    def read_through(self) -> str:
        """How the last map was read: map-api, mcp, query, file, service-graph, application-signals, spans."""
        ...

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the report has to say about how the last map was read, as whole sentences."""
        ...

    def read_map(self, window: Window, service: str | None = None) -> ServiceMap:
        """The map of this window: the edges that touch a name matching the glob."""
        ...

    def covers(self, window: Window) -> Window:
        """What the map really covers: vendors cut to whole seconds, and a snapshot has its own window."""
        ...


def widened(window: Window, grain: timedelta) -> Window:
    """The window from and to whole multiples of the grain."""
    step = grain.total_seconds()
    start = math.floor(window.start.timestamp() / step) * step
    end = math.ceil(window.end.timestamp() / step) * step
    return Window(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))


class Shape:
    """Takes an answer apart and names what is not as the vendor documents it."""

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor

    def wrong(self, what: str, value: object) -> UnreadableError:
        shown = repr(value)
        return UnreadableError(
            f"{self.vendor} gave an answer that makes no sense: {what} is {shown[:60]}",
            hint="a proxy in between? Try again, and look at the answer with the vendor's own tool",
        )

    def mapping(self, value: object, what: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.wrong(what, value)
        return value

    def sequence(self, value: object, what: str) -> list[Any]:
        if not isinstance(value, list):
            raise self.wrong(what, value)
        return value

    def text(self, value: object, what: str) -> str:
        """Half of a surrogate pair, which JSON can hold and no file, becomes the escape that it was."""
        if not isinstance(value, str) or not value:
            raise self.wrong(what, value)
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()

    def count(self, value: object, what: str) -> int:
        """A whole number that is not negative; some write it as 3.0."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**63:
            raise self.wrong(what, value)
        if value != int(value):
            raise self.wrong(what, value)
        return int(value)

    def number(self, value: object, what: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise self.wrong(what, value)
        return float(value)
