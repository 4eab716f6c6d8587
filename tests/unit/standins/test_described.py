"""What is wrong with a request, by AWS's own description of the operation."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from threemaps.standins.described import description, moment_of

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GROUP = {"logGroupName": "g", "logStreamName": "s"}


@pytest.mark.parametrize("service", ["logs", "cloudwatch", "xray"])
def test_every_operation_and_parameter_of_botocores_is_known(service: str) -> None:
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    known = description(service)
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        if shape is not None:
            assert set(known.members(name)) == set(shape.members)
            assert list(known.problems(name, {})) == [
                f"Value null at '{one}' failed to satisfy constraint: Member must not be null"
                for one in shape.metadata.get("required", [])
            ]


@pytest.mark.parametrize(
    ("service", "operation", "request_", "told"),
    [
        ("logs", "PutLogEvents", {**GROUP, "logEvents": 3}, ["'3' at 'logEvents'", "be a list"]),
        (
            "logs",
            "PutLogEvents",
            {**GROUP, "logEvents": [{"timestamp": True, "message": "m"}]},
            ["'True' at 'logEvents.1.member.timestamp'", "be a long"],
        ),
        (
            "logs",
            "PutLogEvents",
            {**GROUP, "logEvents": [{"message": "m"}]},
            ["null at 'logEvents.1.member.t"],
        ),
        ("logs", "DescribeLogGroups", {"limit": 0}, ["'0' at 'limit'", "greater than or equal to 1"]),
        ("logs", "DescribeLogGroups", {"limit": 51}, ["'51' at 'limit'", "less than or equal to 50"]),
        ("logs", "CreateLogGroup", {"logGroupName": ""}, ["length greater than or equal to 1"]),
        ("logs", "CreateLogGroup", {"logGroupName": "g" * 513}, ["length less than or equal to 512"]),
        ("logs", "CreateLogGroup", {"logGroupName": None}, ["null at 'logGroupName'"]),
        (
            "logs",
            "TagResource",
            {"resourceArn": "arn", "tags": {"key": 3}},
            ["'3' at 'tags.key'", "be a string"],
        ),
        (
            "cloudwatch",
            "GetMetricStatistics",
            {
                "Namespace": "n",
                "MetricName": "m",
                "Period": 60,
                "StartTime": "yesterday",
                "EndTime": 10**30,
            },
            ["'yesterday' at 'StartTime'", "be a timestamp", "at 'EndTime'"],
        ),
        (
            "xray",
            "GetTraceSummaries",
            {"StartTime": 1, "EndTime": 2, "SamplingStrategy": {"Name": "All"}},
            ["'All' at 'SamplingStrategy.Name'", "enum value set: [PartialScan, FixedRate]"],
        ),
        ("xray", "UpdateIndexingRule", {"Name": "n", "Rule": {}}, ["at 'Rule'", "exactly one"]),
    ],
)
def test_what_is_wrong_is_named(
    service: str, operation: str, request_: dict[str, Any], told: list[str]
) -> None:
    problems = "; ".join(description(service).problems(operation, request_))
    assert [part for part in told if part not in problems] == []


def test_what_is_right_or_unknown_is_nothing_to_tell() -> None:
    event = {"timestamp": 2**53, "message": "m", "more": object()}
    request = {**GROUP, "logEvents": [event], "sequenceToken": "t", "unknown": 3}
    assert list(description("logs").problems("PutLogEvents", request)) == []


@pytest.mark.parametrize(
    "written",
    [
        MOMENT,
        MOMENT.replace(tzinfo=None),
        MOMENT.timestamp(),
        int(MOMENT.timestamp()),
        str(MOMENT.timestamp()),
        "2026-01-02T03:04:05Z",
        "2026-01-02T04:04:05+01:00",
    ],
)
def test_a_time_may_be_written_as_sdks_do(written: Any) -> None:
    assert moment_of(written) == MOMENT
