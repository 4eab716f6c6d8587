"""The local AWS over a real socket, with spans in its store, and the clients that ask about them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from tests.conftest import Serve
from tests.unit.standins.application_signals.spans import SpanRow, columns_of
from tests.unit.standins.aws_shapes import aws_client
from threemaps.standins import aws
from threemaps.standins.store import Store

# A whole hour some time ago, so that no minute is cut.
HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
RANGE = {"StartTime": HOUR, "EndTime": HOUR + timedelta(hours=1)}
START_NS = int(HOUR.timestamp()) * 10**9

Keep = Callable[..., None]


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store(":memory:", aws.SCHEMA)
    yield opened
    opened.close()


@pytest.fixture
def url(serve: Serve, store: Store) -> str:
    return serve(aws.create_app(store))


@pytest.fixture
def keep(store: Store) -> Keep:
    """Puts spans into the store."""

    def keep(*spans: SpanRow) -> None:
        store.append("spans", columns_of(spans))

    return keep


@pytest.fixture
def signals(url: str) -> Any:
    return aws_client("application-signals", url, parse=orjson.loads)


@pytest.fixture
def metrics(url: str) -> Any:
    return aws_client("cloudwatch", url)


def key(name: str, environment: str = "generic:default") -> dict[str, str]:
    return {"Type": "Service", "Name": name, "Environment": environment}


def figures(metrics: Any, **dimensions: str) -> dict[str, float]:
    """Calls, faults, errors and the times (in ms) of what these dimensions stand for, over the whole hour."""
    asked = {
        "calls": ("Latency", "SampleCount"),
        "faults": ("Fault", "Sum"),
        "errors": ("Error", "Sum"),
        "mean": ("Latency", "Average"),
        "p95": ("Latency", "p95"),
    }
    answer = metrics.get_metric_data(
        MetricDataQueries=[query(name, *what, dimensions) for name, what in asked.items()], **RANGE
    )
    return {one["Id"]: one["Values"][0] for one in answer["MetricDataResults"] if one["Values"]}


def query(
    name: str, metric: str, stat: str, dimensions: dict[str, str], period: int = 3600
) -> dict[str, Any]:
    told = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    asked = {"Namespace": "ApplicationSignals", "MetricName": metric, "Dimensions": told}
    return {"Id": name, "MetricStat": {"Metric": asked, "Period": period, "Stat": stat}}
