"""Groups, streams and events, through boto3. Each test here also passes against moto."""

from typing import Any

import pytest

from tests.unit.standins.cloudwatch.conftest import events, make_stream, now_ms

MINUTE = 60_000


def test_groups_are_made_described_and_deleted(either: Any) -> None:
    for name in ("/app/b", "/app/a", "/other"):
        either.create_log_group(logGroupName=name)
    found = either.describe_log_groups(logGroupNamePrefix="/app/")["logGroups"]
    assert [group["logGroupName"] for group in found] == ["/app/a", "/app/b"]
    either.delete_log_group(logGroupName="/app/a")
    found = either.describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in found] == ["/app/b", "/other"]


def test_a_group_can_be_made_once(either: Any) -> None:
    either.create_log_group(logGroupName="/app")
    with pytest.raises(either.exceptions.ResourceAlreadyExistsException):
        either.create_log_group(logGroupName="/app")


def test_many_groups_come_in_pages(either: Any) -> None:
    wanted = [f"/many/{number:03}" for number in range(12)]
    for name in wanted:
        either.create_log_group(logGroupName=name)
    pages = list(either.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 5}))
    assert [len(page["logGroups"]) for page in pages] == [5, 5, 2]
    assert [group["logGroupName"] for page in pages for group in page["logGroups"]] == wanted


def test_retention_is_set_and_taken_back(either: Any) -> None:
    either.create_log_group(logGroupName="/app")
    either.put_retention_policy(logGroupName="/app", retentionInDays=7)
    assert either.describe_log_groups()["logGroups"][0]["retentionInDays"] == 7
    either.delete_retention_policy(logGroupName="/app")
    assert "retentionInDays" not in either.describe_log_groups()["logGroups"][0]


def test_tags_are_kept(either: Any) -> None:
    either.create_log_group(logGroupName="/app", tags={"owner": "one"})
    arn = either.describe_log_groups()["logGroups"][0]["arn"].removesuffix(":*")
    either.tag_resource(resourceArn=arn, tags={"stage": "test"})
    assert either.list_tags_for_resource(resourceArn=arn)["tags"] == {"owner": "one", "stage": "test"}
    either.untag_resource(resourceArn=arn, tagKeys=["owner"])
    assert either.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "test"}


def test_streams_are_made_described_and_deleted(either: Any) -> None:
    either.create_log_group(logGroupName="/app")
    for name in ("b", "a"):
        either.create_log_stream(logGroupName="/app", logStreamName=name)
    with pytest.raises(either.exceptions.ResourceAlreadyExistsException):
        either.create_log_stream(logGroupName="/app", logStreamName="a")
    found = either.describe_log_streams(logGroupName="/app")["logStreams"]
    assert [stream["logStreamName"] for stream in found] == ["a", "b"]
    either.delete_log_stream(logGroupName="/app", logStreamName="a")
    found = either.describe_log_streams(logGroupName="/app")["logStreams"]
    assert [stream["logStreamName"] for stream in found] == ["b"]


def test_a_stream_tells_when_it_was_written_to(either: Any) -> None:
    group, stream = make_stream(either)
    start = now_ms() - MINUTE
    either.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events(start, "one", "two"))
    told = either.describe_log_streams(logGroupName=group)["logStreams"][0]
    assert (told["firstEventTimestamp"], told["lastEventTimestamp"]) == (start, start + 1)


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("delete_log_group", {}),
        ("describe_log_streams", {}),
        ("create_log_stream", {"logStreamName": "s"}),
        ("put_retention_policy", {"retentionInDays": 1}),
        ("filter_log_events", {}),
        ("get_log_events", {"logStreamName": "s"}),
        ("put_log_events", {"logStreamName": "s", "logEvents": events(1, "x")}),
    ],
)
def test_a_group_that_is_not_there_is_not_found(
    either: Any, operation: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(either.exceptions.ResourceNotFoundException):
        getattr(either, operation)(logGroupName="/nowhere", **arguments)


@pytest.mark.parametrize(
    ("operation", "arguments"), [("put_log_events", {"logEvents": events(1, "x")}), ("get_log_events", {})]
)
def test_a_stream_that_is_not_there_is_not_found(
    either: Any, operation: str, arguments: dict[str, Any]
) -> None:
    group, _ = make_stream(either)
    with pytest.raises(either.exceptions.ResourceNotFoundException):
        getattr(either, operation)(logGroupName=group, logStreamName="nowhere", **arguments)


def test_every_put_answers_a_token(either: Any) -> None:
    group, stream = make_stream(either)
    for _ in range(2):
        told = either.put_log_events(
            logGroupName=group, logStreamName=stream, logEvents=events(now_ms(), "x"), sequenceToken="any"
        )
        assert told["nextSequenceToken"]
        assert "rejectedLogEventsInfo" not in told


def test_an_event_from_the_future_is_told_and_the_rest_is_kept(either: Any) -> None:
    group, stream = make_stream(either)
    times = [now_ms() - MINUTE, now_ms() + 3 * 60 * MINUTE]
    answer = either.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": time, "message": str(time)} for time in times],
    )
    assert answer["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"] == 1
    kept = either.filter_log_events(logGroupName=group)["events"]
    assert [event["message"] for event in kept] == [str(times[0])]


