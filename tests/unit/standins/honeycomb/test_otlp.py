"""Spans and log records, as an OTLP exporter sends them, become Honeycomb's events."""

import gzip
import time
from typing import Any

import pytest
import zstandard
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from tests.unit.standins.honeycomb.conftest import INGEST, PROTOBUF, Client
from tests.unit.standins.honeycomb.spans import Call, add_span, request_of, set_attributes
from threemaps.standins.honeycomb.sampling import rate_from_state, to_rate

FIELDS = ("trace.trace_id", "trace.span_id", "trace.parent_id", "name", "service.name", "duration_ms")


def fields_of(client: Client, *names: str, **body: Any) -> list[dict[str, Any]]:
    """Events with the named fields, without the count."""
    rows = client.results(breakdowns=list(names), limit=1000, **body)
    return [{name: row[name] for name in names} for row in rows]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_stock_exporter_delivers(honeycomb: Client, compression: Compression) -> None:
    exporter = OTLPSpanExporter(f"{honeycomb.url}/v1/traces", headers=dict(INGEST), compression=compression)
    provider = TracerProvider(resource=Resource({"service.name": "shop", "host.name": "h1"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("opentelemetry.instrumentation.flask", "1.0")
    with (
        tracer.start_as_current_span("outer", kind=SpanKind.SERVER, attributes={"http.route": "/"}) as outer,
        tracer.start_as_current_span("inner") as inner,
    ):
        inner.set_status(Status(StatusCode.ERROR, "no stock"))
    provider.shutdown()
    context = outer.get_span_context()
    rows = fields_of(
        honeycomb,
        *FIELDS[:5],
        "span.kind",
        "type",
        "http.route",
        "error",
        "status_code",
        "status_message",
        "host.name",
        "library.name",
        "telemetry.instrumentation_library",
        "meta.signal_type",
    )
    by_name = {row["name"]: row for row in rows}
    assert by_name["outer"] == {
        "trace.trace_id": f"{context.trace_id:032x}",
        "trace.span_id": f"{context.span_id:016x}",
        "trace.parent_id": None,
        "name": "outer",
        "service.name": "shop",
        "span.kind": "server",
        "type": "server",
        "http.route": "/",
        "error": None,
        "status_code": 0,
        "status_message": None,
        "host.name": "h1",
        "library.name": "opentelemetry.instrumentation.flask",
        "telemetry.instrumentation_library": True,
        "meta.signal_type": "trace",
    }
    inner_row = by_name["inner"]
    assert inner_row["trace.parent_id"] == f"{context.span_id:016x}"
    assert (inner_row["error"], inner_row["status_code"], inner_row["status_message"]) == (
        True,
        2,
        "no stock",
    )


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("", bytes), ("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)],
)
def test_every_encoding_and_both_content_types(honeycomb: Client, encoding: str, compress: Any) -> None:
    for content_type in ("application/x-protobuf", "application/protobuf"):
        body = compress(request_of([Call("a", 1), Call("b", 2, 1)]).SerializeToString())
        headers = {"Content-Type": content_type, "Content-Encoding": encoding}
        answer = honeycomb.send("/v1/traces", body, **headers)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
        assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()
    assert honeycomb.calls() == {("a", "b"): 1}


def test_json_has_hex_ids(honeycomb: Client) -> None:
    start = time.time_ns()
    span = {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "parentSpanId": "EEE19B7EC3C1B173",
        "name": "GET",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 1_500_000),
        "kind": 2,
        "attributes": [{"key": "n", "value": {"intValue": "7"}}],
        "somethingNew": 1,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "json"}}]}
    document = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    answer = honeycomb.send_json("/v1/traces", document)
    assert (answer.status_code, answer.json(), answer.headers["Content-Type"]) == (
        200,
        {},
        "application/json",
    )
    assert fields_of(honeycomb, *FIELDS, "n") == [
        {
            "trace.trace_id": "5b8efff798038103d269b633813fc60c",
            "trace.span_id": "eee19b7ec3c1b174",
            "trace.parent_id": "eee19b7ec3c1b173",
            "name": "GET",
            "service.name": "json",
            "duration_ms": 1.5,
            "n": 7,
        }
    ]


def one_span(**attributes: Any) -> tuple[ExportTraceServiceRequest, Any]:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    set_attributes(resource_spans.resource.attributes, {"service.name": "one"})
    span = add_span(resource_spans.scope_spans.add(), Call("one", 1))
    set_attributes(span.attributes, attributes)
    return request, span


