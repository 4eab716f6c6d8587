"""Services, their operations, dependencies and dependents, as boto3 reads them."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.standins.application_signals.conftest import HOUR, RANGE, START_NS, Keep, figures, key
from tests.unit.standins.application_signals.spans import CLIENT, INTERNAL, REMOTE, SERVER, SpanRow
from tests.unit.standins.aws_shapes import aws_client
from tests.unit.standins.signed import call


def home(trace: int, start_ns: int = START_NS) -> list[SpanRow]:
    """frontend calls activities and users, activities calls users, ads are not instrumented."""
    at: dict[str, Any] = {"trace": trace, "start_ns": start_ns}
    frontend = SpanRow("frontend", SERVER, name="GET /home", **at)
    work = SpanRow("frontend", INTERNAL, frontend, name="work", **at)
    to_activities = SpanRow(
        "frontend", CLIENT, work, remote_service="activities:8001", remote_operation="GET /list", **at
    )
    activities = SpanRow("activities", SERVER, to_activities, name="GET /list", flags=REMOTE, **at)
    to_users = SpanRow(
        "activities", CLIENT, activities, remote_service="users:8002", remote_operation="GET /user", **at
    )
    users = SpanRow("users", SERVER, to_users, name="GET /user", flags=REMOTE, environment="prod", **at)
    to_ads = SpanRow(
        "frontend", CLIENT, frontend, peer_service="ads", remote_operation="GET /ad", status=2, **at
    )
    return [frontend, work, to_activities, activities, to_users, users, to_ads]


@pytest.fixture
def three(keep: Keep) -> None:
    keep(*home(1), *home(2))


def names(answer: dict[str, Any]) -> list[str]:
    return [one["KeyAttributes"]["Name"] for one in answer["ServiceSummaries"]]


@pytest.mark.usefixtures("three")
def test_services_are_listed_with_the_hours_that_were_used(signals: Any) -> None:
    asked = {"StartTime": HOUR + timedelta(minutes=29), "EndTime": HOUR + timedelta(minutes=31)}
    answer = signals.list_services(**asked)
    assert [one["KeyAttributes"] for one in answer["ServiceSummaries"]] == [
        key("activities"),
        key("frontend"),
        key("users", "prod"),
    ]
    assert answer["StartTime"] == HOUR
    assert answer["EndTime"] == HOUR + timedelta(hours=1, seconds=1)
    later = {name: moment + timedelta(hours=1) for name, moment in RANGE.items()}
    assert signals.list_services(**later)["ServiceSummaries"] == []


@pytest.mark.usefixtures("three")
def test_times_may_be_numbers(url: str) -> None:
    client = aws_client("application-signals", url)
    whole = int(HOUR.timestamp())
    found = client.list_services(StartTime=whole, EndTime=whole + 3600)
    assert names(found) == ["activities", "frontend", "users"]
    assert found["StartTime"] == datetime.fromtimestamp(whole, UTC)


@pytest.mark.usefixtures("three")
def test_dependencies_say_who_was_called_by_what_and_where_its_figures_are(
    signals: Any, metrics: Any
) -> None:
    rows = signals.list_service_dependencies(KeyAttributes=key("frontend"), **RANGE)["ServiceDependencies"]
    assert [
        (one["OperationName"], one["DependencyKeyAttributes"], one["DependencyOperationName"]) for one in rows
    ] == [
        ("GET /home", key("activities"), "GET /list"),
        ("GET /home", {"Type": "RemoteService", "Name": "ads"}, "GET /ad"),
    ]
    references = {one["MetricName"]: one for one in rows[0]["MetricReferences"]}
    assert {name: one["MetricType"] for name, one in references.items()} == {
        "Latency": "LATENCY",
        "Fault": "FAULT",
        "Error": "ERROR",
    }
    dimensions = {one["Name"]: one["Value"] for one in references["Latency"]["Dimensions"]}
    assert dimensions == {
        "Environment": "generic:default",
        "Operation": "GET /home",
        "RemoteOperation": "GET /list",
        "RemoteService": "activities",
        "Service": "frontend",
    }
    assert figures(metrics, **dimensions) == {"calls": 2, "faults": 0, "errors": 0, "mean": 10, "p95": 10}


def test_what_of_a_callee_was_called_has_figures_of_its_own(signals: Any, metrics: Any, keep: Keep) -> None:
    """A service's calls of two tables and, without saying of what, of the database."""
    at: dict[str, Any] = {"start_ns": START_NS, "remote_service": "AWS::DynamoDB", "remote_operation": "Get"}
    table = {"remote_resource_type": "AWS::DynamoDB::Table"}
    shop = SpanRow("shop", SERVER, name="GET /shop", start_ns=START_NS)
    orders = [SpanRow("shop", CLIENT, shop, remote_resource="orders", **table, **at) for _ in range(2)]
    goods = SpanRow("shop", CLIENT, shop, remote_resource="goods", status=2, **table, **at)
    keep(shop, *orders, goods, SpanRow("shop", CLIENT, shop, remote_resource="of no type", **at))
    (row,) = signals.list_service_dependencies(KeyAttributes=key("shop"), **RANGE)["ServiceDependencies"]
    assert row["DependencyKeyAttributes"]["Name"] == "AWS::DynamoDB"
    dimensions = {one["Name"]: one["Value"] for one in row["MetricReferences"][0]["Dimensions"]}
    assert figures(metrics, **dimensions)["calls"] == 4
    for resource, calls, faults in (("orders", 2, 0), ("goods", 1, 1)):
        told = {"RemoteResourceIdentifier": resource, "RemoteResourceType": "AWS::DynamoDB::Table"}
        for whole in (dimensions | told, told | {"RemoteService": "AWS::DynamoDB"}):
            found = figures(metrics, **whole)
            assert (found["calls"], found["faults"]) == (calls, faults)
    listed = metrics.list_metrics(Dimensions=[{"Name": "RemoteResourceType"}])["Metrics"]
    assert "of no type" not in {each["Value"] for one in listed for each in one["Dimensions"]}
    edge = {"Environment": "generic:default", "Service": "shop", "RemoteService": "AWS::DynamoDB"}
    assert figures(metrics, **edge)["calls"] == 4