def test_a_stream_is_read_forwards_and_backwards(either: Any) -> None:
    group, stream = make_stream(either)
    start = now_ms() - MINUTE
    wanted = [str(number) for number in range(10)]
    either.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events(start, *wanted))

    def read(**arguments: Any) -> tuple[list[str], Any]:
        page = either.get_log_events(logGroupName=group, logStreamName=stream, limit=4, **arguments)
        return [event["message"] for event in page["events"]], page

    told, page = read(startFromHead=True)
    assert told == wanted[:4]
    told, page = read(nextToken=page["nextForwardToken"])
    assert told == wanted[4:8]
    assert read(nextToken=page["nextBackwardToken"])[0] == wanted[:4]
    told, page = read(nextToken=page["nextForwardToken"])
    assert told == wanted[8:]
    told, at_end = read(nextToken=page["nextForwardToken"])
    assert (told, at_end["nextForwardToken"]) == ([], page["nextForwardToken"])
    assert read()[0] == wanted[6:]


def test_a_stream_is_read_from_one_time_to_another(either: Any) -> None:
    group, stream = make_stream(either)
    start = now_ms() - MINUTE
    either.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events(start, *"abcde"))
    page = either.get_log_events(
        logGroupName=group, logStreamName=stream, startTime=start + 1, endTime=start + 3, startFromHead=True
    )
    assert [event["message"] for event in page["events"]][:2] == ["b", "c"]


def test_streams_are_filtered_together_in_the_order_of_time(either: Any) -> None:
    group, _ = make_stream(either)
    start = now_ms() - MINUTE
    for offset, name in enumerate(("web-1", "web-2", "db")):
        either.create_log_stream(logGroupName=group, logStreamName=name)
        messages = [{"timestamp": start + 10 * n + offset, "message": f"{name} {n}"} for n in range(3)]
        either.put_log_events(logGroupName=group, logStreamName=name, logEvents=messages)

    def read(**arguments: Any) -> list[str]:
        found = either.filter_log_events(logGroupName=group, interleaved=True, **arguments)["events"]
        return [f"{event['logStreamName']}: {event['message']}" for event in found]

    every = [f"{name}: {name} {n}" for n in range(3) for name in ("web-1", "web-2", "db")]
    assert read() == every
    assert read(logStreamNames=["db"]) == [line for line in every if line.startswith("db")]
    assert read(startTime=start + 10, endTime=start + 12) == every[3:6]
    assert read(filterPattern="2")[-3:] == every[6:]


@pytest.mark.parametrize("size", [1, 3, 7, 50])
def test_a_filter_answers_in_pages(either: Any, size: int) -> None:
    group, stream = make_stream(either)
    wanted = [f"{'odd' if number % 2 else 'even'} {number}" for number in range(20)]
    either.put_log_events(
        logGroupName=group, logStreamName=stream, logEvents=events(now_ms() - MINUTE, *wanted)
    )
    pages = either.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern="odd", PaginationConfig={"PageSize": size}
    )
    found = [event for page in pages for event in page["events"]]
    assert [event["message"] for event in found] == wanted[1::2]
    assert len({event["eventId"] for event in found}) == 10


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("", "abcdef"),
        ("ERROR", "ab"),
        ("error", "c"),
        ("ERROR users", "a"),
        ('"in users"', "a"),
        ('"users"', "ae"),
    ],
)
def test_a_pattern_says_which_events(either: Any, pattern: str, matching: str) -> None:
    group, stream = make_stream(either)
    lines = [
        "ERROR in users",
        "ERROR in activities",
        "an error",
        "warning",
        {"level": "info", "n": 3, "deep": {"name": "users"}},
        {"level": "info", "n": 4, "deep": {"name": "activities"}},
    ]
    start = now_ms() - MINUTE
    either.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events(start, *lines))
    found = either.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
    assert "".join("abcdef"[event["timestamp"] - start] for event in found) == matching


def test_what_is_deleted_is_gone_with_its_events(either: Any) -> None:
    group, stream = make_stream(either)
    either.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events(now_ms(), "secret"))
    either.delete_log_stream(logGroupName=group, logStreamName=stream)
    either.create_log_stream(logGroupName=group, logStreamName=stream)
    assert either.filter_log_events(logGroupName=group)["events"] == []
    either.delete_log_group(logGroupName=group)
    either.create_log_group(logGroupName=group)
    assert either.describe_log_streams(logGroupName=group)["logStreams"] == []


def test_resource_policies_are_kept(either: Any) -> None:
    document = '{"Version": "2012-10-17", "Statement": []}'
    told = either.put_resource_policy(policyName="spans", policyDocument=document)["resourcePolicy"]
    (policy,) = either.describe_resource_policies()["resourcePolicies"]
    assert (policy["policyName"], policy["policyDocument"]) == ("spans", document)
    assert policy == told
    either.delete_resource_policy(policyName="spans")
    assert either.describe_resource_policies()["resourcePolicies"] == []
    with pytest.raises(either.exceptions.ResourceNotFoundException):
        either.delete_resource_policy(policyName="spans")