def test_nested_attributes_are_flattened_and_lists_become_json(honeycomb: Client) -> None:
    request, _span = one_span(
        user={"name": "Ann", "address": {"city": "Oslo"}}, tags=["a", 1, True], raw=b"\x00\xff", empty={}
    )
    honeycomb.send_spans(request)
    assert fields_of(honeycomb, "user.name", "user.address.city", "tags", "raw", "empty") == [
        {
            "user.name": "Ann",
            "user.address.city": "Oslo",
            "tags": '["a",1,true]',
            "raw": '"00ff"',
            "empty": None,
        }
    ]


def test_a_field_may_have_any_name(honeycomb: Client) -> None:
    names = ["it's", 'say "x"', "a/b", "a~b", "Ümlaut", "with space", "$.x", "0"]
    request, span = one_span()
    set_attributes(span.attributes, dict.fromkeys(names, "v"))
    honeycomb.send_spans(request)
    assert fields_of(honeycomb, *names) == [dict.fromkeys(names, "v")]


def test_attributes_named_like_the_spans_own_fields_replace_them(honeycomb: Client) -> None:
    request, span = one_span(name="mine", error=True, sampleRate=4, **{"service.name": "other"})
    set_attributes(span.attributes, {"trace.trace_id": "made-up", "duration_ms": "long"})
    honeycomb.send_spans(request)
    (row,) = honeycomb.results(
        breakdowns=["name", "error", "service.name", "trace.trace_id", "duration_ms", "sampleRate"]
    )
    assert row == {
        "COUNT": 4,
        "name": "mine",
        "error": True,
        "service.name": "other",
        "trace.trace_id": "0000000000000001" * 2,
        "duration_ms": 5.0,
        "sampleRate": None,
    }


def test_events_and_links_are_events_of_their_own_and_repeat_with_their_span(honeycomb: Client) -> None:
    request, span = one_span()
    event = span.events.add(name="exception", time_unix_nano=span.start_time_unix_nano + 2_000_000)
    set_attributes(event.attributes, {"exception.message": "boom", "exception.type": "ValueError"})
    span.links.add(trace_id=bytes(range(16)), span_id=bytes(range(8)))
    honeycomb.send_spans(request)
    honeycomb.send_spans(request)
    kinds = honeycomb.results(breakdowns=["meta.annotation_type"])
    assert {row["meta.annotation_type"]: row["COUNT"] for row in kinds} == {
        None: 1,
        "span_event": 1,
        "link": 1,
    }
    rows = fields_of(
        honeycomb,
        "meta.annotation_type",
        "name",
        "trace.parent_id",
        "parent_name",
        "exception.message",
        "meta.time_since_span_start_ms",
        "trace.link.span_id",
        "span.num_events",
    )
    by_kind = {row["meta.annotation_type"]: row for row in rows}
    assert by_kind[None]["exception.message"] == "boom"
    assert by_kind[None]["span.num_events"] == 1
    assert by_kind["span_event"]["trace.parent_id"] == span.span_id.hex()
    assert by_kind["span_event"]["meta.time_since_span_start_ms"] == 2.0
    assert by_kind["link"]["trace.link.span_id"] == "0001020304050607"
    assert by_kind["link"]["parent_name"] == span.name


def test_a_span_that_ends_before_it_begins(honeycomb: Client) -> None:
    request, span = one_span()
    span.end_time_unix_nano = span.start_time_unix_nano - 1
    honeycomb.send_spans(request)
    assert fields_of(honeycomb, "duration_ms", "meta.invalid_duration") == [
        {"duration_ms": 0.0, "meta.invalid_duration": True}
    ]


def test_a_64_bit_trace_id_is_shown_without_its_zeros(honeycomb: Client) -> None:
    request, span = one_span()
    span.trace_id = bytes(8) + bytes.fromhex("f798a1e7f33c8af6")
    honeycomb.send_spans(request)
    assert fields_of(honeycomb, "trace.trace_id") == [{"trace.trace_id": "f798a1e7f33c8af6"}]


@pytest.mark.parametrize(("service", "dataset"), [("My Shop!", "my-shop-"), ("  ", "unknown_service")])
def test_the_dataset_is_the_service(honeycomb: Client, service: str, dataset: str) -> None:
    honeycomb.send_spans(request_of([Call(service, 1)]))
    assert [found["slug"] for found in honeycomb.get("/1/datasets").json()] == [dataset]


