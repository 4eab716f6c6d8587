"""Rollbar and watchtower: what they get, and that nobody waits for them. Stand-ins play the vendors."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from flask import Flask

from services.common.error_items import without_secrets
from tests.component.services.running import Services, address, silent_listener
from tests.conftest import Serve
from threemaps.demo.faults import Fault, switch
from threemaps.demo.health import wait_until
from threemaps.errors import UserError
from threemaps.settings import LOCAL_AWS_ACCESS_KEY_ID, LOCAL_AWS_SECRET_ACCESS_KEY, Settings
from threemaps.standins import aws
from threemaps.standins.rollbar import responses as rollbar
from threemaps.standins.store import Store
from threemaps.tracing.environment import service_environment

SECONDS = 20


@pytest.fixture
def standin(serve: Serve, tmp_path: Path) -> Iterator[Callable[[Any], str]]:
    stores: list[Store] = []

    def start(vendor: Any) -> str:
        store = Store(tmp_path / f"{vendor.__name__}.duckdb", vendor.SCHEMA)
        stores.append(store)
        app: Flask = vendor.create_app(store)
        return serve(app)

    yield start
    for store in stores:
        store.close()


@pytest.fixture
def silence() -> Iterator[str]:
    listener = silent_listener()
    yield address(listener)
    listener.close()


def items(url: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{url}/api/1/instances", headers={"X-Rollbar-Access-Token": "local-token"})
    found: list[dict[str, Any]] = [instance["data"] for instance in answer.json()["result"]["instances"]]
    return found


def fail(services: Services) -> requests.Response:
    """A request that ends in an unhandled error, with things in it that are nobody's business."""
    switch(services.settings.flags_file, "users", Fault(errors=1.0))
    url = f"{services['users'].url}/api/users/andrew"

    def ask() -> requests.Response:
        secret = {"Authorization": "Bearer planted-1", "Cookie": "session=planted-2"}
        return requests.get(url, params={"password": "planted-3"}, headers=secret, timeout=4)

    assert wait_until(lambda: ask().status_code == 500, SECONDS)
    return ask()


def test_an_unhandled_error_becomes_an_item(new_services, standin: Any) -> None:
    url = standin(rollbar)
    services = new_services("users", THREEMAPS_URL_ROLLBAR=url)
    trace_id = fail(services).headers["X-Trace-Id"]
    # Sent by the last moment, even when the service ends right after the request.
    services["users"].stop()
    (item,) = [item for item in items(url) if item["custom"]["trace_id"] == trace_id]
    assert item["custom"]["service"] == "users"
    assert item["custom"]["xray_trace_id"] == f"1-{trace_id[:8]}-{trace_id[8:]}"
    assert item["context"] == "/api/users/<handle>"
    assert item["request"]["method"] == "GET"
    assert item["request"]["url"] == f"{services['users'].url}/api/users/andrew"
    assert item["body"]["trace"]["exception"]["class"] == "InjectedFault"
    assert "planted" not in json.dumps(item)


def test_a_silent_rollbar_keeps_no_request_waiting(new_services, silence: str) -> None:
    services = new_services("users", THREEMAPS_URL_ROLLBAR=silence)
    assert fail(services).status_code == 500
    url = f"{services['users'].url}/api/users/andrew"
    with requests.Session() as session:
        # More than may wait; each within less than a single attempt at Rollbar takes.
        assert {session.get(url, timeout=4).status_code for _ in range(150)} == {500}
    assert "did not become a Rollbar item" in services["users"].log.read_text()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("password=planted and more", "password=******** and more"),
        ("url?a=1&api_key=planted&b=2", "url?a=1&api_key=********&b=2"),
        ("Authorization: Bearer planted", "Authorization: ********"),
        ('{"client_secret": "planted"}', '{"client_secret": ********"}'),
        ("no secrets here", "no secrets here"),
    ],
)
def test_secrets_in_a_message_are_scrubbed(text: str, kept: str) -> None:
    assert without_secrets({"a": [text]}) == {"a": [kept]}


def log_events(url: str) -> list[dict[str, Any]]:
    client = boto3.client(
        "logs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=LOCAL_AWS_ACCESS_KEY_ID,
        aws_secret_access_key=LOCAL_AWS_SECRET_ACCESS_KEY,
    )
    told = client.filter_log_events(logGroupName="/threemaps/services")
    client.close()
    return [json.loads(event["message"]) for event in told["events"]]


@pytest.mark.parametrize("mode", ["otel", "xray-sdk"])
def test_watchtower_delivers_the_last_record_of_a_service_that_ends(
    new_services, standin: Any, mode: str
) -> None:
    url = standin(aws)
    services = new_services(
        "users", modes={"users": mode}, CLOUDWATCH_LOGS="watchtower", THREEMAPS_URL_AWS=url
    )
    trace_id = requests.get(f"{services['users'].url}/api/users/andrew").headers["X-Trace-Id"]
    assert services["users"].stop() == 0
    (event,) = [event for event in log_events(url) if event.get("trace_id") == trace_id]
    assert event["body"] == "GET /api/users/<handle> 200"
    assert (event["severity_number"], event["severity_text"]) == (9, "INFO")
    assert event["attributes"]["xray_trace_id"] == f"1-{trace_id[:8]}-{trace_id[8:]}"
    assert event["attributes"]["http_status"] == 200
    assert event["resource"]["service.name"] == "users"
    assert event["scope"]["name"] == "services.common.app"
    assert len(event["span_id"]) == 16


def test_a_silent_cloudwatch_keeps_no_request_waiting(new_services, silence: str) -> None:
    services = new_services("users", CLOUDWATCH_LOGS="watchtower", THREEMAPS_URL_AWS=silence)
    url = f"{services['users'].url}/api/users/andrew"
    with requests.Session() as session:
        assert {session.get(url, timeout=4).status_code for _ in range(300)} == {200}


def local(**variables: str) -> Settings:
    return Settings.load({"THREEMAPS_ENV_FILE": "/dev/null", **variables})


def test_a_real_key_stays_out_of_a_local_service() -> None:
    settings = local(
        AWS_SECRET_ACCESS_KEY="planted", ROLLBAR_ACCESS_TOKEN="planted", CLOUDWATCH_LOGS="watchtower"
    )
    for mode in ("otel", "xray-sdk"):
        assert "planted" not in service_environment(settings, "users", mode).values()


def test_an_endpoint_in_the_shell_sends_nothing_away() -> None:
    settings = local(
        OTEL_EXPORTER_OTLP_ENDPOINT="https://elsewhere", OTEL_EXPORTER_OTLP_HEADERS="key=planted"
    )
    told = service_environment(settings, "users", "otel")
    assert told["OTEL_EXPORTER_OTLP_ENDPOINT"] == settings.url("otlp_http")
    assert "planted" not in str(told)


def test_an_unknown_way_for_logs_is_refused() -> None:
    with pytest.raises(UserError, match="tower"):
        service_environment(local(CLOUDWATCH_LOGS="tower"), "users", "otel")
