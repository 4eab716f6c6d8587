"""Text that is no UTF-8: OTLP's protobuf takes it, and vendors refuse the whole batch that it is in."""

import gzip
import time
from collections.abc import Callable, Iterable

import requests
from flask import Response, request
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import SERVER, call, in_base64, pairs, payload, span, trace_id
from tests.component.collector.vendors import records_of, spans_of

MARK, BAD = b"POISON", b"POIS\xff\xfe"
HEADERS = {"Content-Type": "application/x-protobuf"}
# As many as the queue has consumers, and some.
BATCHES = 10


def poisoned_trace() -> bytes:
    """Wherever a span has text."""
    spans = [
        one
        | {
            "name": "a POISON name",
            "attributes": pairs({"POISON.key": "x", "text": "POISON"}),
            "status": {"code": 2, "message": "POISON"},
            "events": [{"name": "POISON", "attributes": pairs({"a": "POISON"})}],
        }
        for one in call("POISON-a", "POISON-b")
    ]
    document = payload(spans)
    document["resourceSpans"][0]["scopeSpans"][0]["scope"] = {"name": "POISON", "version": "POISON"}
    return ParseDict(in_base64(document), ExportTraceServiceRequest()).SerializeToString().replace(MARK, BAD)


def poisoned_lines() -> bytes:
    record = {
        "timeUnixNano": "1",
        "severityText": "POISON",
        "body": {"stringValue": "POISON"},
        "attributes": pairs({"POISON.key": "x", "text": "POISON"}),
    }
    document = {
        "resourceLogs": [
            {
                "resource": {"attributes": pairs({"service.name": "POISON"})},
                "scopeLogs": [{"scope": {"name": "POISON"}, "logRecords": [record]}],
            }
        ]
    }
    return ParseDict(document, ExportLogsServiceRequest()).SerializeToString().replace(MARK, BAD)


def test_text_that_is_no_utf8_holds_up_nobody(own_chain: Chain) -> None:
    for number in range(BATCHES):
        for kind, body in (("traces", poisoned_trace()), ("logs", poisoned_lines())):
            url = f"{own_chain.collector.otlp_http}/v1/{kind}"
            requests.post(url, data=body, headers=HEADERS, timeout=20).raise_for_status()
        good = call(f"good-{number}-a", f"good-{number}-b")
        own_chain.send(good)
        ids = {one["spanId"] for one in good}
        wait_for(lambda ids=ids: ids <= {one["id"] for one in list(own_chain.vendors.spans)})
        wait_for(lambda ids=ids: ids <= own_chain.xray_ids())
    # What the vendor has is in the queue until its answer has come back.
    wait_for(
        lambda: not own_chain.collector.metric("otelcol_exporter_queue_size", exporter="otlp_grpc/honeycomb")
    )


def test_a_span_too_large_for_x_ray_comes_with_its_texts_cut(own_chain: Chain) -> None:
    """X-Ray refuses the whole request, Honeycomb takes it as it is."""
    large = call("large-a", "large-b")
    for one in large:
        one["attributes"] = [*one["attributes"], *pairs({"app.large": "x" * 210_000})]
    own_chain.send(large)
    ids = {one["spanId"] for one in large}
    wait_for(lambda: ids <= {one["id"] for one in list(own_chain.vendors.spans)})
    wait_for(lambda: ids <= own_chain.xray_ids())


def nested(depth: int) -> dict[str, object]:
    value: dict[str, object] = {"stringValue": "deep"}
    for _ in range(depth):
        value = {"kvlistValue": {"values": [{"key": "k", "value": {"arrayValue": {"values": [value]}}}]}}
    return value


def test_values_nested_deeper_than_vendors_read_hold_up_nobody(own_chain: Chain) -> None:
    """A parser of protobuf stops at 100 messages in each other."""
    deep = [{"key": "deep", "value": nested(40)}]
    spans = [one | {"attributes": deep, "events": [{"attributes": deep}]} for one in call("deep-a", "deep-b")]
    document = payload(spans)
    document["resourceSpans"][0]["resource"]["attributes"] += deep
    url = f"{own_chain.collector.otlp_http}/v1"
    requests.post(f"{url}/traces", json=document, timeout=20).raise_for_status()
    for body in (nested(40), {"stringValue": "plain"}):
        record = {"timeUnixNano": str(time.time_ns()), "body": body, "attributes": deep}
        logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
        requests.post(f"{url}/logs", json=logs, timeout=20).raise_for_status()
    ids = {one["spanId"] for one in spans}
    wait_for(lambda: ids <= {one["id"] for one in list(own_chain.vendors.spans)})
    wait_for(lambda: ids <= own_chain.xray_ids())
    wait_for(lambda: any('"deep"' in line["body"] for line in list(own_chain.vendors.lines)))


MANY = 15_000  # 10,000 are what a call of AWS's takes


def test_more_in_a_request_than_aws_takes_goes_in_parts(own_chain: Chain) -> None:
    def refuses(most: int, found: Callable[[bytes], Iterable[object]]) -> Callable[[], Response | None]:
        def look() -> Response | None:
            body = gzip.decompress(request.get_data())
            return Response("{}", 413) if len(list(found(body))) > most or len(body) > 5_242_880 else None

        return look

    own_chain.vendors.faults |= {"xray": refuses(10_000, spans_of), "logs": refuses(10_000, records_of)}
    spans = [span(f"s{number}", SERVER, trace_id(), name="x") for number in range(MANY)]
    record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": "x"}}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record] * MANY}]}]}
    own_chain.send(spans)
    requests.post(f"{own_chain.collector.otlp_http}/v1/logs", json=logs, timeout=20).raise_for_status()
    ids = {one["spanId"] for one in spans}
    wait_for(lambda: ids <= own_chain.xray_ids())
    wait_for(lambda: len(own_chain.vendors.lines) == MANY)
