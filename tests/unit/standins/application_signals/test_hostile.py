"""Requests that no client of AWS makes: each is answered or refused, none is an error of ours."""

from urllib.parse import quote, urlencode

import pytest

from tests.unit.standins.application_signals.conftest import START_NS, Keep
from tests.unit.standins.application_signals.spans import SpanRow
from tests.unit.standins.signed import call

SERVICE = "application-signals"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"StartTime": "0", "EndTime": "253402300799"}, 200),
        ({"StartTime": "1969-12-31T00:00:00Z", "EndTime": "9999-12-31T23:59:59Z"}, 200),
        ({"StartTime": "-62135596800", "EndTime": "1"}, 200),
        ({"StartTime": "inf", "EndTime": "nan"}, 400),
        ({"StartTime": "1e300", "EndTime": "now"}, 400),
        ({"StartTime": "", "EndTime": "1"}, 400),
        ({"StartTime": "0", "EndTime": "1", "MaxResults": "0"}, 400),
        ({"StartTime": "0", "EndTime": "1", "MaxResults": "many"}, 400),
        ({"StartTime": "0", "EndTime": "1", "NextToken": "ü"}, 400),
        ({"StartTime": "0", "EndTime": "1", "NextToken": "LTE="}, 400),
        ({"StartTime": "0", "EndTime": "1", "NextToken": "W10="}, 400),
        ({"StartTime": "0", "EndTime": "1", "IncludeLinkedAccounts": "perhaps"}, 400),
        ({"EndTime": "1"}, 400),
    ],
)
def test_odd_parameters(url: str, keep: Keep, query: dict[str, str], status: int) -> None:
    keep(SpanRow("users", start_ns=START_NS))
    answer = call("GET", f"{url}/services?{urlencode(query, quote_via=quote)}", SERVICE)
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.headers["x-amzn-ErrorType"] == "ValidationException"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"7",
        b'{"KeyAttributes": []}',
        b'{"KeyAttributes": {}}',
        b'{"KeyAttributes": {"Type": 3}}',
        b'{"KeyAttributes": {"Type": "Service", "Name": "\\u0000", "Environment": "x"}}',
        b'{"KeyAttributes": {"Type": "Service", "Name": "", "Environment": "x"}}',
        b'{"KeyAttributes": {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}}',
        b"{",
        b"\xff",
        b"[" * 5_000 + b"]" * 5_000,
    ],
)
@pytest.mark.parametrize(
    "path", ["service", "service-dependencies", "service-dependents", "service-operations"]
)
def test_odd_bodies(url: str, path: str, body: bytes) -> None:
    answer = call("POST", f"{url}/{path}?EndTime=3600&StartTime=0", SERVICE, body, **JSON)
    assert answer.status_code == 400, answer.text
    assert answer.headers["x-amzn-ErrorType"] in ("ValidationException", "SerializationException")
