"""Text that is no UTF-8: OTLP's protobuf takes it, and vendors refuse the whole batch that it is in."""

import requests
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import call, in_base64, pairs, payload

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
    for span in large:
        span["attributes"] = [*span["attributes"], *pairs({"app.large": "x" * 210_000})]
    own_chain.send(large)
    ids = {one["spanId"] for one in large}
    wait_for(lambda: ids <= {one["id"] for one in list(own_chain.vendors.spans)})
    wait_for(lambda: ids <= own_chain.xray_ids())
