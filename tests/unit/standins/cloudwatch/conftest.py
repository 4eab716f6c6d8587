"""CloudWatch over a real socket, and log groups to write to. Where moto has the same, it has to agree."""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import orjson
import pytest
from moto import mock_aws

from tests.conftest import Serve
from tests.unit.standins.aws_shapes import aws_client
from threemaps.standins import aws, cbor
from threemaps.standins.store import Store


@pytest.fixture
def url(serve: Serve) -> Iterator[str]:
    store = Store(":memory:", aws.SCHEMA)
    yield serve(aws.create_app(store))
    store.close()


@pytest.fixture
def logs(url: str) -> Any:
    return aws_client("logs", url, parse=orjson.loads)


@pytest.fixture(params=["json", "smithy-rpc-v2-cbor"])
def metrics(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, url: str) -> Any:
    """boto3 takes the first of these, the SDKs of other languages the second."""
    parse = orjson.loads if request.param == "json" else cbor.decode
    with monkeypatch.context() as patch:
        patch.setattr("botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", (request.param,))
        return aws_client("cloudwatch", url, parse=parse)


@pytest.fixture(params=["ours", "moto"])
def either(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client of CloudWatch Logs: of the stand-in, then of moto."""
    if request.param == "ours":
        yield request.getfixturevalue("logs")
        return
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local-secret"}
    with mock_aws():
        yield boto3.client("logs", region_name="us-east-1", **keys)


Group = tuple[str, str]
names = itertools.count()


def make_stream(client: Any) -> Group:
    group, stream = f"/threemaps/test-{next(names)}", "a-stream"
    client.create_log_group(logGroupName=group)
    client.create_log_stream(logGroupName=group, logStreamName=stream)
    return group, stream


@pytest.fixture
def group(logs: Any) -> Group:
    return make_stream(logs)


Put = Callable[..., int]


@pytest.fixture
def put(logs: Any, group: Group) -> Put:
    """Puts messages, objects as JSON, one a millisecond; returns the time of the first."""

    def put(*messages: Any, start: int | None = None) -> int:
        first = start if start is not None else now_ms() - 60_000
        logs.put_log_events(logGroupName=group[0], logStreamName=group[1], logEvents=events(first, *messages))
        return first

    return put


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def events(start: int, *messages: Any) -> list[dict[str, Any]]:
    return [
        {
            "timestamp": start + number,
            "message": message if isinstance(message, str) else orjson.dumps(message).decode(),
        }
        for number, message in enumerate(messages)
    ]
