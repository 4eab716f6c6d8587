"""The bill, worked out by hand once and by the code every time."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from threemaps.account.metering import severity
from threemaps.account.spend import (
    MONTH,
    Usage,
    as_json,
    bill,
    over_budget,
    parse_budget,
    read_prices,
    savings,
    total,
)
from threemaps.errors import UserError
from threemaps.settings import PROJECT

PRICES = read_prices(PROJECT / "threemaps" / "account" / "prices.json")
# 1,000 requests in 1,000 s: five spans of 800 bytes and two log records of 500 bytes each.
USAGE = Usage(
    seconds=1000,
    requests=1000,
    events=5000,
    spans=5000,
    span_bytes=4_000_000,
    indexed=1.0,
    log_records=2000,
    log_bytes=1_000_000,
    metric_points=200,
    quiet_share=0.75,
)
WITHOUT_SEARCH = replace(USAGE, indexed=None)


def test_a_million_requests_cost_what_the_price_pages_say() -> None:
    cost = {f"{item.backend} {item.unit}": item.a_million for item in bill(USAGE, PRICES)}
    assert cost["honeycomb events"] == pytest.approx(5 * 1.30)
    assert cost["xray span bytes"] == pytest.approx(4 * 0.35)
    assert cost["xray indexed traces"] == pytest.approx(0.99 * 0.75)
    assert cost["cloudwatch log bytes"] == pytest.approx(0.50)
    without = {f"{item.backend} {item.unit}": item.a_million for item in bill(WITHOUT_SEARCH, PRICES)}
    assert without["xray traces"] == pytest.approx(5.00)
    assert "xray span bytes" not in without


def test_what_x_ray_indexes_of_itself_costs_nothing() -> None:
    for share in (0.0, 0.01):
        items = bill(replace(USAGE, indexed=share), PRICES)
        assert [item.a_month for item in items if item.unit == "indexed traces"] == [0]


def test_a_month_at_this_rate_is_charged_beyond_what_is_free() -> None:
    cost = {f"{item.backend} {item.unit}": item.a_month for item in bill(WITHOUT_SEARCH, PRICES)}
    assert cost["honeycomb events"] == 0  # 13.1 of 20 million
    assert cost["xray traces"] == pytest.approx((MONTH - 100_000) / 1e6 * 5)
    assert cost["cloudwatch log bytes"] == 0  # 2.6 of 5 GB


def test_savings_take_off_what_they_say() -> None:
    found = {one.what: one for one in savings(USAGE, PRICES)}
    sampled = 0.9 * (5 * 1.30 + 4 * 0.35 + 0.99 * 0.75)
    assert found["keep one trace in ten"].a_million == pytest.approx(sampled, rel=1e-3)
    assert found["index what is free"].a_million == pytest.approx(0.99 * 0.75)
    assert found["log from WARNING up"].a_million == pytest.approx(0.75 * 0.50)


def test_nothing_measured_costs_nothing() -> None:
    assert total(bill(Usage(seconds=0, requests=0), PRICES)) == (0, 0)
    assert [one.what for one in savings(Usage(seconds=0, requests=0), PRICES)] == ["keep one trace in ten"]


@given(
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.floats(0, 1),
    st.integers(1, 10**7),
)
@settings(max_examples=60)
def test_savings_never_cost_more(requests: int, records: int, quiet: float, seconds: int) -> None:
    usage = replace(
        USAGE,
        seconds=seconds,
        requests=requests,
        log_records=records,
        events=records * 2,
        quiet_share=quiet,
    )
    for one in savings(usage, PRICES):
        assert one.a_million >= -1e-6
        assert one.a_month >= -1e-6


def test_budget() -> None:
    items = bill(USAGE, PRICES)
    month = total(items)[1]
    assert over_budget(items, month + 1) == 0
    assert over_budget(items, month - 1) == pytest.approx(1)
    assert as_json(USAGE, PRICES, 1.0)["over_budget"] == pytest.approx(month - 1)


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf"])
def test_no_budget(text: str) -> None:
    with pytest.raises(UserError, match="no amount of money"):
        parse_budget(text)


def test_prices_are_editable(tmp_path: Path) -> None:
    told = json.loads((PROJECT / "threemaps" / "account" / "prices.json").read_text())
    told["xray"]["traces"]["price"] = 50
    (tmp_path / "mine.json").write_text(json.dumps(told))
    cost = {item.unit: item.a_million for item in bill(WITHOUT_SEARCH, read_prices(tmp_path / "mine.json"))}
    assert cost["traces"] == pytest.approx(50)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"as_of": 1}', '{"as_of": "x", "currency": "USD", "xray": {"a": 1}}']
)
def test_a_price_table_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(UserError, match="cannot be read"):
        read_prices(tmp_path / "mine.json")


def test_the_price_table_says_of_when_it_is_and_where_from() -> None:
    assert PRICES.as_of >= "2026"
    assert set(PRICES.sources) == {"honeycomb", "xray", "cloudwatch"}


def test_severity() -> None:
    assert severity('{"severityNumber": 9}') == 9
    assert severity("plain text") == severity("[]") == 13
