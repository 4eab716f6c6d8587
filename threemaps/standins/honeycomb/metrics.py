"""OTLP metrics as Honeycomb's events: the points of one moment and one set of attributes are one event."""

import time
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from threemaps.standins.honeycomb.attributes import json_text, to_fields
from threemaps.standins.honeycomb.rows import LARGEST_INTEGER, Batch, Resource, flaw

DATASET, SIGNAL = "Metrics", "metric"
KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


def translate_metrics(body: bytes) -> Batch:
    """Raises DecodeError where the body is no such request."""
    batch = Batch()
    for resource_metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        shared = to_fields(resource_metrics.resource.attributes)
        service = shared.pop("service.name", None)
        resource = Resource(DATASET, None if service is None else str(service), SIGNAL, json_text(shared))
        key = batch.share(resource)
        events: dict[tuple[int, str], dict[str, Any]] = {}
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                for moment, attributes, values in points(metric):
                    at = min(moment or time.time_ns(), LARGEST_INTEGER)
                    events.setdefault((at, json_text(attributes)), dict(attributes)).update(values)
        for (moment, _), fields in events.items():
            text = json_text(fields)
            if reason := flaw(text, resource.attributes):
                batch.rejected.append(reason)
            else:
                batch.rows.append((moment, key, *(None,) * 10, 1, text))
    return batch


def points(metric: Any) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Moment, attributes and fields of each point; a distribution has a field for each of its figures."""
    kind = metric.WhichOneof("data")
    for point in getattr(metric, kind).data_points if kind in KINDS else ():
        values = {}
        if kind in ("gauge", "sum"):
            number = point.WhichOneof("value")
            values = {metric.name: getattr(point, number)} if number else {}
        else:
            figures = ("count", "sum") if kind == "summary" else ("count", "sum", "min", "max")
            values = {f"{metric.name}.{figure}": getattr(point, figure) for figure in figures}
        if values:
            yield point.time_unix_nano, to_fields(point.attributes), values
