"""Which addresses and keys the collector is given, and which it is not."""

import stat
from pathlib import Path

import pytest

from tests.collector_process import CollectorProcess, settings_at, wait_for
from tests.component.collector.sending import SERVER, send, span, trace_id
from tests.component.collector.vendors import Vendors
from tests.conftest import Serve
from threemaps.demo.resolved import AWS_SERVICES, collector_environment, resolved, write_resolved
from threemaps.settings import Settings

ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real-secret",
    "AWS_PROFILE": "at-work",
    "AWS_REGION": "eu-central-1",
    "HONEYCOMB_API_KEY": "real-ingest-key",
    "HONEYCOMB_CONFIGURATION_KEY": "real-configuration-key",
}


def settings(tmp_path: Path, **variables: str) -> Settings:
    return Settings.load({"THREEMAPS_STATE": str(tmp_path), "THREEMAPS_ENV_FILE": "/dev/null", **variables})


def test_local_mode_gives_nothing_of_an_account(tmp_path: Path) -> None:
    given = settings(tmp_path, **ACCOUNT)
    told = [*resolved(given).values(), *collector_environment(given).values()]
    assert [value for value in ACCOUNT.values() if any(value in one for one in told)] == []
    assert collector_environment(given)["AWS_REGION"] == "us-east-1"
    assert "AWS_PROFILE" not in collector_environment(given)


def test_a_real_backend_is_given_only_its_own_keys(tmp_path: Path) -> None:
    honeycomb = settings(tmp_path, THREEMAPS_BACKENDS="honeycomb", **ACCOUNT)
    assert resolved(honeycomb)["honeycomb_api_key"] == "real-ingest-key"
    assert collector_environment(honeycomb)["HONEYCOMB_API_ENDPOINT"] == "https://api.honeycomb.io"
    assert "AKIAREAL" not in collector_environment(honeycomb).values()
    aws = settings(tmp_path, THREEMAPS_BACKENDS="aws", **ACCOUNT)
    assert resolved(aws)["honeycomb_api_key"] == "local-ingest-key"
    assert (
        collector_environment(aws).items()
        >= {"AWS_PROFILE": "at-work", "AWS_ACCESS_KEY_ID": "AKIAREAL"}.items()
    )
    everything = [*resolved(aws).values(), *collector_environment(aws).values()]
    assert "real-configuration-key" not in everything


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("us-east-1", "us-east-1.amazonaws.com"),
        ("cn-north-1", "cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "us-gov-west-1.amazonaws.com"),
    ],
)
@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_real_aws_has_its_own_addresses(tmp_path: Path, variable: str, region: str, domain: str) -> None:
    told = collector_environment(settings(tmp_path, THREEMAPS_BACKENDS="cloud", **{variable: region}))
    assert {told[name] for name in AWS_SERVICES} == {
        f"https://{service}.{domain}" for service in ("xray", "logs", "monitoring")
    }
    assert told["AWS_REGION"] == region


def test_an_endpoint_can_be_moved_for_all_services_or_one(tmp_path: Path) -> None:
    moved = {"AWS_ENDPOINT_URL": "http://10.0.0.1:4566/", "AWS_ENDPOINT_URL_XRAY": "http://10.0.0.2:80"}
    told = collector_environment(settings(tmp_path, THREEMAPS_BACKENDS="aws", **moved))
    assert told["AWS_ENDPOINT_URL_XRAY"] == "http://10.0.0.2:80"
    assert told["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] == "http://10.0.0.1:4566"
    local = collector_environment(settings(tmp_path, **moved))
    assert local["AWS_ENDPOINT_URL_XRAY"] == "http://127.0.0.1:8082"


def test_the_collector_has_one_core_unless_told(tmp_path: Path) -> None:
    assert collector_environment(settings(tmp_path))["GOMAXPROCS"] == "1"
    assert collector_environment(settings(tmp_path, GOMAXPROCS="4"))["GOMAXPROCS"] == "4"


def test_the_collector_lets_garbage_lie_unless_told(tmp_path: Path) -> None:
    assert collector_environment(settings(tmp_path))["GOGC"] == "300"
    assert collector_environment(settings(tmp_path, GOGC="400"))["GOGC"] == "400"


@pytest.mark.parametrize("backends", ["local", "cloud", "honeycomb", "aws"])
def test_nothing_is_empty_and_only_the_owner_reads_it(tmp_path: Path, backends: str) -> None:
    given = settings(tmp_path, THREEMAPS_BACKENDS=backends, HONEYCOMB_API_KEY="", AWS_REGION="")
    write_resolved(given)
    files = [given.run / name for name in resolved(given)]
    assert all(path.read_text() for path in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert all(collector_environment(given).values())


@pytest.mark.parametrize("key", ["0071", "1e5", "true"])
def test_a_key_that_looks_like_something_else_arrives_as_it_is(
    tmp_path: Path, serve: Serve, key: str
) -> None:
    vendors = Vendors()
    url = serve(vendors.app())
    real = {"THREEMAPS_BACKENDS": "honeycomb", "HONEYCOMB_API_ENDPOINT": url, "HONEYCOMB_API_KEY": key}
    collector = CollectorProcess(settings_at(tmp_path, honeycomb=url, aws=url, **real)).start()
    try:
        send(collector.otlp_http, [span("a", SERVER, trace_id())])
        wait_for(lambda: vendors.keys)
    finally:
        collector.stop()
    assert vendors.keys == {key}
