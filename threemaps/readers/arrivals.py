"""How much of some requests has arrived, asked of each backend through its own API, by trace id."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.honeycomb import Honeycomb
from threemaps.settings import MAP_LOG_GROUP, Settings

XRAY_TRACES_A_CALL = 5
CALLS_METRIC = "traces_service_graph_request_total"


def honeycomb_spans(settings: Settings, trace_ids: Sequence[str], since_s: int) -> int:
    """One COUNT of the spans of these traces."""
    question = {
        "start_time": since_s,
        # Both ends are cut down to a whole minute: ask for the one that has begun, too.
        "end_time": int(time.time()) + 60,
        "calculations": [{"op": "COUNT"}],
        "filters": [{"column": "trace.trace_id", "op": "in", "value": list(trace_ids)}],
    }
    rows = Honeycomb.of(settings).answer(question, series=False).rows
    return int(rows[0]["COUNT"]) if rows else 0


def xray_segments(settings: Settings, trace_ids: Sequence[str]) -> int:
    """Segments and subsegments, without those that X-Ray only infers."""
    ids = [f"1-{trace_id[:8]}-{trace_id[8:]}" for trace_id in trace_ids]
    with reasons(settings, "X-Ray", "xray:BatchGetTraces"):
        xray = aws_client(settings, "xray")
        calls = [ids[start : start + XRAY_TRACES_A_CALL] for start in range(0, len(ids), XRAY_TRACES_A_CALL)]
        traces = [trace for some in calls for trace in xray.batch_get_traces(TraceIds=some)["Traces"]]
        documents = [orjson.loads(segment["Document"]) for trace in traces for segment in trace["Segments"]]
    return sum(_parts(document) for document in documents if not document.get("inferred"))


def _parts(document: dict[str, Any]) -> int:
    return 1 + sum(_parts(subsegment) for subsegment in document.get("subsegments", []))


def cloudwatch_calls(settings: Settings, since_s: int) -> int:
    """Calls that the map metrics counted since then: CloudWatch holds no spans."""
    with reasons(settings, "CloudWatch Logs", "logs:FilterLogEvents"):
        return int(sum(event.get(CALLS_METRIC, 0) for event in _map_events(settings, since_s)))


def _map_events(settings: Settings, since_s: int) -> Iterator[dict[str, Any]]:
    pages = aws_client(settings, "logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName=MAP_LOG_GROUP, startTime=since_s * 1000):
        for event in page["events"]:
            yield orjson.loads(event["message"])
