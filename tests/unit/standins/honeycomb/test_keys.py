"""Which key may do what."""

from typing import Any

import pytest
import requests

from tests.unit.standins.honeycomb.conftest import CONFIGURATION, INGEST, PROTOBUF, Client
from threemaps.standins.honeycomb.keys import find_key

UNKNOWN = {"X-Honeycomb-Team": "somebody-else"}
UNKNOWN_ERROR = "unknown API key - check your credentials"

SENDING = [
    ("POST", "/v1/traces", {"data": b"", "headers": PROTOBUF}),
    ("POST", "/v1/logs", {"data": b"", "headers": PROTOBUF}),
    ("POST", "/1/events/some", {"json": {"a": 1}}),
    ("POST", "/1/batch/some", {"json": [{"data": {"a": 1}}]}),
    ("GET", "/1/auth", {}),
]
READING = [
    ("POST", "/1/maps/dependencies/requests", {"json": {}}),
    ("GET", "/1/maps/dependencies/requests/abc", {}),
    ("POST", "/1/queries/__all__", {"json": {}}),
    ("GET", "/1/queries/__all__/abc", {}),
    ("POST", "/1/query_results/__all__", {"json": {"query_id": "abc"}}),
    ("GET", "/1/query_results/__all__/abc", {}),
    ("GET", "/1/datasets", {}),
    ("GET", "/1/datasets/some", {}),
    ("POST", "/1/datasets", {"json": {"name": "some"}}),
    ("GET", "/1/columns/some", {}),
]


def ask(client: Client, method: str, path: str, key: dict[str, str], options: dict[str, Any]) -> int:
    headers = {**key, **options.get("headers", {})}
    answer = requests.request(method, client.url + path, **{**options, "headers": headers}, timeout=10)
    return answer.status_code


@pytest.mark.parametrize(("method", "path", "options"), [*SENDING, *READING])
def test_nobody_gets_in_without_a_known_key(
    honeycomb: Client, method: str, path: str, options: dict[str, Any]
) -> None:
    assert ask(honeycomb, method, path, {}, options) == 401
    assert ask(honeycomb, method, path, UNKNOWN, options) == 401


@pytest.mark.parametrize(("method", "path", "options"), SENDING)
def test_both_keys_send(honeycomb: Client, method: str, path: str, options: dict[str, Any]) -> None:
    assert ask(honeycomb, method, path, INGEST, options) == 200
    assert ask(honeycomb, method, path, CONFIGURATION, options) == 200


@pytest.mark.parametrize(("method", "path", "options"), READING)
def test_only_a_configuration_key_reads(
    honeycomb: Client, method: str, path: str, options: dict[str, Any]
) -> None:
    assert ask(honeycomb, method, path, INGEST, options) == 403
    assert ask(honeycomb, method, path, CONFIGURATION, options) in (200, 201, 404)


def test_the_refusals_are_honeycombs(honeycomb: Client) -> None:
    unknown = requests.get(f"{honeycomb.url}/1/auth", headers=UNKNOWN, timeout=10)
    assert unknown.json() == {"error": UNKNOWN_ERROR}
    missing = requests.post(f"{honeycomb.url}/v1/traces", headers=PROTOBUF, timeout=10)
    assert b"missing 'x-honeycomb-team' header" in missing.content
    assert missing.headers["Content-Type"] == "application/x-protobuf"
    body = requests.get(f"{honeycomb.url}/1/datasets", headers=INGEST, timeout=10).json()
    assert (body["status"], body["type"]) == (403, "https://api.honeycomb.io/problems/forbidden")


def test_auth_says_what_a_key_may_do(honeycomb: Client) -> None:
    ingest = requests.get(f"{honeycomb.url}/1/auth", headers=INGEST, timeout=10).json()
    assert (ingest["type"], ingest["api_key_access"]) == ("ingest", {"createDatasets": True})
    configuration = honeycomb.get("/1/auth").json()
    assert configuration["type"] == "configuration"
    assert configuration["api_key_access"]["events"] is True
    assert configuration["api_key_access"]["queries"] is True
    assert set(configuration["environment"]) == set(configuration["team"]) == {"name", "slug"}


@pytest.mark.parametrize("secret", ["", "local-ingest-key ", "LOCAL-INGEST-KEY", "local-ingest-ke", "ключ"])
def test_what_is_nearly_a_key_is_none(secret: str) -> None:
    assert find_key(secret) is None


def test_health_needs_no_key(honeycomb: Client) -> None:
    assert requests.get(f"{honeycomb.url}/healthz", timeout=10).json() == {"status": "ok"}


def test_there_is_nothing_else(honeycomb: Client) -> None:
    assert honeycomb.get("/1/nothing").json()["status"] == 404
    assert honeycomb.get("/v1/traces").json()["status"] == 405
