"""What somebody looks at: how far back, until when, which services. It stands in the page's address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from threemaps.errors import UserError
from threemaps.model.difference import Window, to_iso
from threemaps.model.windows import parse_since, window_until

DEFAULT_SINCE = "15m"
LONGEST_GLOB = 200


@dataclass(frozen=True, slots=True)
class View:
    since: str = DEFAULT_SINCE
    service: str = ""
    until: str = ""  # empty: now, and going on

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> "View":
        since = arguments.get("since", "").strip() or DEFAULT_SINCE
        service = arguments.get("service", "").strip()
        until = arguments.get("until", "").strip()
        began = arguments.get("from", "").strip()
        if began:
            since = _between(began, until)
        parse_since(since)
        if len(service) > LONGEST_GLOB:
            raise UserError(
                f"a service filter of {len(service)} characters is too long", hint="use a * in it"
            )
        if until:
            until = to_iso(_moment(until))
        return cls(since, service, until)

    @property
    def is_live(self) -> bool:
        return not self.until

    def window(self, now: datetime) -> Window:
        """The start moves in steps, so that a map does not change with every second that passes."""
        length = parse_since(self.since)
        if self.until:
            return window_until(_moment(self.until), length)
        window = window_until(now, length)
        step = max(1.0, min(60.0, length.total_seconds() / 15))
        start = window.start.timestamp() // step * step
        return Window(datetime.fromtimestamp(start, UTC), window.end)

    def lengths(self, now: datetime) -> tuple[timedelta, timedelta | None]:
        """How far back, and how long ago it ended; None: it goes on."""
        until = now - _moment(self.until) if self.until else None
        return parse_since(self.since), until

    def query(self, **more: str) -> str:
        fields = {"since": self.since, "service": self.service, "until": self.until, **more}
        return urlencode({name: value for name, value in fields.items() if value}, errors="replace")


def _between(began: str, until: str) -> str:
    """The length of a window that is given by its two ends."""
    if not until:
        raise UserError("a window has two ends, and `to` is missing", hint="add &until=2026-03-01T12:00:00Z")
    seconds = round((_moment(until) - _moment(began)).total_seconds())
    if seconds <= 0:
        raise UserError("the window ends before it begins", hint="exchange from and to")
    return f"{seconds}s"


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
        if abs(moment - datetime.now(UTC)) > timedelta(days=3650):
            raise ValueError(text)
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"{text[:40]!r} is no moment of these years",
            hint="write it as 2026-03-01T12:00:00Z, or leave it out",
        ) from error
    return moment
