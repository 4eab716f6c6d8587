"""The Events API, with Honeycomb's own library and by hand."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import libhoney
import pytest

from tests.unit.standins.honeycomb.conftest import Client
from threemaps.settings import LOCAL_INGEST_KEY
from threemaps.standins.honeycomb.events import EventError, read_time


@pytest.fixture
def library(honeycomb: Client) -> Iterator[libhoney.Client]:
    client = libhoney.Client(
        writekey=LOCAL_INGEST_KEY, dataset="My Service", api_host=honeycomb.url, block_on_response=True
    )
    with closing(client.xmit.session), closing(client.xmit.sd):
        yield client


@pytest.mark.filterwarnings("ignore::DeprecationWarning:libhoney")  # utcnow, from Python 3.12 on
def test_libhoney_delivers(honeycomb: Client, library: libhoney.Client) -> None:
    for number in range(5):
        event = library.new_event({"number": number, "what": "sale", "trace.trace_id": "t1"})
        event.metadata = number
        event.send()
    library.flush()
    library.close()
    responses = list(iter(library.responses().get, None))
    assert sorted((each["metadata"], each["status_code"], each["error"]) for each in responses) == [
        (number, 202, None) for number in range(5)
    ]
    rows = honeycomb.results("my-service", calculations=[{"op": "SUM", "column": "number"}, {"op": "COUNT"}])
    assert rows == [{"SUM(number)": 10.0, "COUNT": 5}]


def test_one_event_with_its_time_and_rate(honeycomb: Client) -> None:
    moment = int(time.time()) - 1800
    headers = {"X-Honeycomb-Event-Time": str(moment), "X-Honeycomb-Samplerate": "10"}
    event = {"name": "sale", "duration_ms": 3.5, "ok": True, "items": [{"a": 1}], "nothing": None}
    answer = honeycomb.send_json("/1/events/shop", event, **headers)
    assert (answer.status_code, answer.content) == (200, b"")
    breakdowns = ["name", "duration_ms", "ok", "items", "nothing"]
    minute = moment - moment % 60
    assert honeycomb.results("shop", breakdowns=breakdowns, start_time=minute, end_time=minute + 60) == [
        {
            "name": "sale",
            "duration_ms": 3.5,
            "ok": True,
            "items": '[{"a":1}]',
            "nothing": None,
            "COUNT": 10,
        }
    ]


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"data": {}}, "Request body should not be empty."),
        ({"data": {"a": None}}, "Request body should not be empty."),
        ({}, "Request body should not be empty."),
        (None, "Request body is malformed and cannot be read."),
        ({"data": [1]}, "Request body is malformed and cannot be read."),
        (
            {"data": {"a": 1}, "time": "noon"},
            "Request body is malformed and cannot be read: 'noon' is no time.",
        ),
        ({"data": {str(n): n for n in range(2_001)}}, "Event has too many columns."),
        ({"data": {str(n): "x" * 60_000 for n in range(20)}}, "Event is too large."),
    ],
)
def test_in_a_batch_every_event_has_its_own_status(honeycomb: Client, event: Any, error: str) -> None:
    answer = honeycomb.send_json("/1/batch/shop", [{"data": {"good": 1}}, event, {"data": {"good": 2}}])
    assert answer.status_code == 200
    assert answer.json() == [{"status": 202}, {"status": 400, "error": error}, {"status": 202}]
    assert honeycomb.results("shop")[0]["COUNT"] == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "Request body should not be empty."),
        (b"{", "Request body is malformed and cannot be read."),
        (b'{"data": {}}', "Request body is malformed and cannot be read."),
        (b" " * 15_000_001, "Request body is too large."),
    ],
)
def test_a_batch_that_is_none(honeycomb: Client, body: bytes, error: str) -> None:
    answer = honeycomb.send("/1/batch/shop", body)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_an_event_has_a_megabyte(honeycomb: Client) -> None:
    answer = honeycomb.send("/1/events/shop", b'{"a": "' + b"x" * 1_000_000 + b'"}')
    assert (answer.status_code, answer.json()) == (400, {"error": "Request body is too large."})


def test_spans_sent_as_events_are_part_of_the_map(honeycomb: Client) -> None:
    spans = [
        {"service.name": "a", "trace.trace_id": "t", "trace.span_id": "1"},
        {"service.name": "b", "trace.trace_id": "t", "trace.span_id": "2", "trace.parent_id": "1"},
    ]
    for _ in range(2):
        honeycomb.send_json("/1/batch/any", [{"data": span} for span in spans])
    assert honeycomb.calls() == {("a", "b"): 1}
    assert honeycomb.results("any")[0]["COUNT"] == 2


def test_a_dataset_is_one_in_any_case(honeycomb: Client) -> None:
    for name in ("My%20Data", "MY%20DATA"):
        honeycomb.send_json(f"/1/events/{name}", {"a": 1, "b": "x", "c": 1.5, "d": True})
    (dataset,) = honeycomb.get("/1/datasets").json()
    assert (dataset["name"], dataset["slug"]) == ("My Data", "my-data")
    assert honeycomb.get("/1/datasets/my-data").json() == dataset
    columns = honeycomb.get("/1/columns/my-data").json()
    types = {column["key_name"]: column["type"] for column in columns}
    assert types == {"a": "integer", "b": "string", "c": "float", "d": "boolean"}
    assert dataset["regular_columns_count"] == len(columns)
    assert honeycomb.get("/1/columns/my-data", key_name="a").json() == columns[0]
    assert honeycomb.get(f"/1/columns/my-data/{columns[0]['id']}").json() == columns[0]
    assert honeycomb.get("/1/columns/my-data", key_name="z").status_code == 404
    assert honeycomb.get("/1/columns/my-data/z").status_code == 404


def test_a_dataset_can_be_made_beforehand(honeycomb: Client) -> None:
    first = honeycomb.post("/1/datasets", {"name": "Soon"})
    again = honeycomb.post("/1/datasets", {"name": "soon"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["last_written_at"] is None
    assert honeycomb.post("/1/datasets", {"name": ""}).status_code == 422


@pytest.mark.parametrize(
    ("value", "nanoseconds"),
    [
        ("2026-01-01T00:00:00Z", 1767225600 * 10**9),
        ("2026-01-01T00:00:00.5+01:00", 1767222000 * 10**9 + 5 * 10**8),
        (1767225600, 1767225600 * 10**9),
        (1767225600.25, 1767225600 * 10**9 + 25 * 10**7),
        (1767225600123, 1767225600123 * 10**6),
        ("1767225600123456", 1767225600123456 * 10**3),
    ],
)
def test_times_in_every_form(value: object, nanoseconds: int) -> None:
    assert abs(read_time(value) - nanoseconds) < 1_000


@pytest.mark.parametrize("value", ["noon", -1, True, [], {}, "nan", "inf", "0000-00-00T00:00:00Z"])
def test_what_is_no_time(value: object) -> None:
    with pytest.raises(EventError, match="is no time"):
        read_time(value)
