"""Requests and answers of CloudWatch Logs and of CloudWatch's metrics, in JSON and CBOR."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from threemaps.standins import cbor
from threemaps.standins.application_signals.metrics import SignalMetrics
from threemaps.standins.aws_errors import AwsError
from threemaps.standins.cloudwatch.dashboards import Dashboards
from threemaps.standins.cloudwatch.events import Events, suspects
from threemaps.standins.cloudwatch.groups import Groups
from threemaps.standins.cloudwatch.insights import Queries
from threemaps.standins.cloudwatch.metrics import Metrics
from threemaps.standins.cloudwatch.policies import Policies
from threemaps.standins.cloudwatch.reading import Reading
from threemaps.standins.cloudwatch.span_log import SpanLog
from threemaps.standins.cloudwatch.tags import Tags
from threemaps.standins.cloudwatch.urls import LOGS_TARGET, METRICS_PATH, METRICS_TARGET
from threemaps.standins.described import description
from threemaps.standins.http import parse_json
from threemaps.standins.store import Store

if TYPE_CHECKING:
    from threemaps.standins.cloudwatch.otlp_logs import LogsEndpoint

Operation = Callable[[dict[str, Any]], dict[str, Any]]


class Operations:
    """By name. `invalid` is the code of this service's error for a bad parameter."""

    def __init__(self, service: str, invalid: str, operations: Mapping[str, Operation]) -> None:
        self._service = service
        self._invalid = invalid
        self._operations = operations

    def run(self, name: str, request: object, thin: Operation = dict) -> dict[str, Any]:
        """`thin` leaves out of the check what needs none, where a request is long."""
        if name not in self._operations:
            raise AwsError("UnknownOperationException", f"{name[:100]!r} is not answered here")
        if not isinstance(request, dict):
            raise AwsError("SerializationException", "the body has to be a map of parameters")
        given = {key: value for key, value in request.items() if value is not None}
        problems = list(description(self._service).problems(name, thin(given)))
        if problems:
            count = f"{len(problems)} validation error{'s' * (len(problems) > 1)} detected: "
            raise AwsError(self._invalid, (count + "; ".join(problems))[:1000])
        return self._operations[name](given)


class CloudWatchLogs:
    """CloudWatch Logs, in the JSON protocol."""

    def __init__(self, store: Store, is_searched: Callable[[], bool]) -> None:
        """`is_searched`: whether Transaction Search is on, which keeps spans in a log group."""
        groups, tags = Groups(store, SpanLog(store, is_searched)), Tags(store)
        events, reading = Events(store, groups), Reading(store, groups)
        self._groups, self._events = groups, events
        policies, queries = Policies(store), Queries(store, groups)
        self._operations = Operations(
            "logs",
            "InvalidParameterException",
            {
                "CreateLogGroup": groups.create_log_group,
                "DeleteLogGroup": groups.delete_log_group,
                "DescribeLogGroups": groups.describe_log_groups,
                "CreateLogStream": groups.create_log_stream,
                "DeleteLogStream": groups.delete_log_stream,
                "DescribeLogStreams": groups.describe_log_streams,
                "PutRetentionPolicy": groups.put_retention_policy,
                "DeleteRetentionPolicy": groups.delete_retention_policy,
                "PutResourcePolicy": policies.put_resource_policy,
                "DescribeResourcePolicies": policies.describe_resource_policies,
                "DeleteResourcePolicy": policies.delete_resource_policy,
                "TagResource": tags.tag_resource,
                "UntagResource": tags.untag_resource,
                "ListTagsForResource": tags.list_tags_for_resource,
                "PutLogEvents": events.put_log_events,
                "GetLogEvents": reading.get_log_events,
                "FilterLogEvents": reading.filter_log_events,
                "StartQuery": queries.start_query,
                "GetQueryResults": queries.get_query_results,
                "StopQuery": queries.stop_query,
                "DescribeQueries": queries.describe_queries,
                "GetLogRecord": queries.get_log_record,
            },
        )

    @property
    def otlp(self) -> "LogsEndpoint":
        """Loaded when it is asked for: it brings protobuf's messages."""
        from threemaps.standins.cloudwatch.otlp_logs import LogsEndpoint

        return LogsEndpoint(self._groups, self._events)

    def answer(self, target: str, body: bytes) -> dict[str, Any]:
        name = target.removeprefix(LOGS_TARGET)
        if name == target:
            raise AwsError("UnknownOperationException", f"{target[:100]!r} is not answered here")
        request = parse_json(body) if body.strip() else {}
        return self._operations.run(name, request, suspects if name == "PutLogEvents" else dict)


class CloudWatchMetrics:
    """CloudWatch's metrics and dashboards, in JSON as boto3 has it, and in CBOR."""

    def __init__(self, store: Store, signals: SignalMetrics) -> None:
        metrics, dashboards = Metrics(store, signals), Dashboards(store)
        self._operations = Operations(
            "cloudwatch",
            "InvalidParameterValue",
            {
                "ListMetrics": metrics.list_metrics,
                "PutMetricData": metrics.put_metric_data,
                "GetMetricData": metrics.get_metric_data,
                "GetMetricStatistics": metrics.get_metric_statistics,
                "PutDashboard": dashboards.put,
                "GetDashboard": dashboards.get,
                "ListDashboards": dashboards.list,
                "DeleteDashboards": dashboards.delete,
            },
        )

    def answer_cbor(self, path: str, body: bytes) -> bytes:
        try:
            request = cbor.decode(body) if body else {}
        except cbor.CborError as error:
            raise AwsError("SerializationException", f"the body is no CBOR: {error}") from error
        return cbor.encode(self._operations.run(path.removeprefix(METRICS_PATH), request))

    def answer_json(self, target: str, body: bytes) -> dict[str, Any]:
        request = parse_json(body) if body.strip() else {}
        answer: dict[str, Any] = _in_seconds(
            self._operations.run(target.removeprefix(METRICS_TARGET), request)
        )
        return answer


def _in_seconds(value: Any) -> Any:
    """JSON has no times: they travel as seconds."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: _in_seconds(item) for key, item in value.items()}
    return [_in_seconds(item) for item in value] if isinstance(value, list) else value
