"""What PutLogEvents takes and what it refuses, and where a page of an answer ends."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.standins.cloudwatch.conftest import Group, Put, events, make_stream, now_ms

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MAX_BYTES = 1_048_576


def put_at(logs: Any, group: Group, *times: int) -> dict[str, Any]:
    messages = [{"timestamp": time, "message": "x"} for time in times]
    answer: dict[str, Any] = logs.put_log_events(
        logGroupName=group[0], logStreamName=group[1], logEvents=messages
    )
    return answer


def count(logs: Any, group: Group) -> int:
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group[0])
    return sum(len(page["events"]) for page in pages)


@pytest.mark.parametrize(
    ("ages", "info", "kept"),
    [
        ([0], None, 1),
        ([14 * DAY - MINUTE], None, 1),
        ([14 * DAY + MINUTE], {"tooOldLogEventEndIndex": 1}, 0),
        ([14 * DAY + MINUTE, 14 * DAY + 1000, 14 * DAY - MINUTE], {"tooOldLogEventEndIndex": 2}, 1),
        ([-2 * HOUR + MINUTE], None, 1),
        ([-2 * HOUR - MINUTE], {"tooNewLogEventStartIndex": 0}, 0),
        ([0, -HOUR, -2 * HOUR - MINUTE, -3 * HOUR], {"tooNewLogEventStartIndex": 2}, 2),
    ],
)
def test_events_from_14_days_ago_to_2_hours_ahead_are_taken(
    logs: Any, group: Group, ages: list[int], info: dict[str, int] | None, kept: int
) -> None:
    now = now_ms()
    assert put_at(logs, group, *(now - age for age in ages)).get("rejectedLogEventsInfo") == info
    assert count(logs, group) == kept


def test_an_event_older_than_the_group_keeps_is_told(logs: Any, group: Group) -> None:
    logs.put_retention_policy(logGroupName=group[0], retentionInDays=1)
    now = now_ms()
    answer = put_at(logs, group, now - DAY - MINUTE, now - DAY + MINUTE)
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert count(logs, group) == 1


def test_what_is_too_old_or_too_new_does_not_count_into_the_day(logs: Any, group: Group) -> None:
    now = now_ms()
    answer = put_at(logs, group, now - 15 * DAY, now - 23 * HOUR, now, now + 3 * HOUR)
    told = {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 3}
    assert answer["rejectedLogEventsInfo"] == told
    assert count(logs, group) == 2


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (["x" * (MAX_BYTES - 26)], None),
        (["x" * (MAX_BYTES - 25)], "Upload too large"),
        (["ü" * ((MAX_BYTES - 26) // 2)], None),
        (["ü" * (MAX_BYTES // 2)], "Upload too large"),
        (["x" * 500_000, "x" * (MAX_BYTES - 500_000 - 52)], None),
        (["x" * 500_000, "x" * (MAX_BYTES - 500_000 - 51)], "Upload too large"),
        (["x"] * 10_000, None),
        (["x"] * 10_001, "10001"),
    ],
)
def test_the_size_of_a_call_is_limited(
    logs: Any, group: Group, messages: list[str], reason: str | None
) -> None:
    batch = [{"timestamp": now_ms(), "message": message} for message in messages]
    arguments = {"logGroupName": group[0], "logStreamName": group[1], "logEvents": batch}
    if reason is None:
        logs.put_log_events(**arguments)
        assert count(logs, group) == len(messages)
    else:
        with pytest.raises(logs.exceptions.InvalidParameterException, match=reason):
            logs.put_log_events(**arguments)
        assert count(logs, group) == 0


def test_the_order_of_a_call_matters(logs: Any, group: Group) -> None:
    now = now_ms()
    with pytest.raises(logs.exceptions.InvalidParameterException, match="chronological order"):
        put_at(logs, group, now, now - 1)
    put_at(logs, group, now, now)
    put_at(logs, group, now - 1)


def test_a_call_spans_no_more_than_a_day(logs: Any, group: Group) -> None:
    now = now_ms()
    put_at(logs, group, now - DAY, now)
    with pytest.raises(logs.exceptions.InvalidParameterException, match="24 hours"):
        put_at(logs, group, now - DAY - 1, now)


def test_what_is_refused_leaves_nothing_behind(logs: Any, group: Group) -> None:
    with pytest.raises(ClientError):
        put_at(logs, group, now_ms(), now_ms() - MINUTE)
    assert count(logs, group) == 0


@pytest.mark.parametrize(
    ("name", "good"), [("a.b-c/d#e_F9", True), ("with space", False), ("ü", False), ("x" * 512, True)]
)
def test_a_group_name_has_its_own_letters(logs: Any, name: str, good: bool) -> None:
    if good:
        logs.create_log_group(logGroupName=name)
    else:
        with pytest.raises(logs.exceptions.InvalidParameterException):
            logs.create_log_group(logGroupName=name)


@pytest.mark.parametrize("name", ["a:b", "a*b"])
def test_a_stream_name_has_no_colon_and_no_star(logs: Any, group: Group, name: str) -> None:
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.create_log_stream(logGroupName=group[0], logStreamName=name)


def test_retention_takes_the_days_that_aws_knows(logs: Any, group: Group) -> None:
    with pytest.raises(logs.exceptions.InvalidParameterException, match="retentionInDays"):
        logs.put_retention_policy(logGroupName=group[0], retentionInDays=2)


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("filter_log_events", {"limit": 10_001}),
        ("filter_log_events", {"nextToken": "made up"}),
        ("filter_log_events", {"nextToken": "WzEsMl0"}),
        ("filter_log_events", {"nextToken": "W3RydWUsIDFd"}),
        ("filter_log_events", {"logStreamNames": ["a"], "logStreamNamePrefix": "a"}),
        ("filter_log_events", {"logGroupIdentifier": "another"}),
        ("describe_log_streams", {"orderBy": "LastEventTime", "logStreamNamePrefix": "a"}),
        ("describe_log_streams", {"orderBy": "Size"}),
        ("get_log_events", {"logStreamName": "a-stream", "nextToken": "x/WzEsMl0="}),
        ("get_log_events", {"logStreamName": "a-stream", "limit": 10_001}),
    ],
)
def test_an_argument_out_of_range_is_refused(
    logs: Any, group: Group, operation: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(logs.exceptions.InvalidParameterException):
        getattr(logs, operation)(logGroupName=group[0], **arguments)


def test_a_page_of_a_filter_carries_about_a_megabyte(logs: Any, group: Group, put: Put) -> None:
    for start in range(4):
        put("x" * 400_000, "y" * 400_000, start=now_ms() - MINUTE + start * 10)
    page = logs.filter_log_events(logGroupName=group[0])
    assert sum(len(event["message"]) for event in page["events"]) < 1_500_000
    assert count(logs, group) == 8


def test_a_page_of_a_stream_carries_about_a_megabyte(logs: Any, group: Group, put: Put) -> None:
    for start in range(2):
        put("x" * 400_000, "y" * 400_000, start=now_ms() - MINUTE + start * 10)
    page = logs.get_log_events(logGroupName=group[0], logStreamName=group[1], startFromHead=True)
    assert [event["message"][0] for event in page["events"]] == ["x", "y"]
    page = logs.get_log_events(
        logGroupName=group[0], logStreamName=group[1], nextToken=page["nextForwardToken"]
    )
    assert [event["message"][0] for event in page["events"]] == ["x", "y"]


def test_a_group_can_be_named_by_its_arn(logs: Any, group: Group, put: Put) -> None:
    put("found")
    arn = logs.describe_log_groups(logGroupNamePrefix=group[0])["logGroups"][0]["arn"]
    for name in (arn.removesuffix(":*"), group[0]):
        assert logs.filter_log_events(logGroupIdentifier=name)["events"][0]["message"] == "found"
    with pytest.raises(logs.exceptions.InvalidParameterException, match="regular expression pattern"):
        logs.filter_log_events(logGroupIdentifier=arn)
    with pytest.raises(logs.exceptions.InvalidParameterException, match="regular expression pattern"):
        logs.describe_log_groups(logGroupIdentifiers=[arn])


def test_a_group_keeps_its_key_and_aws_keeps_its_names(logs: Any) -> None:
    key = "arn:aws:kms:us-east-1:000000000000:key/1"
    logs.create_log_group(logGroupName="/with/key", kmsKeyId=key)
    (found,) = logs.describe_log_groups(logGroupNamePrefix="/with/key")["logGroups"]
    assert found["kmsKeyId"] == key
    for name in ("aws/mine", "AWS/mine"):
        with pytest.raises(logs.exceptions.InvalidParameterException, match="reserved"):
            logs.create_log_group(logGroupName=name)


def test_streams_are_found_by_their_beginning_or_their_last_event(logs: Any, group: Group, put: Put) -> None:
    put("old")
    logs.create_log_stream(logGroupName=group[0], logStreamName="a-newer")
    batch = events(now_ms(), "new")
    logs.put_log_events(logGroupName=group[0], logStreamName="a-newer", logEvents=batch)
    logs.create_log_stream(logGroupName=group[0], logStreamName="other")

    def described(**arguments: Any) -> list[str]:
        found = logs.describe_log_streams(logGroupName=group[0], **arguments)["logStreams"]
        return [stream["logStreamName"] for stream in found]

    assert described(logStreamNamePrefix="a-") == ["a-newer", "a-stream"]
    assert described(orderBy="LastEventTime", descending=True)[:2] == ["a-newer", "a-stream"]
    found = logs.filter_log_events(logGroupName=group[0], logStreamNamePrefix="a-n")["events"]
    assert [event["message"] for event in found] == ["new"]


@pytest.mark.parametrize("size", [1, 3, 50])
def test_the_newest_events_may_come_first(logs: Any, group: Group, put: Put, size: int) -> None:
    put(*"abcdefg")
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group[0], startFromHead=False, PaginationConfig={"PageSize": size}
    )
    assert [event["message"] for page in pages for event in page["events"]] == list("gfedcba")


def test_a_filter_of_a_stream_that_is_not_there_finds_none(logs: Any, group: Group) -> None:
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="log stream does not exist"):
        logs.filter_log_events(logGroupName=group[0], logStreamNames=[group[1], "another"])


def test_groups_are_found_by_part_of_their_name_or_by_name(logs: Any) -> None:
    for name in ("/app/Data", "/app/data", "/other"):
        logs.create_log_group(logGroupName=name)

    def described(**arguments: Any) -> list[str]:
        return [told["logGroupName"] for told in logs.describe_log_groups(**arguments)["logGroups"]]

    assert described(logGroupNamePattern="Data") == ["/app/Data"]
    assert described(logGroupIdentifiers=["/other", "/app/data"]) == ["/app/data", "/other"]
    assert described(logGroupClass="INFREQUENT_ACCESS") == []
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Only one of"):
        described(logGroupNamePattern="Data", logGroupNamePrefix="/app")


def test_a_group_tells_how_much_it_holds(logs: Any, group: Group, put: Put) -> None:
    put("x" * 100, "ü")
    told = logs.describe_log_groups(logGroupNamePrefix=group[0])["logGroups"][0]
    assert told["storedBytes"] == 100 + 2 + 2 * 26


def test_another_group_of_the_same_client_stays_apart(logs: Any, group: Group, put: Put) -> None:
    put("one")
    other = make_stream(logs)
    assert count(logs, other) == 0