@pytest.mark.usefixtures("three")
def test_dependents_are_the_callers(signals: Any) -> None:
    rows = signals.list_service_dependents(KeyAttributes=key("users", "prod"), **RANGE)["ServiceDependents"]
    assert [
        (one["OperationName"], one["DependentKeyAttributes"], one["DependentOperationName"]) for one in rows
    ] == [("GET /user", key("activities"), "GET /list")]
    ads = {"Type": "RemoteService", "Name": "ads"}
    rows = signals.list_service_dependents(KeyAttributes=ads, **RANGE)["ServiceDependents"]
    assert [one["DependentKeyAttributes"]["Name"] for one in rows] == ["frontend"]


@pytest.mark.usefixtures("three")
def test_operations_and_a_single_service_have_references_too(signals: Any, metrics: Any) -> None:
    (operation,) = signals.list_service_operations(KeyAttributes=key("users", "prod"), **RANGE)[
        "ServiceOperations"
    ]
    service = signals.get_service(KeyAttributes=key("users", "prod"), **RANGE)["Service"]
    assert (operation["Name"], service["KeyAttributes"]) == ("GET /user", key("users", "prod"))
    for one in (operation, service):
        dimensions = {each["Name"]: each["Value"] for each in one["MetricReferences"][0]["Dimensions"]}
        assert figures(metrics, **dimensions)["calls"] == 2


def test_long_answers_come_in_pages(signals: Any, keep: Keep) -> None:
    keep(*(SpanRow(f"service-{number:03}", trace=number, start_ns=START_NS) for number in range(130)))
    every = [f"service-{number:03}" for number in range(130)]
    pages = [names(page) for page in signals.get_paginator("list_services").paginate(**RANGE)]
    assert ([len(page) for page in pages], [*chain(*pages)]) == ([50, 50, 30], every)
    pages = [names(page) for page in signals.get_paginator("list_services").paginate(**RANGE, MaxResults=100)]
    assert ([len(page) for page in pages], [*chain(*pages)]) == ([100, 30], every)


@pytest.mark.parametrize(
    ("operation", "change", "reason"),
    [
        ("list_services", {"MaxResults": 101}, "less than or equal to 100"),
        ("list_services", {"NextToken": "made up"}, "nextToken"),
        ("list_services", {"EndTime": HOUR}, "before"),
        ("get_service", {"KeyAttributes": key("nobody")}, "nobody"),
        ("get_service", {"KeyAttributes": {"Type": "Service", "Name": "users"}}, "Environment"),
        ("list_service_operations", {"KeyAttributes": {**key("a"), "Type": "Resource"}}, "Resource"),
        ("list_service_dependencies", {"KeyAttributes": {"Name": "users"}}, "Type"),
        ("list_service_dependents", {"KeyAttributes": {**key("a"), "Na me": "users"}}, "Na me"),
    ],
)
def test_what_aws_refuses_is_refused(
    signals: Any, operation: str, change: dict[str, Any], reason: str
) -> None:
    if operation != "list_services":
        change = {"KeyAttributes": key("users")} | change
    with pytest.raises(signals.exceptions.ValidationException, match=reason):
        getattr(signals, operation)(**RANGE | change)


def test_discovery_can_be_started(signals: Any) -> None:
    assert signals.start_discovery()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.usefixtures("three")
def test_after_a_reset_nothing_is_left_and_new_spans_count(url: str, signals: Any, keep: Keep) -> None:
    assert len(signals.list_services(**RANGE)["ServiceSummaries"]) == 3
    assert call("POST", f"{url}/reset", "xray").status_code == 204
    assert signals.list_services(**RANGE)["ServiceSummaries"] == []
    keep(SpanRow("users", start_ns=START_NS))
    assert names(signals.list_services(**RANGE)) == ["users"]


def test_keys_of_another_service_and_unknown_paths_are_refused(url: str, signals: Any) -> None:
    with pytest.raises(ClientError, match="signature"):
        aws_client("application-signals", url, aws_secret_access_key="wrong").list_services(**RANGE)
    with pytest.raises(ClientError) as refused:
        signals.list_service_level_objectives()
    assert refused.value.response["Error"]["Code"] == "UnknownOperationException"
