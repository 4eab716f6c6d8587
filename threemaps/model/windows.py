"""From `--since 15m` to a window. Pure: the time of day is given."""

import math
import re
from datetime import UTC, datetime, timedelta

from threemaps.errors import UserError
from threemaps.model.difference import Window

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST = timedelta(days=60)


def parse_since(text: str) -> timedelta:
    """90s, 15m, 2h or 1d."""
    found = re.fullmatch(r"([0-9]{1,7})([smhd])", text.strip())
    length = timedelta(seconds=int(found[1]) * SECONDS[found[2]]) if found else timedelta()
    if not timedelta() < length <= LONGEST:
        raise UserError(
            f"--since {text!r} is no length of time",
            hint=f"write 90s, 15m, 2h or 1d, up to {LONGEST.days}d",
            exit_code=2,
        )
    return length


def window_until(now: datetime, since: timedelta) -> Window:
    """Whole seconds, since some vendors know no others; the one that has begun is in it."""
    end = datetime.fromtimestamp(math.ceil(now.timestamp()), UTC)
    return Window(end - since, end)
