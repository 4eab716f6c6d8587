"""Metrics: put by PutMetricData, read back as statistics."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError

from tests.unit.standins.aws_shapes import aws_client

# A whole hour some time ago, so that no minute is cut.
HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
RANGE = {"StartTime": HOUR, "EndTime": HOUR + timedelta(hours=1)}
EDGE = [{"Name": "client", "Value": "activities"}, {"Name": "server", "Value": "users"}]


def put(metrics: Any, *data: Any, **defaults: Any) -> None:
    """Values one a minute, or whole data."""
    every = {"MetricName": "calls", "Dimensions": EDGE, "Unit": "Count"} | defaults
    metrics.put_metric_data(
        Namespace="threemaps",
        MetricData=[
            every
            | {"Timestamp": HOUR + timedelta(minutes=number)}
            | (one if isinstance(one, dict) else {"Value": one})
            for number, one in enumerate(data)
        ],
    )


def statistics(metrics: Any, name: str = "calls", dimensions: Any = EDGE, **arguments: Any) -> list[Any]:
    """Those that are asked for; None leaves one out."""
    wanted = {"Statistics": ["SampleCount", "Sum", "Minimum", "Maximum", "Average"], "Period": 60, **RANGE}
    given = {key: value for key, value in (wanted | arguments).items() if value is not None}
    answer = metrics.get_metric_statistics(
        Namespace="threemaps", MetricName=name, Dimensions=dimensions, **given
    )
    points: list[Any] = answer["Datapoints"]
    return points


@pytest.mark.parametrize(
    ("datum", "count", "total", "least", "most"),
    [
        ({"Value": 3}, 1, 3, 3, 3),
        ({"Values": [1.0, 5.0], "Counts": [3.0, 1.0]}, 4, 8, 1, 5),
        ({"Values": [1.0, 5.0]}, 2, 6, 1, 5),
        ({"StatisticValues": {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 7}}, 4, 10, 1, 7),
    ],
)
def test_a_metric_is_a_value_values_or_statistics(
    metrics: Any, datum: dict[str, Any], count: float, total: float, least: float, most: float
) -> None:
    put(metrics, datum)
    (point,) = statistics(metrics)
    told = [point[name] for name in ("SampleCount", "Sum", "Minimum", "Maximum", "Average")]
    assert told == [count, total, least, most, total / count]
    assert (point["Unit"], point["Timestamp"]) == ("Count", HOUR)


def test_the_data_of_a_period_add_up_and_the_same_twice_counts_twice(metrics: Any) -> None:
    put(metrics, 2, 5)
    put(metrics, 2)
    put(metrics, {"StatisticValues": {"SampleCount": 2, "Sum": 9, "Minimum": 4, "Maximum": 5}})
    points = statistics(metrics)
    assert [(point["Timestamp"], point["Sum"]) for point in points] == [
        (HOUR, 13),
        (HOUR + timedelta(minutes=1), 5),
    ]
    assert [point["Sum"] for point in statistics(metrics, Period=300)] == [18]


def test_the_start_is_rounded_down_to_the_period(metrics: Any) -> None:
    put(metrics, *range(1, 11))
    late = {"StartTime": HOUR + timedelta(minutes=7, seconds=31), "EndTime": HOUR + timedelta(minutes=9)}
    assert [point["Sum"] for point in statistics(metrics, Period=300, **late)] == [6 + 7 + 8 + 9]
    answer = metrics.get_metric_data(MetricDataQueries=[query(period=300)], **late)
    (result,) = answer["MetricDataResults"]
    assert (result["Timestamps"], result["Values"]) == ([HOUR + timedelta(minutes=5)], [6 + 7 + 8 + 9])


def test_without_a_unit_a_time_is_given_once(metrics: Any) -> None:
    put(metrics, 1)
    put(metrics, 2, Unit="Seconds")
    assert {(point["Unit"], point["Sum"]) for point in statistics(metrics)} == {("None", 3)}
    assert [(point["Unit"], point["Sum"]) for point in statistics(metrics, Unit="Seconds")] == [
        ("Seconds", 2)
    ]
    (result,) = metrics.get_metric_data(MetricDataQueries=[query()], **RANGE)["MetricDataResults"]
    assert (result["Timestamps"], result["Values"]) == ([HOUR], [3])


def test_percentiles_need_values(metrics: Any) -> None:
    sums = {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}
    put(metrics, {"Values": [1.0, 10.0, 100.0], "Counts": [90.0, 9.0, 1.0]}, {"StatisticValues": sums})
    wanted = ["p0", "p50", "p90", "p99", "p99.9", "p100"]
    (first,) = statistics(metrics, Statistics=None, ExtendedStatistics=wanted)
    assert [first["ExtendedStatistics"][name] for name in wanted] == [1, 1, 1, 10, 100, 100]


def test_metrics_are_listed_by_namespace_name_and_dimensions(metrics: Any) -> None:
    put(metrics, 1)
    put(metrics, 1, Dimensions=[{"Name": "client", "Value": "outside"}, EDGE[1]])
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


def query(name: str = "q", stat: str = "Sum", period: int = 60, **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "threemaps", "MetricName": "calls", "Dimensions": EDGE}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, **more}


def test_metric_data_comes_newest_first_or_as_asked(metrics: Any) -> None:
    put(metrics, 1, 2)

    def read(**arguments: Any) -> list[float]:
        answer = metrics.get_metric_data(MetricDataQueries=[query()], **RANGE, **arguments)
        (result,) = answer["MetricDataResults"]
        assert (result["Label"], result["StatusCode"]) == ("calls", "Complete")
        values: list[float] = result["Values"]
        return values

    assert read() == [2, 1]
    assert read(ScanBy="TimestampAscending") == [1, 2]


def test_metric_data_answers_several_queries_at_once(metrics: Any) -> None:
    put(metrics, {"Values": [1.0, 2.0, 9.0]})
    queries = [query("a"), query("b", "p50", Label="middle"), query("c", "Average", ReturnData=False)]
    results = metrics.get_metric_data(MetricDataQueries=queries, **RANGE)["MetricDataResults"]
    assert [(one["Id"], one["Label"], one["Values"]) for one in results] == [
        ("a", "calls Sum", [12]),
        ("b", "middle", [2]),
    ]


def test_labels_say_what_tells_the_queries_apart(metrics: Any) -> None:
    def labels(*queries: dict[str, Any]) -> list[str]:
        results = metrics.get_metric_data(MetricDataQueries=list(queries), **RANGE)["MetricDataResults"]
        return [one["Label"] for one in results]

    other = query("c")
    other["MetricStat"]["Metric"] = {**other["MetricStat"]["Metric"], "Dimensions": []}
    values = " ".join(one["Value"] for one in sorted(EDGE, key=lambda one: one["Name"]))
    assert labels(query("a"), query("b")) == ["calls", "calls"]
    assert labels(query("a"), query("b", "p50")) == ["calls Sum", "calls p50"]
    assert labels(query("a"), query("b", period=300)) == ["calls 60", "calls 300"]
    assert labels(query("a"), other) == [f"calls {values}", "calls"]


def test_much_metric_data_comes_in_pages(metrics: Any) -> None:
    put(metrics, *range(1, 8))
    pages = metrics.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[query()], **RANGE, ScanBy="TimestampAscending", MaxDatapoints=3
    )
    values = [page["MetricDataResults"][0]["Values"] for page in pages]
    assert values == [[1, 2, 3], [4, 5, 6], [7]]


SET = {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({}, "MissingParameter"),
        ({"Value": 1, "Values": [1]}, "InvalidParameterValue"),
        ({"Value": 1, "StatisticValues": SET}, "InvalidParameterCombination"),
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
        ({"Value": 1, "Dimensions": [{"Name": ":a", "Value": "v"}]}, "InvalidParameterValue"),
        ({"Value": 1, "Dimensions": [{"Name": "größe", "Value": "v"}]}, "InvalidParameterValue"),
        ({"Value": 1, "Dimensions": [{"Name": "a", "Value": " "}]}, "InvalidParameterValue"),
        ({"Value": 1, "Dimensions": [{"Name": "a", "Value": "b\n"}]}, "InvalidParameterValue"),
    ],
)
def test_bad_metrics_are_refused(metrics: Any, datum: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        put(metrics, datum)
    assert refused.value.response["Error"]["Code"] == code
    assert metrics.list_metrics()["Metrics"] == []


@pytest.mark.parametrize("namespace", ["AWS/EC2", ":mine", "a,b", " ", "ApplicationSignals"])
def test_a_bad_or_reserved_namespace_is_refused(metrics: Any, namespace: str) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        metrics.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "a", "Value": 1}])


@pytest.mark.parametrize(
    ("operation", "change", "code"),
    [
        ("statistics", {"Period": 61}, "InvalidParameterValue"),
        ("statistics", {"Period": 1}, "InvalidParameterCombination"),
        ("statistics", {"Statistics": None, "ExtendedStatistics": ["p101"]}, "InvalidParameterValue"),
        ("statistics", {"ExtendedStatistics": ["p99"]}, "InvalidParameterCombination"),
        ("statistics", {"Statistics": None}, "InvalidParameterCombination"),
        ("data", {"MetricDataQueries": [query() | {"Expression": "q"}]}, "InvalidParameterCombination"),
        ("data", {"EndTime": HOUR}, "ValidationError"),
        ("statistics", {"EndTime": HOUR}, "InvalidParameterValue"),
        ("statistics", {"EndTime": HOUR + timedelta(milliseconds=900)}, "InvalidParameterValue"),
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
