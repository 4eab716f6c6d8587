"""--since, and the window it makes."""

from datetime import UTC, datetime, timedelta

import pytest

from threemaps.errors import UserError
from threemaps.model.windows import parse_since, window_until


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), (" 5m ", 300), ("60d", 5184000)],
)
def test_lengths_of_time(text: str, seconds: int) -> None:
    assert parse_since(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "15", "m", "-5m", "0s", "1.5h", "15 m", "1w", "5M", "1h30m", "61d", "٣m", "9999999d", "99999999s"],
)
def test_anything_else_is_named_in_one_line(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_since(text)
    assert repr(text) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2


def test_a_window_is_cut_to_whole_seconds_and_holds_now() -> None:
    now = datetime(2026, 3, 1, 12, 0, 0, 1, UTC)
    window = window_until(now, timedelta(minutes=1))
    assert window.start == datetime(2026, 3, 1, 11, 59, 1, tzinfo=UTC)
    assert window.end == datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)
    whole = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert window_until(whole, timedelta(minutes=1)).end == whole
