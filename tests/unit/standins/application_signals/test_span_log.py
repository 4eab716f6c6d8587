"""The log group aws/spans: every span as a JSON event, read as any log group is."""

import time
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError

from tests.unit.standins.application_signals.conftest import START_NS, Keep
from tests.unit.standins.application_signals.spans import CLIENT, REMOTE, SERVER, SpanRow
from tests.unit.standins.aws_shapes import aws_client
from threemaps.standins.store import Store

GROUP = "aws/spans"
START = START_NS // 10**6


@pytest.fixture
def logs(url: str) -> Any:
    return aws_client("logs", url, parse=orjson.loads)


def messages(logs: Any, **more: Any) -> list[dict[str, Any]]:
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, **more)
    return [orjson.loads(event["message"]) for page in pages for event in page["events"]]


def resource(store: Store, number: int, attributes: dict[str, Any]) -> None:
    told = (number, orjson.dumps(attributes).decode(), '{"name":"app","version":"1"}', 0)
    store.execute("INSERT INTO span_resources VALUES (?, ?, ?, ?)", told)


def test_a_span_is_the_event_that_aws_makes_of_it(logs: Any, store: Store, keep: Keep) -> None:
    resource(store, 7, {"service.name": "users"})
    caller = SpanRow("activities", CLIENT, trace=10)
    keep(
        SpanRow(
            "users",
            SERVER,
            caller,
            name='GET "/users"',
            flags=REMOTE,
            start_ns=START_NS,
            status=2,
            attributes={"http.response.status_code": 500, "nested": {"a": [1]}},
            resource=7,
            trace=10,
        )
    )
    (event,) = logs.filter_log_events(logGroupName=GROUP)["events"]
    assert (event["timestamp"], event["logStreamName"]) == (START + 10, "default")
    told = orjson.loads(event["message"])
    assert told.pop("spanId") != told.pop("parentSpanId")
    assert told == {
        "resource": {"attributes": {"service.name": "users"}},
        "scope": {"name": "app", "version": "1"},
        "traceId": "000000000000000a000000000000000a",
        "flags": 0x300,
        "name": 'GET "/users"',
        "kind": "SERVER",
        "startTimeUnixNano": START_NS,
        "endTimeUnixNano": START_NS + 10**7,
        "durationNano": 10**7,
        "attributes": {"http.response.status_code": 500, "nested": {"a": [1]}},
        "status": {"code": "ERROR"},
    }


def test_segments_are_turned_into_spans_with_their_service(logs: Any, keep: Keep) -> None:
    at: dict[str, Any] = {"resource": None, "start_ns": START_NS, "trace": 4}
    segment = SpanRow("users", SERVER, http_status=404, **at)
    work = SpanRow(None, 1, segment, **at)
    call = SpanRow(None, CLIENT, work, remote_service="database", **at)
    keep(segment, work, call)
    told = {one["spanId"]: one for one in messages(logs)}
    assert {one["resource"]["attributes"]["service.name"] for one in told.values()} == {"users"}
    assert told[f"{segment.span:016x}"]["attributes"] == {"http.response.status_code": 404}
    assert told[f"{call.span:016x}"]["attributes"] == {"aws.remote.service": "database"}


def test_many_spans_come_in_pages_each_once_either_way(logs: Any, keep: Keep) -> None:
    keep(*(SpanRow("users", start_ns=START_NS + n // 3 * 10**6, trace=n) for n in range(25_000)))
    found = [one["traceId"] for one in messages(logs)]
    assert len(found) == len(set(found)) == 25_000
    times = [one["endTimeUnixNano"] for one in messages(logs, startTime=START + 1_000, endTime=START + 1_009)]
    assert times == sorted(times)
    assert len(times) == 30
    request: dict[str, Any] = {"logGroupName": GROUP, "logStreamName": "default", "startFromHead": True}
    seen, token = set(), None
    while True:
        answer = logs.get_log_events(**request, **({"nextToken": token} if token else {}))
        seen |= {orjson.loads(event["message"])["traceId"] for event in answer["events"]}
        if answer["nextForwardToken"] == token:
            break
        token = answer["nextForwardToken"]
    assert len(seen) == 25_000


def test_insights_and_filter_patterns_find_spans(logs: Any, keep: Keep) -> None:
    keep(*(SpanRow("users", kind, start_ns=START_NS, trace=1) for kind in (SERVER, CLIENT, CLIENT)))
    name = logs.start_query(
        logGroupName=GROUP,
        startTime=START // 1000 - 60,
        endTime=START // 1000 + 60,
        queryString="stats count(*) as n by kind | sort n desc",
    )["queryId"]
    rows = logs.get_query_results(queryId=name)["results"]
    assert [[cell["value"] for cell in row] for row in rows] == [["CLIENT", "2"], ["SERVER", "1"]]
    assert len(messages(logs, filterPattern='{ $.kind = "CLIENT" }')) == 2
    name = logs.start_query(
        logGroupName=GROUP,
        startTime=START // 1000,
        endTime=START // 1000,
        queryString="fields name | limit 1",
    )["queryId"]
    (row,) = logs.get_query_results(queryId=name)["results"]
    pointer = next(cell["value"] for cell in row if cell["field"] == "@ptr")
    assert logs.get_log_record(logRecordPointer=pointer)["logRecord"]["name"] == "GET /api"


def test_the_group_is_there_from_the_first_span_on(logs: Any, keep: Keep) -> None:
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        messages(logs)
    assert logs.describe_log_groups(logGroupNamePrefix="aws/")["logGroups"] == []
    keep(SpanRow("users", start_ns=START_NS))
    (group,) = logs.describe_log_groups(logGroupNamePrefix="aws/")["logGroups"]
    assert (group["logGroupName"], group["storedBytes"] > 0) == (GROUP, True)
    (stream,) = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert (stream["logStreamName"], stream["lastEventTimestamp"]) == ("default", START + 10)


def test_without_transaction_search_there_is_no_such_group(url: str, logs: Any, keep: Keep) -> None:
    aws_client("xray", url).update_trace_segment_destination(Destination="XRay")
    keep(SpanRow("users", start_ns=START_NS))
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        messages(logs)


def test_nobody_else_writes_to_it(logs: Any, keep: Keep) -> None:
    keep(SpanRow("users", start_ns=START_NS))
    event = {"timestamp": time.time_ns() // 10**6, "message": "a text"}
    with pytest.raises(ClientError, match="X-Ray only"):
        logs.put_log_events(logGroupName=GROUP, logStreamName="default", logEvents=[event])
    with pytest.raises(ClientError, match="reserved for AWS"):
        logs.create_log_group(logGroupName="aws/other")
