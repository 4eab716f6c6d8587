"""What the table of `spend` says of numbers that are nothing or not known."""

from dataclasses import replace

from tests.unit.account.test_spend import PRICES, USAGE
from threemaps.cli.spend import table


def test_a_saving_of_nothing_has_no_minus() -> None:
    assert "-0.00" not in table(USAGE, PRICES)


def test_log_bytes_that_nobody_could_read_are_said_not_to_be_priced() -> None:
    assert "are not priced" not in table(USAGE, PRICES)
    unread = replace(USAGE, log_bytes=None)
    assert "/threemaps/services could be read back: log bytes are not priced" in table(unread, PRICES)
