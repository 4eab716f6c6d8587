"""Which metrics are added up, in which periods, and what becomes of a metric that is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Serve
from tests.unit.readers.conftest import Vendor, json, settings_at
from threemaps.model.difference import Window
from threemaps.readers.aws import aws_client
from threemaps.readers.base import UnreadableError
from threemaps.readers.metric_data import LATENCY, Reference, period_of, read_series, whole_minutes, widest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def metric(**dimensions: str) -> Reference:
    return Reference(LATENCY, "ApplicationSignals", "Latency", frozenset(dimensions.items()))


def test_of_sets_that_hold_each_other_the_widest_counts() -> None:
    wide = metric(Service="web", RemoteService="api")
    narrow = metric(Service="web", RemoteService="api", Operation="GET /")
    assert widest([narrow, wide], ["Service", "RemoteService"]) == {wide}
    assert widest([narrow, metric(RemoteService="api")], ["Service", "RemoteService"]) == {narrow}


def test_sets_that_do_not_hold_each_other_are_added_up() -> None:
    rows = {metric(Service="web", Operation=f"GET /{name}") for name in "abc"}
    assert widest(rows, ["Service"]) == rows


@pytest.mark.parametrize(
    ("start", "minutes", "seconds"),
    [
        (NOON, 15, 300),
        (NOON + MINUTE, 15, 60),
        (NOON, 60, 3600),
        (NOON - timedelta(days=20) + MINUTE, 7, 300),  # minutes are gone by then
        (NOON - timedelta(days=70) + MINUTE, 7, 3600),
    ],
)
def test_the_period_is_the_longest_that_fits(start: datetime, minutes: int, seconds: int) -> None:
    assert period_of(Window(start, start + minutes * MINUTE), NOW) == seconds


def test_whole_minutes() -> None:
    second = timedelta(seconds=1)
    assert whole_minutes(Window(NOON + second, NOON + MINUTE)) == Window(NOON, NOON + MINUTE)
    assert whole_minutes(Window(NOON, NOON + MINUTE + second)) == Window(NOON, NOON + 2 * MINUTE)


@pytest.mark.parametrize("status", ["Forbidden", "InternalError"])
def test_a_metric_that_is_refused_is_no_zero(serve: Serve, status: str) -> None:
    refused = {"Id": "q0", "Label": "Latency", "StatusCode": status, "Timestamps": [], "Values": []}
    settings = settings_at(serve(Vendor(json({"MetricDataResults": [refused], "Messages": []})).app))
    with pytest.raises(UnreadableError, match=f"refuses the metric Latency \\({status}"):
        read_series(
            aws_client(settings, "cloudwatch"),
            settings,
            [metric(Service="web")],
            Window(NOON, NOON + MINUTE),
        )