def test_too_much_in_one_span_is_a_partial_success(honeycomb: Client) -> None:
    request, _span = one_span(**{f"f{number}": number for number in range(2_001)})
    for size in (100, 1_000_001):
        add_span(request.resource_spans[0].scope_spans[0], Call("one", size)).name = "x"
        set_attributes(request.resource_spans[0].scope_spans[0].spans[-1].attributes, {"big": "x" * size})
    answer = honeycomb.send("/v1/traces", request.SerializeToString(), **PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_spans) == (200, 2)
    assert partial.error_message == "Event has too many columns. Event is too large."
    assert [row["COUNT"] for row in honeycomb.results()] == [1]


def test_log_records(honeycomb: Client) -> None:
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    set_attributes(resource_logs.resource.attributes, {"service.name": "talker"})
    records = resource_logs.scope_logs.add().log_records
    record = records.add(time_unix_nano=time.time_ns(), severity_number=9, severity_text="INFO")
    record.trace_id, record.span_id = bytes(range(16)), bytes(range(1, 9))
    record.body.string_value = "hello"
    set_attributes(record.attributes, {"code.line": 7})
    set_attributes(records.add(observed_time_unix_nano=time.time_ns()).body.kvlist_value.values, {"k": "v"})
    assert honeycomb.send("/v1/logs", request.SerializeToString(), **PROTOBUF).status_code == 200
    rows = fields_of(
        honeycomb,
        "body",
        "body.k",
        "severity",
        "trace.trace_id",
        "trace.parent_id",
        "code.line",
    )
    assert {row["body"]: row for row in rows} == {
        "hello": {
            "body": "hello",
            "body.k": None,
            "severity": "info",
            "trace.trace_id": bytes(range(16)).hex(),
            "trace.parent_id": bytes(range(1, 9)).hex(),
            "code.line": 7,
        },
        '{"k":"v"}': {
            "body": '{"k":"v"}',
            "body.k": "v",
            "severity": "unspecified",
            "trace.trace_id": None,
            "trace.parent_id": None,
            "code.line": None,
        },
    }


@pytest.mark.parametrize(
    ("state", "rate"),
    [
        ("", 1),
        ("ot=th:8", 2),
        ("ot=th:c", 4),
        ("vendor=1,ot=p:8;th:c;r:62", 4),
        ("ot=rv:1", 1),
        ("ot=th:zz", 1),
    ],
)
def test_a_sampling_threshold_is_a_rate(state: str, rate: int) -> None:
    assert rate_from_state(state) == rate


@pytest.mark.parametrize(
    ("value", "rate"), [(5, 5), ("7", 7), (2.5, 3), (0, 1), (-3, 1), ("x", 1), (None, 1), (1e300, 2**31 - 1)]
)
def test_any_sample_rate_is_a_whole_number_from_one(value: object, rate: int) -> None:
    assert to_rate(value) == rate


def test_metrics_are_events_of_their_own_dataset(honeycomb: Client) -> None:
    """Two metrics of one moment and one set are one event, of that dataset alone."""
    request = ExportMetricsServiceRequest()
    resource_metrics = request.resource_metrics.add()
    set_attributes(resource_metrics.resource.attributes, {"service.name": "web"})
    metrics = resource_metrics.scope_metrics.add().metrics
    now = time.time_ns()
    point = metrics.add(name="queue.size").gauge.data_points.add(time_unix_nano=now, as_int=7)
    set_attributes(point.attributes, {"exporter": "otlp"})
    total = metrics.add(name="sent").sum.data_points.add(time_unix_nano=now, as_double=2.5)
    set_attributes(total.attributes, {"exporter": "otlp"})
    metrics.add(name="took").histogram.data_points.add(time_unix_nano=now, count=3, sum=9)
    body = request.SerializeToString()
    assert honeycomb.send("/v1/metrics", body, **PROTOBUF).status_code == 200
    assert honeycomb.send("/v1/metrics", b"\x01", **PROTOBUF).status_code == 400
    rows = honeycomb.results(
        "metrics", breakdowns=["service.name", "exporter", "queue.size", "sent", "took.count"]
    )
    assert {tuple(row.values()) for row in rows} == {
        ("web", "otlp", 7, 2.5, None, 1),
        ("web", None, None, None, 3, 1),
    }
    assert honeycomb.results(breakdowns=["exporter"]) == []
