"""Log records by OTLP: the events that they become, where they go, and what is refused."""

import gzip
import time
from typing import Any

import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from requests import Response

from tests.unit.standins.cloudwatch.conftest import Group
from tests.unit.standins.signed import PROTOBUF, post, reason

HOUR = 3600 * 10**9
DAY = 24 * HOUR


def request_of(*moments: int, body: str = "a text", **resource: str) -> Any:
    message = ExportLogsServiceRequest()
    one = message.resource_logs.add()
    for name, value in {"service.name": "users", **resource}.items():
        one.resource.attributes.add(key=name).value.string_value = value
    scope = one.scope_logs.add()
    scope.scope.name = "app"
    for moment in moments:
        scope.log_records.add(time_unix_nano=moment).body.string_value = body
    return message


def send(url: str, group: Group, message: Any, **headers: str) -> Response:
    where = {"x_aws_log_group": group[0], "x_aws_log_stream": group[1]} | headers
    return post(f"{url}/v1/logs", "logs", message.SerializeToString(), **where)


def events(logs: Any, group: Group) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = logs.filter_log_events(logGroupName=group[0])["events"]
    return found


def test_a_record_becomes_the_event_that_aws_makes_of_it(url: str, logs: Any, group: Group) -> None:
    now = time.time_ns()
    message = request_of(now, body="user not found")
    record = message.resource_logs[0].scope_logs[0].log_records[0]
    record.severity_number, record.severity_text, record.flags = 13, "WARN", 1
    record.observed_time_unix_nano = now + 5
    record.trace_id, record.span_id = bytes(range(16)), bytes(range(8))
    record.attributes.add(key="code.line.number").value.int_value = 172
    pair = record.attributes.add(key="tags").value.kvlist_value.values.add(key="paid")
    pair.value.bool_value = True
    assert send(url, group, message).status_code == 200
    (event,) = events(logs, group)
    assert (event["timestamp"], event["logStreamName"]) == (now // 10**6, group[1])
    assert orjson.loads(event["message"]) == {
        "resource": {"attributes": {"service.name": "users"}},
        "scope": {"name": "app"},
        "timeUnixNano": now,
        "observedTimeUnixNano": now + 5,
        "severityNumber": 13,
        "severityText": "WARN",
        "body": "user not found",
        "attributes": {"code.line.number": 172, "tags": {"paid": True}},
        "flags": 1,
        "traceId": "000102030405060708090a0b0c0d0e0f",
        "spanId": "0001020304050607",
    }


def test_records_come_in_any_order_and_are_found_by_insights(url: str, logs: Any, group: Group) -> None:
    now = time.time_ns() - 10**9
    send(url, group, request_of(now, now - 10**9, now - 2 * 10**9))
    times = [event["timestamp"] for event in events(logs, group)]
    assert times == sorted(times)
    query = logs.start_query(
        logGroupName=group[0],
        startTime=now // 10**9 - 60,
        endTime=now // 10**9 + 60,
        queryString="filter resource.attributes.service.name = 'users' | stats count(*) as n",
    )
    (row,) = logs.get_query_results(queryId=query["queryId"])["results"]
    assert row == [{"field": "n", "value": "3"}]


def test_json_and_gzip_are_taken(url: str, logs: Any, group: Group) -> None:
    where = {"x_aws_log_group": group[0], "x_aws_log_stream": group[1]}
    record = {
        "timeUnixNano": str(time.time_ns()),
        "body": {"stringValue": "x"},
        "traceId": "0af7651916cd43dd8448eb211c80319c",
    }
    body = orjson.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
    answer = post(f"{url}/v1/logs", "logs", body, Content_Type="application/json", **where)
    assert (answer.status_code, answer.json()) == (200, {})
    packed = gzip.compress(request_of(time.time_ns()).SerializeToString())
    assert post(f"{url}/v1/logs", "logs", packed, Content_Encoding="gzip", **where).status_code == 200
    assert len(events(logs, group)) == 2
    assert orjson.loads(events(logs, group)[0]["message"])["traceId"] == record["traceId"]


def test_what_is_too_old_or_too_new_is_counted_as_aws_counts_it(url: str, logs: Any, group: Group) -> None:
    logs.put_retention_policy(logGroupName=group[0], retentionInDays=3)
    now = time.time_ns()
    moments = (now, now - 15 * DAY, now - 4 * DAY, now + 3 * HOUR, now + 4 * HOUR)
    answer = send(url, group, request_of(*moments))
    partial = ExportLogsServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_log_records) == (200, 4)
    assert orjson.loads(partial.error_message) == {"expiredLogEventCount": 2, "tooNewLogEventCount": 2}
    assert len(events(logs, group)) == 1


@pytest.mark.parametrize(
    ("message", "headers", "status", "words"),
    [
        (request_of(1), {"x_aws_log_group": "missing"}, 400, "log group does not exist"),
        (request_of(1), {"x_aws_log_stream": "missing"}, 400, "log stream does not exist"),
        (request_of(1), {"x_aws_log_group": ""}, 400, "x-aws-log-group"),
        (request_of(time.time_ns(), time.time_ns() - 25 * HOUR), {}, 400, "24 hours"),
        (request_of(*[time.time_ns()] * 10_001, body=""), {}, 400, "10001"),
        (request_of(time.time_ns(), body="x" * 1_048_577), {}, 413, "1048576"),
        (request_of(1, much="x" * 17_000), {}, 400, "16384"),
        (request_of(1), {"Content_Type": "text/plain"}, 415, "Content-Type"),
        (request_of(1), {"Content_Encoding": "zstd"}, 415, "gzip"),
    ],
)
def test_what_aws_refuses_is_refused_whole(
    url: str, logs: Any, group: Group, message: Any, headers: dict[str, str], status: int, words: str
) -> None:
    answer = send(url, group, message, **headers)
    assert answer.status_code == status, answer.text
    assert words in reason(answer)
    assert events(logs, group) == []


def test_signatures_for_another_service_and_broken_messages_are_refused(url: str, group: Group) -> None:
    answer = post(f"{url}/v1/logs", "xray", request_of(1).SerializeToString())
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, PROTOBUF)
    where = {"x_aws_log_group": group[0], "x_aws_log_stream": group[1]}
    assert post(f"{url}/v1/logs", "logs", b"\xff\xff", **where).status_code == 400
