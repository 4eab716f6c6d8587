"""The doctor's look at a Honeycomb account: the local one, and vendors that stand for both regions."""

from typing import Any

import pytest

from tests.conftest import Serve
from tests.unit.readers.conftest import Vendor, json, settings_at
from tests.unit.standins.honeycomb.conftest import Client, honeycomb, store
from tests.unit.standins.honeycomb.spans import Call, request_of
from threemaps.doctor.check import Check
from threemaps.doctor.honeycomb import malformed
from threemaps.doctor.honeycomb_account import (
    check_honeycomb_datasets,
    check_honeycomb_ingest_key,
    check_honeycomb_reading_key,
)
from threemaps.doctor.walk import Walk
from threemaps.settings import LOCAL_CONFIGURATION_KEY, LOCAL_INGEST_KEY, LOCAL_MANAGEMENT_KEY

__all__ = ["honeycomb", "store"]

INGEST = "hcaik_" + "a1" * 29


def walk(url: str, **keys: str) -> Walk:
    own = {
        "THREEMAPS_BACKENDS": "honeycomb",
        "HONEYCOMB_API_ENDPOINT": url,
        "HONEYCOMB_MCP_ENDPOINT": f"{url}/mcp",
    }
    return Walk(settings_at(url, **own, **keys))


@pytest.mark.parametrize(
    ("key", "wanted", "says"),
    [
        ("hcxik_" + "0" * 26, "ingest", "the id of an ingest key"),
        ("hcblk_" + "0" * 26, "ingest", "configuration key's id; spans are sent with an ingest key"),
        ("hcblk_" + "0" * 26, "configuration", "the key is the token that is shown with it"),
        ("hcamk_" + "0" * 26 + ":s", "ingest", "management key; spans are sent with an ingest key"),
        (
            "hcamk_" + "0" * 26 + ":s",
            "configuration",
            "management key; maps are read with a configuration key",
        ),
    ],
)
def test_what_was_pasted_instead_of_the_key(key: str, wanted: str, says: str) -> None:
    assert says in malformed(key, wanted)
    assert key not in malformed(key, wanted)


def test_a_good_account_says_whose_it_is_and_what_the_key_may(honeycomb: Client) -> None:
    account = walk(
        honeycomb.url, HONEYCOMB_API_KEY=LOCAL_INGEST_KEY, HONEYCOMB_CONFIGURATION_KEY=LOCAL_CONFIGURATION_KEY
    )
    sending, reading = check_honeycomb_ingest_key(account), check_honeycomb_reading_key(account)
    assert sending.ok
    assert "team threemaps, environment local" in sending.detail
    assert "it may use columns, createDatasets, events, queries" in reading.detail


@pytest.mark.parametrize(
    ("keys", "ok", "says", "step"),
    [
        ({}, False, "neither HONEYCOMB_MANAGEMENT_KEY", "export HONEYCOMB_MANAGEMENT_KEY=ID:SECRET"),
        ({"HONEYCOMB_MANAGEMENT_KEY": LOCAL_MANAGEMENT_KEY}, True, "tools, environment local", ""),
        ({"HONEYCOMB_MANAGEMENT_KEY": f"hcamk_{'0' * 26}:secret"}, False, "does not take the management", ""),
        ({"HONEYCOMB_MANAGEMENT_KEY": "hcamk_" + "0" * 26}, False, "without its secret", "ID:SECRET"),
        ({"HONEYCOMB_CONFIGURATION_KEY": LOCAL_INGEST_KEY}, False, "is an ingest key", "CONFIGURATION_KEY"),
        ({"HONEYCOMB_CONFIGURATION_KEY": "A" * 22}, False, "does not know it", "CONFIGURATION_KEY"),
    ],
)
def test_the_key_that_reads(honeycomb: Client, keys: dict[str, str], ok: bool, says: str, step: str) -> None:
    found = check_honeycomb_reading_key(walk(honeycomb.url, **keys))
    assert found.ok is ok
    assert says in found.detail
    assert step in found.next_step


def in_two_regions(serve: Serve, monkeypatch: pytest.MonkeyPatch, there: Any) -> Check:
    here = serve(Vendor(json({"error": "unknown API key - check your credentials"}, 401)).app)
    other = serve(Vendor(there).app)
    monkeypatch.setattr("threemaps.doctor.honeycomb.HONEYCOMB_ENDPOINT", here)
    monkeypatch.setattr("threemaps.doctor.honeycomb.HONEYCOMB_EUROPE", other)
    found = check_honeycomb_ingest_key(walk(here, HONEYCOMB_API_KEY=INGEST))
    assert not found.ok
    assert INGEST not in found.detail + found.next_step
    return found


def test_both_regions_are_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    known = in_two_regions(serve, monkeypatch, json({"type": "ingest", "team": {"slug": "t"}}))
    assert "; it is a key of http://127.0.0.1:" in known.detail
    assert known.next_step.startswith("export HONEYCOMB_API_ENDPOINT=http://127.0.0.1:")
    unknown = in_two_regions(serve, monkeypatch, json({"error": "unknown"}, 401))
    assert "; nor does http://127.0.0.1:" in unknown.detail
    assert "HONEYCOMB_API_KEY=YOUR_INGEST_KEY" in unknown.next_step


def test_datasets_with_their_last_event(honeycomb: Client) -> None:
    account = walk(honeycomb.url, HONEYCOMB_CONFIGURATION_KEY=LOCAL_CONFIGURATION_KEY)
    assert "none yet" in check_honeycomb_datasets(account).detail
    honeycomb.send_spans(request_of([Call("web", 1)]))
    found = check_honeycomb_datasets(account)
    assert "web 0 s ago" in found.detail or "web 1 s ago" in found.detail
    assert not found.next_step
    honeycomb.send_spans(request_of([Call("unknown_service:python", 2)]))
    noted = check_honeycomb_datasets(account)
    assert noted.ok
    assert "OTEL_SERVICE_NAME" in noted.next_step


def test_datasets_that_nobody_may_list_are_not_counted_as_good(serve: Serve, honeycomb: Client) -> None:
    """Without a configuration key, with one that is refused, with an answer that makes no sense."""
    refusing = serve(Vendor(json({"error": "unknown API key - check your credentials"}, 401)).app)
    confused = serve(Vendor(json({"datasets": []})).app)
    key = {"HONEYCOMB_CONFIGURATION_KEY": LOCAL_CONFIGURATION_KEY}
    for account in (walk(honeycomb.url), walk(refusing, **key), walk(confused, **key)):
        found = check_honeycomb_datasets(account)
        assert (found.ok, found.looked) == (True, False)
        assert found.detail.startswith("not listed: ")
