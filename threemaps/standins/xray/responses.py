"""Requests and answers of X-Ray, as REST with JSON; each is checked against AWS's own description of it."""

from collections.abc import Callable
from typing import Any

from threemaps.standins.aws_errors import AwsError
from threemaps.standins.described import description
from threemaps.standins.http import BodyError, parse_json
from threemaps.standins.store import Store
from threemaps.standins.xray.configuration import Configuration, Tags
from threemaps.standins.xray.destination import Destination
from threemaps.standins.xray.exceptions import invalid
from threemaps.standins.xray.graphs import Graphs
from threemaps.standins.xray.groups import Groups
from threemaps.standins.xray.ingest import Ingest
from threemaps.standins.xray.sampling import SamplingRules
from threemaps.standins.xray.series import Series
from threemaps.standins.xray.summaries import Summaries
from threemaps.standins.xray.traces import Traces
from threemaps.standins.xray.urls import urls

Operation = Callable[[dict[str, Any]], dict[str, Any]]


class XRay:
    def __init__(self, store: Store, destination: Destination) -> None:
        self._operations = _operations(store, Configuration(store), destination)
        self.paths = urls(self._operations)

    def answer(self, path: str, body: bytes) -> dict[str, Any]:
        name = self.paths[path]
        request = _parsed(body)
        # Checks what it needs itself, and would be held up by the general check.
        if name != "PutTraceSegments":
            _check(name, request)
        return self._operations[name](request)


def _operations(store: Store, settings: Configuration, destination: Destination) -> dict[str, Operation]:
    tags = Tags(settings)
    traces = Traces(store)
    groups = Groups(store, settings, traces, tags)
    graphs = Graphs(store, groups)
    rules = SamplingRules(settings, tags)
    return {
        "PutTraceSegments": Ingest(store).put_trace_segments,
        "PutTelemetryRecords": put_telemetry_records,
        "BatchGetTraces": traces.batch_get_traces,
        "GetTraceSummaries": Summaries(store, groups).get_trace_summaries,
        "GetServiceGraph": graphs.get_service_graph,
        "GetTraceGraph": graphs.get_trace_graph,
        "GetTimeSeriesServiceStatistics": Series(store, groups).get_time_series_service_statistics,
        "CreateGroup": groups.create_group,
        "GetGroup": groups.get_group,
        "GetGroups": groups.get_groups,
        "UpdateGroup": groups.update_group,
        "DeleteGroup": groups.delete_group,
        "CreateSamplingRule": rules.create_sampling_rule,
        "GetSamplingRules": rules.get_sampling_rules,
        "UpdateSamplingRule": rules.update_sampling_rule,
        "DeleteSamplingRule": rules.delete_sampling_rule,
        "GetSamplingTargets": rules.get_sampling_targets,
        "GetSamplingStatisticSummaries": rules.get_sampling_statistic_summaries,
        "GetTraceSegmentDestination": destination.get_trace_segment_destination,
        "UpdateTraceSegmentDestination": destination.update_trace_segment_destination,
        "GetIndexingRules": destination.get_indexing_rules,
        "UpdateIndexingRule": destination.update_indexing_rule,
        "TagResource": tags.tag_resource,
        "UntagResource": tags.untag_resource,
        "ListTagsForResource": tags.list_tags_for_resource,
    }


def put_telemetry_records(_: dict[str, Any]) -> dict[str, Any]:
    """A client's counts of its own doings. X-Ray has no way to read them back, so they end here."""
    return {}


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        request = parse_json(body) if body.strip() else {}
    except BodyError as error:
        raise AwsError("SerializationException", error.reason) from error
    if not isinstance(request, dict):
        raise AwsError("SerializationException", "the body must be a JSON object")
    return {name: value for name, value in request.items() if value is not None}


def _check(operation: str, request: dict[str, Any]) -> None:
    problems = "; ".join(description("xray").problems(operation, request))
    if problems:
        raise invalid(problems[:1000])
