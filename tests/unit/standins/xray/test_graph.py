"""The service graph of segment sets whose graph is known."""

from typing import Any

import pytest

from tests.unit.standins.xray.conftest import Send
from tests.unit.standins.xray.documents import NOW, edges_of, embedded, new_trace, segment, subsegment, window
from tests.unit.standins.xray.drawn import edges, service, services_in, statistics


def test_nothing_was_sent(xray: Any) -> None:
    answer = xray.get_service_graph(**window())
    assert answer["Services"] == []
    assert answer["StartTime"].timestamp() == NOW - 60


def test_a_call_between_two_services(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front")
    call = subsegment(trace, "back:80", front["id"])
    send(front, call, segment(trace, "back", call["id"]))
    assert edges(xray) == {("front", "client", "front", ""): 1, ("front", "", "back", ""): 1}


def test_a_callee_without_segments_is_remote(xray: Any, send: Send) -> None:
    trace = new_trace()
    send(segment(trace, "front", subsegments=[embedded("down:8002", fault=True)]))
    services = services_in(xray)
    assert edges_of(services)["front", "", "down:8002", "remote"] == 1
    down = service(services, "down:8002", "remote")
    assert (down["State"], down["SummaryStatistics"]["FaultStatistics"]["TotalCount"]) == ("unknown", 1)


def test_a_trace_in_two_windows(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front", took=0.5)
    call = subsegment(trace, "back:80", front["id"], at=0.1, took=10)
    send(front, call, segment(trace, "back", call["id"], at=0.2, took=9.5))
    assert edges(xray, 0, 5) == {("front", "client", "front", ""): 1}
    assert edges(xray, 5, 10) == {("front", "", "back", ""): 1}
    assert edges(xray, 0, 10).keys() == edges(xray, 0, 5).keys() | edges(xray, 5, 10).keys()


def test_a_window_takes_its_start_and_leaves_its_end(xray: Any, send: Send) -> None:
    send(segment(new_trace(), "front", at=0, took=5))
    assert edges(xray, 5, 6) == {("front", "client", "front", ""): 1}
    assert edges(xray, 4, 5) == {}


def test_services_in_a_circle(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front")
    there = subsegment(trace, "back", front["id"])
    back = segment(trace, "back", there["id"])
    home = subsegment(trace, "front", back["id"])
    send(front, there, back, home, segment(trace, "front", home["id"]))
    assert edges(xray) == {
        ("front", "client", "front", ""): 1,
        ("front", "", "back", ""): 1,
        ("back", "", "front", ""): 1,
    }


def test_a_service_that_calls_itself(xray: Any, send: Send) -> None:
    trace = new_trace()
    outer = segment(trace, "deep")
    call = subsegment(trace, "deep", outer["id"])
    send(outer, call, segment(trace, "deep", call["id"]))
    services = services_in(xray)
    assert edges_of(services) == {("deep", "client", "deep", ""): 1, ("deep", "", "deep", ""): 1}
    assert service(services, "deep")["SummaryStatistics"]["TotalCount"] == 2


def test_throttles_errors_and_faults(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front")
    send(front)
    for flags in (
        {"error": True, "throttle": True},
        {"error": True},
        {"fault": True},
        {"http": {"response": {"status": 429}}},
        {"http": {"response": {"status": 404}}},
        {"http": {"response": {"status": 503}}},
        {"http": {"response": {"status": 404}}, "error": False, "throttle": False, "fault": False},
    ):
        call = subsegment(trace, "back", front["id"], **flags)
        send(call, segment(trace, "back", call["id"], **flags))
    services = services_in(xray)
    for summary in (statistics(services, "front", "back"), service(services, "back")["SummaryStatistics"]):
        assert summary["TotalCount"] == 7
        assert summary["OkCount"] == 1
        assert summary["ErrorStatistics"] == {"ThrottleCount": 2, "OtherCount": 2, "TotalCount": 4}
        assert summary["FaultStatistics"] == {"OtherCount": 2, "TotalCount": 2}


def test_a_call_that_got_no_answer_in_time_is_a_fault_of_the_edge_alone(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front")
    call = subsegment(trace, "slow", front["id"], took=1, fault=True)
    send(front, call, segment(trace, "slow", call["id"], took=3))
    services = services_in(xray)
    edge = statistics(services, "front", "slow")
    assert (edge["FaultStatistics"]["TotalCount"], edge["TotalResponseTime"]) == (1, pytest.approx(1))
    slow = service(services, "slow")["SummaryStatistics"]
    assert (slow["FaultStatistics"]["TotalCount"], slow["TotalResponseTime"]) == (0, pytest.approx(3))


def test_two_callers_of_one_callee(xray: Any, send: Send) -> None:
    trace = new_trace()
    documents = []
    for name, calls in (("web", 2), ("app", 3)):
        caller = segment(trace, name)
        documents.append(caller)
        for _ in range(calls):
            call = subsegment(trace, "users:80", caller["id"])
            documents += [call, segment(trace, "users", call["id"])]
    send(*documents)
    services = services_in(xray)
    assert edges_of(services) == {
        ("app", "client", "app", ""): 1,
        ("web", "client", "web", ""): 1,
        ("web", "", "users", ""): 2,
        ("app", "", "users", ""): 3,
    }
    assert service(services, "users")["SummaryStatistics"]["TotalCount"] == 5


def test_a_segment_right_below_a_segment_was_called_by_it(xray: Any, send: Send) -> None:
    trace = new_trace()
    front = segment(trace, "front")
    send(front, segment(trace, "back", front["id"], took=0.3))
    services = services_in(xray)
    assert edges_of(services)["front", "", "back", ""] == 1
    assert statistics(services, "front", "back")["TotalResponseTime"] == pytest.approx(0.3)


def test_remotes_are_told_apart_by_name(xray: Any, send: Send) -> None:
    trace = new_trace()
    remotes = [embedded("one:80"), embedded("two:80"), embedded("one:80")]
    send(segment(trace, "front", subsegments=remotes))
    assert edges(xray) == {
        ("front", "client", "front", ""): 1,
        ("front", "", "one:80", "remote"): 2,
        ("front", "", "two:80", "remote"): 1,
    }


def test_one_name_on_two_platforms_is_two_nodes(xray: Any, send: Send) -> None:
    for origin in ("AWS::Lambda", "AWS::Lambda::Function"):
        send(segment(new_trace(), "resize", origin=origin))
    assert edges(xray) == {
        ("resize", "client", "resize", "AWS::Lambda"): 1,
        ("resize", "client", "resize", "AWS::Lambda::Function"): 1,
    }


@pytest.mark.parametrize(
    ("name", "fields", "node"),
    [
        ("DynamoDB", {"aws": {"table_name": "scores"}}, ("scores", "AWS::DynamoDB::Table")),
        ("DynamoDB", {"aws": {"table_names": ["scores"]}}, ("scores", "AWS::DynamoDB::Table")),
        ("sqs", {"aws": {"queue_url": "https://sqs/0/jobs"}}, ("jobs", "AWS::SQS::Queue")),
        ("sns", {"aws": {"operation": "Publish"}}, ("sns", "AWS::SNS")),
        ("Bedrock", {}, ("Bedrock", "AWS::Bedrock")),
    ],
)
def test_aws_resources_are_named(
    xray: Any, send: Send, name: str, fields: dict[str, Any], node: tuple[str, str]
) -> None:
    send(segment(new_trace(), "front", subsegments=[embedded(name, "aws", **fields)]))
    assert edges(xray)["front", "", *node] == 1


def test_a_database_is_a_node_of_its_own_type(xray: Any, send: Send) -> None:
    query = embedded("orders@db.example.com", sql={"sanitized_query": "SELECT 1"})
    send(segment(new_trace(), "front", subsegments=[query]))
    assert edges(xray)["front", "", "orders@db.example.com", "Database::SQL"] == 1


def test_the_graph_of_the_developer_guide(xray: Any, send: Send) -> None:
    """Four requests to a service on EC2, which writes to a table and a topic in two of them."""
    name, origin = "sample.example.com", "AWS::EC2::Instance"
    for took, writing, telling in ((0.157, 0.076, 0.049), (0.096, 0.044, 0.076), (0.015, 0, 0)):
        calls = []
        if writing:
            calls = [
                embedded("DynamoDB", "aws", took=writing, aws={"table_name": "signups"}),
                embedded("SNS", "aws", took=telling, aws={"topic_arn": "arn:aws:sns:r:1:signups"}),
            ]
        send(segment(new_trace(), name, took=took, origin=origin, subsegments=calls))
    send(segment(new_trace(), name, took=0.005, origin=origin, error=True))

    client, instance, table, topic = (
        service(services_in(xray), *key)
        for key in (
            (name, "client"),
            (name, origin),
            ("signups", "AWS::DynamoDB::Table"),
            ("SNS", "AWS::SNS"),
        )
    )
    assert client["State"] == "unknown"
    assert "Root" not in client
    assert "SummaryStatistics" not in client
    assert [edge["ReferenceId"] for edge in client["Edges"]] == [instance["ReferenceId"]]
    assert client["Edges"][0]["SummaryStatistics"] == instance["SummaryStatistics"]
    assert (instance["Root"], instance["State"], instance["Names"]) == (True, "active", [name])
    assert instance["SummaryStatistics"]["OkCount"] == 3
    assert instance["SummaryStatistics"]["ErrorStatistics"]["OtherCount"] == 1
    assert instance["SummaryStatistics"]["TotalResponseTime"] == pytest.approx(0.273, abs=1e-5)
    assert instance["DurationHistogram"] == [
        {"Value": value, "Count": 1} for value in (0.005, 0.015, 0.096, 0.157)
    ]
    numbers = {edge["ReferenceId"]: edge["SummaryStatistics"]["TotalCount"] for edge in instance["Edges"]}
    assert numbers == {table["ReferenceId"]: 2, topic["ReferenceId"]: 2}
    assert table["SummaryStatistics"]["TotalResponseTime"] == pytest.approx(0.12, abs=1e-5)
    assert (table["State"], table["Edges"]) == ("unknown", [])
    for edge in [*client["Edges"], *instance["Edges"]]:
        assert edge["Aliases"] == []
        assert edge["StartTime"].timestamp() == NOW


def test_the_graph_of_some_traces(xray: Any, send: Send) -> None:
    wanted, other = new_trace(), new_trace()
    send(segment(wanted, "front", subsegments=[embedded("db")]), segment(other, "front"))
    answer = xray.get_trace_graph(TraceIds=[wanted, "1-00000000-000000000000000000000000"])
    assert edges_of(answer["Services"]) == {
        ("front", "client", "front", ""): 1,
        ("front", "", "db", "remote"): 1,
    }


def test_a_large_graph_comes_in_pages(xray: Any, send: Send) -> None:
    for start in range(0, 240, 40):
        send(*[segment(new_trace(), f"service-{number}") for number in range(start, start + 40)])
    pages = list(xray.get_paginator("get_service_graph").paginate(**window()))
    assert [len(page["Services"]) for page in pages] == [100, 100, 100, 100, 80]
    services = [service for page in pages for service in page["Services"]]
    assert len(edges_of(services)) == 240


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (window(-7 * 3600, 60), "cannot be longer than 6 hours"),
        (window(60, -60), "EndTime must not be before StartTime"),
        (window() | {"NextToken": "made-up"}, "NextToken"),
        (window() | {"GroupName": "nobody"}, "nobody"),
    ],
)
def test_what_cannot_be_drawn(xray: Any, arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(xray.exceptions.InvalidRequestException, match=reason):
        xray.get_service_graph(**arguments)
