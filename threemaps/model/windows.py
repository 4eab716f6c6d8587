"""From `--since 15m` to a window, and windows that every source can cut. Pure: the time of day is given."""

import math
import re
from datetime import UTC, datetime, timedelta

from threemaps.errors import UserError
from threemaps.model.difference import Window

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST = timedelta(days=60)


def parse_since(text: str, option: str = "--since") -> timedelta:
    """90s, 15m, 2h or 1d."""
    found = re.fullmatch(r"([0-9]{1,7})([smhd])", text.strip())
    length = timedelta(seconds=int(found[1]) * SECONDS[found[2]]) if found else timedelta()
    if not timedelta() < length <= LONGEST:
        raise UserError(
            f"{option} {text!r} is no length of time",
            hint=f"write 90s, 15m, 2h or 1d, up to {LONGEST.days}d",
            exit_code=2,
        )
    return length


def window_until(now: datetime, since: timedelta) -> Window:
    """Whole seconds, since some vendors know no others; the one that has begun is in it."""
    end = datetime.fromtimestamp(math.ceil(now.timestamp()), UTC)
    return Window(end - since, end)


def floored(moment: datetime, grain: timedelta) -> datetime:
    """The last multiple of the grain before the moment, or the moment itself."""
    seconds = grain.total_seconds()
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)


def whole(start: datetime, end: datetime, grain: timedelta) -> Window:
    """Widened to multiples of the grain at its start, cut at its end, and at least one of them long."""
    last = floored(end, grain)
    return Window(min(floored(start, grain), last - grain), last)
