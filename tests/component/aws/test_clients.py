"""AWS CLI and AWS's SDK for JavaScript drive the local Application Signals, over spans sent by OTLP."""

import json
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Serve
from tests.foreign import AWS_CLI, NODE
from tests.running import clean_environment
from tests.system.trees import CLIENT, MS, SERVER, Forest, request_of
from tests.unit.standins.signed import post
from threemaps.standins import aws
from threemaps.standins.store import Store

SIGNALS = "signals.mjs"


@pytest.fixture
def url(serve: Serve) -> Iterator[str]:
    """activities calls users twice."""
    store = Store(":memory:", aws.SCHEMA)
    address = serve(aws.create_app(store))
    forest = Forest(random.Random(1), [])
    for trace in (b"\x01" * 16, b"\x02" * 16):
        start = time.time_ns() - 500 * MS
        server = forest.span(trace, "activities", SERVER, b"", start, 100, {})
        client = forest.span(trace, "activities", CLIENT, server.span_id, start, 80, {})
        forest.span(trace, "users", SERVER, client.span_id, start, 50, {})
    assert post(f"{address}/v1/traces", "xray", request_of(forest.spans)).status_code == 200
    yield address
    store.close()


def aws_cli(url: str, *arguments: str) -> Any:
    environ = {
        **clean_environment(),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [AWS_CLI.path("bin", "python"), AWS_CLI.path("bin", "aws"), *arguments, "--output", "json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
def test_aws_cli_reads_services_dependencies_and_metrics(url: str) -> None:
    now = int(time.time())
    window = ("--start-time", str(now - 3600), "--end-time", str(now + 60))
    services = aws_cli(url, "application-signals", "list-services", *window)["ServiceSummaries"]
    assert [one["KeyAttributes"]["Name"] for one in services] == ["activities", "users"]
    key = "Type=Service,Environment=generic:default,Name=activities"
    asked = ("application-signals", "list-service-dependencies", "--key-attributes", key, *window)
    rows = aws_cli(url, *asked)["ServiceDependencies"]
    assert {one["DependencyKeyAttributes"]["Name"] for one in rows} == {"users"}
    edge = {"Environment": "generic:default", "RemoteService": "users", "Service": "activities"}
    dimensions = [f"Name={name},Value={value}" for name, value in edge.items()]
    points = aws_cli(
        url,
        *(
            "cloudwatch",
            "get-metric-statistics",
            "--namespace",
            "ApplicationSignals",
            "--metric-name",
            "Latency",
        ),
        *("--dimensions", *dimensions, "--statistics", "SampleCount", "--period", "3600", *window),
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in points) == 2
    events = aws_cli(url, "logs", "filter-log-events", "--log-group-name", "aws/spans")["events"]
    assert len(events) == 6


@pytest.mark.long
def test_aws_sdk_for_javascript_reads_the_same_map(url: str) -> None:
    script = shutil.copy(f"{__file__.rpartition('/')[0]}/{SIGNALS}", NODE.path(SIGNALS))
    done = subprocess.run(["node", script, url], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    activities, users = json.loads(done.stdout)
    assert (activities["name"], users["name"]) == ("activities", "users")
    assert sum(calls for callee, calls in activities["calls"] if callee == "users") == 2
    assert (set(users["dependents"]), len(users["operations"]) > 0) == ({"activities"}, True)
