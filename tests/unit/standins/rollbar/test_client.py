"""The rollbar package, as services use it."""

from types import ModuleType
from typing import Any

import pytest
import rollbar as package

from tests.unit.standins.rollbar.conftest import Read


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package keeps its state in its module: what a test sets is taken back."""
    monkeypatch.setattr(package, "SETTINGS", dict(package.SETTINGS))
    monkeypatch.setattr(package, "_initialized", False)
    package.init("local-token", environment="test", endpoint=f"{url}/api/1/", handler="blocking")
    return package


def fail(what: str) -> None:
    raise LookupError(what)


def report(client: ModuleType, what: str, **arguments: Any) -> str:
    try:
        fail(what)
    except LookupError:
        uuid: str = client.report_exc_info(**arguments)
    return uuid


def test_an_exception_becomes_an_item(client: ModuleType, read: Read) -> None:
    uuid = report(client, "no such user", extra_data={"trace_id": "abc"})
    (item,) = read("items")["items"]
    assert item["title"] == "LookupError: no such user"
    assert (item["level"], item["environment"], item["total_occurrences"]) == ("error", "test", 1)
    (instance,) = read(f"item/{item['id']}/instances")["instances"]
    assert (instance["data"]["uuid"], instance["data"]["custom"]["trace_id"]) == (uuid, "abc")
    assert instance["data"]["body"]["trace"]["frames"][-1]["method"] == "fail"


def test_the_same_error_again_is_the_same_item(client: ModuleType, read: Read) -> None:
    for number in range(3):
        report(client, f"user {number}")
    (item,) = read("items")["items"]
    assert (item["total_occurrences"], item["title"]) == (3, "LookupError: user 0")


def test_a_message_becomes_an_item(client: ModuleType, read: Read) -> None:
    client.report_message("something odd", "warning")
    (item,) = read("items", level="warning")["items"]
    assert item["title"] == "something odd"


def test_a_chain_of_exceptions_is_one_item(client: ModuleType, read: Read) -> None:
    try:
        try:
            fail("inner")
        except LookupError as cause:
            raise RuntimeError("outer") from cause
    except RuntimeError:
        client.report_exc_info()
    (item,) = read("items")["items"]
    assert item["title"] == "RuntimeError: outer"


def test_a_fingerprint_that_is_given_decides(client: ModuleType, read: Read) -> None:
    for text in ("one", "two"):
        client.report_message(text, payload_data={"fingerprint": "mine"})
    (item,) = read("items")["items"]
    assert (item["hash"], item["total_occurrences"]) == ("mine", 2)


def test_a_wrong_token_is_refused_and_nothing_kept(
    client: ModuleType, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    client.SETTINGS["access_token"] = "another"
    client.report_message("lost")
    assert "403" in caplog.text
    assert read("items")["total_count"] == 0
