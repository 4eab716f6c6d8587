"""Metrics: from log events in the embedded format and from PutMetricData, read back as statistics."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError

from tests.unit.standins.aws_shapes import aws_client
from tests.unit.standins.cloudwatch.conftest import Put

# A whole hour some time ago, so that no minute is cut.
HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
START = int(HOUR.timestamp() * 1000)
RANGE = {"StartTime": HOUR, "EndTime": HOUR + timedelta(hours=1)}
EDGE = [{"Name": "client", "Value": "activities"}, {"Name": "server", "Value": "users"}]


def embedded(value: Any, *, at: int = START, **more: Any) -> dict[str, Any]:
    """A map metric as the collector writes it."""
    directive = {
        "Namespace": "threemaps",
        "Dimensions": [["client", "server"]],
        "Metrics": [{"Name": "calls", "Unit": "Count"}],
    }
    return {
        "_aws": {"Timestamp": at, "CloudWatchMetrics": [directive | more.pop("directive", {})]},
        "client": "activities",
        "server": "users",
        "calls": value,
        **more,
    }


def statistics(metrics: Any, name: str = "calls", dimensions: Any = EDGE, **arguments: Any) -> list[Any]:
    wanted = {"Statistics": ["SampleCount", "Sum", "Minimum", "Maximum", "Average"], "Period": 60}
    answer = metrics.get_metric_statistics(
        Namespace="threemaps", MetricName=name, Dimensions=dimensions, **RANGE, **wanted | arguments
    )
    points: list[Any] = answer["Datapoints"]
    return points


@pytest.mark.parametrize(
    ("value", "count", "total", "least", "most"),
    [
        (3, 1, 3, 3, 3),
        (2.5, 1, 2.5, 2.5, 2.5),
        ([1, 2, 6], 3, 9, 1, 6),
        ({"Values": [1, 5], "Counts": [3, 1]}, 4, 8, 1, 5),
        ({"Values": [1, 5]}, 2, 6, 1, 5),
        ({"Count": 4, "Sum": 10, "Min": 1, "Max": 7}, 4, 10, 1, 7),
        ({"Count": 4, "Sum": 10}, 4, 10, 2.5, 2.5),
    ],
)
def test_an_embedded_metric_is_a_value_values_or_statistics(
    metrics: Any, put: Put, value: Any, count: float, total: float, least: float, most: float
) -> None:
    put(embedded(value), start=START)
    (point,) = statistics(metrics)
    told = [point[name] for name in ("SampleCount", "Sum", "Minimum", "Maximum", "Average")]
    assert told == [count, total, least, most, total / count]
    assert (point["Unit"], point["Timestamp"]) == ("Count", HOUR)


@pytest.mark.parametrize(
    "event",
    [
        embedded("three"),
        embedded(None),
        embedded([]),
        embedded([1, "2"]),
        embedded({"Values": [1], "Counts": [1, 2]}),
        embedded({"Values": 1}),
        embedded({"Count": 0, "Sum": 0}),
        embedded({"Count": "1", "Sum": 2}),
        embedded(True),
        embedded(1, at=-1),
        embedded(1, directive={"Metrics": "calls"}),
        embedded(1, directive={"Metrics": [3, {"Name": 3}, {}]}),
        embedded(1, directive={"Dimensions": [["client", "missing"]]}),
        embedded(1, directive={"Dimensions": "client"}),
        embedded(1, directive={"Dimensions": [[3]]}),
        embedded(1, directive={"Namespace": 7}),
        embedded(1, server=5),
        {"_aws": None},
        {"_aws": {"CloudWatchMetrics": 3}},
        '"_aws"',
        '{"_aws": ',
    ],
)
def test_a_malformed_metric_is_left_out_and_its_event_kept(
    metrics: Any, logs: Any, group: Any, put: Put, event: Any
) -> None:
    put(event, start=START)
    assert statistics(metrics) == []
    assert metrics.list_metrics()["Metrics"] == []
    assert len(logs.filter_log_events(logGroupName=group[0])["events"]) == 1


def test_events_of_a_period_add_up_and_the_same_event_twice_counts_twice(metrics: Any, put: Put) -> None:
    put(embedded(2), embedded(2), embedded(5, at=START + 60_000), start=START)
    points = statistics(metrics)
    assert [(point["Timestamp"], point["Sum"]) for point in points] == [
        (HOUR, 4),
        (HOUR + timedelta(minutes=1), 5),
    ]
    assert [point["Sum"] for point in statistics(metrics, Period=300)] == [9]


def test_the_time_is_the_metric_s_own_and_not_its_log_event_s(metrics: Any, put: Put) -> None:
    put(embedded(1, at=START + 60_000), start=START + 10 * 60_000)
    assert [point["Timestamp"] for point in statistics(metrics)] == [HOUR + timedelta(minutes=1)]


def test_each_set_of_dimensions_is_a_metric_of_its_own(metrics: Any, put: Put) -> None:
    put(embedded(2, directive={"Dimensions": [["client", "server"], ["client"], []]}), start=START)
    for dimensions in (EDGE, EDGE[:1], []):
        assert [point["Sum"] for point in statistics(metrics, dimensions=dimensions)] == [2]
    assert statistics(metrics, dimensions=EDGE[1:]) == []


def test_units_do_not_mix(metrics: Any, put: Put) -> None:
    seconds = embedded(2, directive={"Metrics": [{"Name": "calls", "Unit": "Seconds"}]})
    put(embedded(1), seconds, start=START)
    assert {(point["Unit"], point["Sum"]) for point in statistics(metrics)} == {("Count", 1), ("Seconds", 2)}
    assert [point["Sum"] for point in statistics(metrics, Unit="Seconds")] == [2]


def test_percentiles_need_values(metrics: Any, put: Put) -> None:
    put(embedded({"Values": [1, 10, 100], "Counts": [90, 9, 1]}), start=START)
    put(embedded({"Count": 2, "Sum": 3, "Min": 1, "Max": 2}, at=START + 60_000), start=START)
    wanted = ["p0", "p50", "p90", "p99", "p99.9", "p100"]
    first, second = statistics(metrics, Statistics=["Sum"], ExtendedStatistics=wanted)
    assert [first["ExtendedStatistics"][name] for name in wanted] == [1, 1, 1, 10, 100, 100]
    assert second.get("ExtendedStatistics") is None


def put_data(metrics: Any, *data: dict[str, Any]) -> None:
    defaults = {"MetricName": "calls", "Timestamp": HOUR, "Dimensions": EDGE}
    metrics.put_metric_data(Namespace="threemaps", MetricData=[defaults | one for one in data])


def test_metrics_that_are_put_and_embedded_ones_add_up(metrics: Any, put: Put) -> None:
    put(embedded(1), start=START)
    put_data(
        metrics,
        {"Value": 2, "Unit": "Count"},
        {"Values": [3.0, 4.0], "Counts": [1.0, 2.0], "Unit": "Count"},
        {
            "StatisticValues": {"SampleCount": 2, "Sum": 9, "Minimum": 4, "Maximum": 5},
            "Unit": "Count",
            "Timestamp": HOUR + timedelta(seconds=59),
        },
    )
    (point,) = statistics(metrics)
    assert [point["SampleCount"], point["Sum"], point["Minimum"], point["Maximum"]] == [7, 23, 1, 5]


def test_metrics_are_listed_by_namespace_name_and_dimensions(metrics: Any, put: Put) -> None:
    put(embedded(1), embedded(1, client="outside"), start=START)
    metrics.put_metric_data(Namespace="other", MetricData=[{"MetricName": "load", "Value": 1}])

    def listed(**arguments: Any) -> list[tuple[str, str, tuple[str, ...]]]:
        return [
            (one["Namespace"], one["MetricName"], tuple(part["Value"] for part in one["Dimensions"]))
            for one in metrics.list_metrics(**arguments)["Metrics"]
        ]

    map_metrics = [
        ("threemaps", "calls", ("activities", "users")),
        ("threemaps", "calls", ("outside", "users")),
    ]
    assert listed() == [("other", "load", ()), *map_metrics]
    assert listed(Namespace="threemaps") == map_metrics
    assert listed(MetricName="load") == [("other", "load", ())]
    assert listed(Dimensions=[{"Name": "server"}]) == map_metrics
    assert listed(Dimensions=[{"Name": "client", "Value": "outside"}]) == map_metrics[1:]
    assert listed(Namespace="none") == []


def test_many_metrics_come_in_pages(metrics: Any) -> None:
    for part in range(2):
        names = [f"metric-{number:04}" for number in range(part * 400, part * 400 + 400)]
        metrics.put_metric_data(
            Namespace="many", MetricData=[{"MetricName": name, "Value": 1} for name in names]
        )
    pages = list(metrics.get_paginator("list_metrics").paginate(Namespace="many"))
    assert [len(page["Metrics"]) for page in pages] == [500, 300]


def test_only_recent_metrics_are_listed_if_asked_for(metrics: Any) -> None:
    old = {"MetricName": "old", "Value": 1, "Timestamp": HOUR - timedelta(hours=4)}
    metrics.put_metric_data(Namespace="n", MetricData=[old, {"MetricName": "new", "Value": 1}])
    found = metrics.list_metrics(Namespace="n", RecentlyActive="PT3H")["Metrics"]
    assert [one["MetricName"] for one in found] == ["new"]


def query(name: str = "q", stat: str = "Sum", **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "threemaps", "MetricName": "calls", "Dimensions": EDGE}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}, **more}


def test_metric_data_comes_newest_first_or_as_asked(metrics: Any, put: Put) -> None:
    put(embedded(1), embedded(2, at=START + 60_000), start=START)

    def read(**arguments: Any) -> list[float]:
        answer = metrics.get_metric_data(MetricDataQueries=[query()], **RANGE, **arguments)
        (result,) = answer["MetricDataResults"]
        assert (result["Label"], result["StatusCode"]) == ("calls", "Complete")
        values: list[float] = result["Values"]
        return values

    assert read() == [2, 1]
    assert read(ScanBy="TimestampAscending") == [1, 2]


def test_metric_data_answers_several_queries_at_once(metrics: Any, put: Put) -> None:
    put(embedded([1, 2, 9]), start=START)
    queries = [query("a"), query("b", "p50", Label="middle"), query("c", "Average", ReturnData=False)]
    results = metrics.get_metric_data(MetricDataQueries=queries, **RANGE)["MetricDataResults"]
    assert [(one["Id"], one["Label"], one["Values"]) for one in results] == [
        ("a", "calls", [12]),
        ("b", "middle", [2]),
    ]


def test_much_metric_data_comes_in_pages(metrics: Any, put: Put) -> None:
    put(*(embedded(number, at=START + number * 60_000) for number in range(1, 8)), start=START)
    pages = metrics.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[query()], **RANGE, ScanBy="TimestampAscending", MaxDatapoints=3
    )
    values = [page["MetricDataResults"][0]["Values"] for page in pages]
    assert values == [[1, 2, 3], [4, 5, 6], [7]]


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({}, "MissingParameter"),
        ({"Value": 1, "Values": [1]}, "InvalidParameterCombination"),
        ({"Values": [1.0] * 151}, "InvalidParameterValue"),
        ({"Values": [1.0], "Counts": [1.0, 2.0]}, "InvalidParameterValue"),
        ({"Value": float("nan")}, "InvalidParameterValue"),
        ({"Value": float("inf")}, "InvalidParameterValue"),
        ({"Value": 2.0**361}, "InvalidParameterValue"),
        ({"Value": 1, "StorageResolution": 7}, "InvalidParameterValue"),
        ({"Value": 1, "Timestamp": HOUR - timedelta(days=15)}, "InvalidParameterValue"),
        ({"Value": 1, "Timestamp": HOUR + timedelta(days=1)}, "InvalidParameterValue"),
        ({"Value": 1, "Unit": "Parsecs"}, "InvalidParameterValue"),
        (
            {"Value": 1, "Dimensions": [{"Name": str(n), "Value": "v"} for n in range(31)]},
            "InvalidParameterValue",
        ),
    ],
)
def test_bad_metrics_are_refused(metrics: Any, datum: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        put_data(metrics, datum)
    assert refused.value.response["Error"]["Code"] == code
    assert metrics.list_metrics()["Metrics"] == []


@pytest.mark.parametrize(
    ("operation", "change", "code"),
    [
        ("statistics", {"Period": 61}, "InvalidParameterValue"),
        ("statistics", {"Period": 1}, "InvalidParameterCombination"),
        ("statistics", {"ExtendedStatistics": ["p101"]}, "InvalidParameterValue"),
        ("data", {"EndTime": HOUR}, "InvalidParameterValue"),
        ("data", {"MetricDataQueries": [query(), query()]}, "InvalidParameterValue"),
        ("data", {"MetricDataQueries": [{"Id": "a", "Expression": "a + b"}]}, "InvalidParameterValue"),
        ("data", {"MetricDataQueries": [query("A")]}, "InvalidParameterValue"),
        ("data", {"NextToken": "made up"}, "InvalidNextToken"),
    ],
)
def test_bad_questions_are_refused(metrics: Any, operation: str, change: dict[str, Any], code: str) -> None:
    def ask() -> Any:
        if operation == "statistics":
            return statistics(metrics, **change)
        return metrics.get_metric_data(**{"MetricDataQueries": [query()], **RANGE} | change)

    with pytest.raises(ClientError) as refused:
        ask()
    assert refused.value.response["Error"]["Code"] == code


BODY = orjson.dumps({"widgets": []}).decode()


def test_dashboards_are_kept_listed_and_deleted(metrics: Any) -> None:
    for name in ("maps", "other"):
        metrics.put_dashboard(DashboardName=name, DashboardBody=BODY)
    assert metrics.get_dashboard(DashboardName="maps")["DashboardBody"] == BODY
    (entry,) = metrics.list_dashboards(DashboardNamePrefix="map")["DashboardEntries"]
    assert (entry["DashboardName"], entry["Size"]) == ("maps", len(BODY))
    assert entry["LastModified"] - datetime.now(UTC) < timedelta(seconds=1)
    with pytest.raises(metrics.exceptions.ClientError, match="ResourceNotFound"):
        metrics.delete_dashboards(DashboardNames=["maps", "missing"])
    metrics.delete_dashboards(DashboardNames=["maps", "other"])
    assert metrics.list_dashboards()["DashboardEntries"] == []
    with pytest.raises(metrics.exceptions.ClientError, match="ResourceNotFound"):
        metrics.get_dashboard(DashboardName="maps")


@pytest.mark.parametrize(("name", "body"), [("a b", BODY), ("a", "no JSON"), ("a", "[]"), ("a", "{}")])
def test_a_bad_dashboard_is_refused(metrics: Any, name: str, body: str) -> None:
    with pytest.raises(metrics.exceptions.DashboardInvalidInputError):
        metrics.put_dashboard(DashboardName=name, DashboardBody=body)


def test_metrics_need_the_local_key(url: str) -> None:
    with pytest.raises(ClientError) as refused:
        aws_client("cloudwatch", url, aws_secret_access_key="other").list_metrics()
    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
