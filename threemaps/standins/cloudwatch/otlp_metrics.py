"""CloudWatch's OTLP endpoint for metrics, `POST /v1/metrics`: points in, kept with PromQL's labels.

What makes a call unfit refuses it whole, as AWS does: too many points or labels, a label that is too long, a
time that is too far away.
"""

import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from werkzeug.wrappers import Request, Response

from threemaps.settings import LOCAL_AWS_REGION
from threemaps.standins.cloudwatch.questions import HOUR_MS, invalid
from threemaps.standins.encoding import encode_rows
from threemaps.standins.http import BodyError
from threemaps.standins.otlp_http import answer, read_otlp
from threemaps.standins.otlp_messages import plain
from threemaps.standins.store import Store

MAX_BYTES = 1_048_576
MAX_POINTS = 1_000
MAX_LABELS = 150
LONGEST_LABEL = 1_024
OLDEST_MS, NEWEST_MS = 14 * 24 * HOUR_MS, 10 * 60 * 1000
ACCOUNT = "000000000000"
KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
TEMPORALITY = {1: "delta", 2: "cumulative"}

Labels = dict[str, str]


class Point(NamedTuple):
    """One measurement: a number or a histogram, each as PromQL's API writes it."""

    name: str
    labels: str
    time_ms: int
    value: str | None
    histogram: str | None


class MetricsEndpoint:
    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, request: Request) -> Response:
        try:
            message = ExportMetricsServiceRequest.FromString(
                read_otlp(request, MAX_BYTES, ExportMetricsServiceRequest)
            )
        except DecodeError as error:
            raise BodyError(400, f"the body is no OTLP: {error}") from error
        points = list(_points_of(message))
        _check(points, time.time_ns() // 1_000_000)
        if points:
            columns = dict(zip(Point._fields, map(list, zip(*points, strict=True)), strict=True))
            self._store.take("otlp_point", encode_rows(columns))
        return answer(ExportMetricsServiceResponse(), request.mimetype)


def _check(points: list[Point], now: int) -> None:
    if len(points) > MAX_POINTS:
        raise invalid(f"The request has {len(points)} data points, more than {MAX_POINTS}.")
    for point in points:
        if not now - OLDEST_MS <= point.time_ms <= now + NEWEST_MS:
            raise invalid(
                f"A data point of {point.name[:60]!r} is more than 14 days in the past or more than 10 "
                "minutes in the future."
            )


def _points_of(message: Any) -> Iterator[Point]:
    for one in message.resource_metrics:
        resource = _prefixed("@resource.", one.resource)
        for scoped in one.scope_metrics:
            around = resource | _scope(scoped.scope)
            for metric in scoped.metrics:
                yield from _points_of_metric(metric, around)


def _points_of_metric(metric: Any, around: Labels) -> Iterator[Point]:
    kind = next((kind for kind in KINDS if metric.HasField(kind)), None)
    if kind is None:
        return
    data = getattr(metric, kind)
    temporality = TEMPORALITY.get(getattr(data, "aggregation_temporality", 0))
    about = {"__temporality__": temporality} if temporality else {}
    if metric.unit:
        about["@datapoint.@unit"] = metric.unit
    for point in data.data_points:
        # Bare: what PromQL's queries are used to find.
        labels = {"__name__": metric.name, **around, **about, **_prefixed("", point)}
        _check_labels(metric.name, labels)
        text = orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode()
        is_number = kind in ("gauge", "sum")
        yield Point(
            metric.name,
            text,
            point.time_unix_nano // 1_000_000,
            _number(point) if is_number else None,
            None if is_number else orjson.dumps(_histogram(point, kind)).decode(),
        )


def _check_labels(name: str, labels: Labels) -> None:
    if len(labels) > MAX_LABELS:
        raise invalid(f"A data point of {name[:60]!r} has {len(labels)} labels, more than {MAX_LABELS}.")
    for label, value in labels.items():
        if len(value) > LONGEST_LABEL:
            raise invalid(f"The label {label[:60]!r} has {len(value)} characters, more than {LONGEST_LABEL}.")


def _scope(scope: Any) -> Labels:
    known = {"@instrumentation.@name": scope.name, "@instrumentation.@version": scope.version}
    where = {"@aws.account": ACCOUNT, "@aws.region": LOCAL_AWS_REGION}
    return (
        {key: value for key, value in known.items() if value} | _prefixed("@instrumentation.", scope) | where
    )


def _prefixed(prefix: str, one: Any) -> Labels:
    return {f"{prefix}{pair.key}": _text(plain(pair.value)) for pair in one.attributes}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=bytes.hex).decode()


def _number(point: Any) -> str:
    value = float(getattr(point, point.WhichOneof("value") or "as_double"))
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value).removesuffix(".0")


def _histogram(point: Any, kind: str) -> dict[str, Any]:
    """As Prometheus' API has native histograms: each bucket is its edges' rule, its edges and its count."""
    histogram: dict[str, Any] = {"count": str(point.count), "sum": repr(float(point.sum))}
    if kind == "histogram" and point.bucket_counts:
        edges = ["-Inf", *(repr(edge) for edge in point.explicit_bounds), "+Inf"]
        counted = zip(edges, edges[1:], point.bucket_counts, strict=False)
        histogram["buckets"] = [[0, low, high, str(count)] for low, high, count in counted if count]
    if kind == "exponential_histogram":
        histogram["buckets"] = _exponential(point)
    return histogram


def _exponential(point: Any) -> list[list[Any]]:
    base = 2.0 ** (2.0**-point.scale)
    above = [
        [0, repr(base**index), repr(base ** (index + 1)), str(count)]
        for index, count in enumerate(point.positive.bucket_counts, point.positive.offset)
        if count
    ]
    below = [
        [1, repr(-(base ** (index + 1))), repr(-(base**index)), str(count)]
        for index, count in enumerate(point.negative.bucket_counts, point.negative.offset)
        if count
    ]
    zero = repr(float(point.zero_threshold))
    nothing = [[3, f"-{zero}", zero, str(point.zero_count)]] if point.zero_count else []
    return [*reversed(below), *nothing, *above]
