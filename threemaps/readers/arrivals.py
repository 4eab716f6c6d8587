"""How much of some requests has arrived, asked of each backend through its own API, by trace id."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from threemaps.model.difference import Window
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.base import Shape
from threemaps.readers.batch import batch_get_traces
from threemaps.readers.cloudwatch import CloudWatch
from threemaps.readers.honeycomb import Honeycomb
from threemaps.readers.honeycomb_results import count_of
from threemaps.settings import Settings


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
    return count_of(Shape("Honeycomb"), rows[0]) if rows else 0


def xray_segments(settings: Settings, trace_ids: Sequence[str]) -> int:
    """Segments and subsegments, without those that X-Ray only infers."""
    traces = batch_get_traces(aws_client(settings, "xray"), settings, trace_ids, may_lack=True)
    with reasons(settings, "X-Ray", "xray:BatchGetTraces"):
        documents = [orjson.loads(segment["Document"]) for trace in traces for segment in trace["Segments"]]
        return sum(_parts(document) for document in documents if not document.get("inferred"))


def _parts(document: dict[str, Any]) -> int:
    return 1 + sum(_parts(subsegment) for subsegment in document.get("subsegments", []))


def cloudwatch_calls(settings: Settings, since_s: int) -> int:
    """Calls on the edges of the map, in the whole minutes since then."""
    window = Window(datetime.fromtimestamp(since_s, UTC), datetime.now(UTC))
    return sum(edge.requests or 0 for edge in CloudWatch.of(settings).read_map(window).edges)
