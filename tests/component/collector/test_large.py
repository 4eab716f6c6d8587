"""What no vendor takes: cut and delivered, or left out and counted; neighbours arrive, at a bounded cost."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import requests
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain, chain_in
from tests.component.collector.sending import Span, call, in_base64, pairs, payload, send_log, trace_id

HEADERS = {"Content-Type": "application/x-protobuf"}
MANY, LONG = 100_000, "x" * 3_000_000
CPU_SECONDS = 4.0  # what is quadratic in MANY takes 15

TREE = {"kvlistValue": {"values": pairs(dict.fromkeys(map(str, range(MANY)), "x"))}}
LARGE: dict[str, dict[str, Any]] = {
    "attributes": {"attributes": pairs({f"app.{number}": "x" for number in range(MANY)})},
    "a value": {"attributes": pairs({"app.text": LONG})},
    "many long values": {"attributes": pairs({f"app.{number}": LONG[:3000] for number in range(1000)})},
    "a list": {"attributes": pairs({"app.list": ["x"] * MANY})},
    "a tree": {"attributes": [{"key": "app.tree", "value": TREE}]},
    "the name": {"name": LONG},
    "the status": {"status": {"code": 2, "message": LONG}},
    "the state": {"traceState": LONG},
    "events": {"events": [{"name": "x", "attributes": pairs({"a": "x"})}] * (MANY // 4)},
    "an event": {"events": [{"name": LONG, "attributes": pairs({"a": LONG, "b": LONG})}]},
}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with chain_in(tmp_path_factory.mktemp("large") / "state") as chain:
        yield chain


def post(chain: Chain, spans: list[Span]) -> None:
    body = ParseDict(in_base64(payload(spans)), ExportTraceServiceRequest()).SerializeToString()
    url = f"{chain.collector.otlp_http}/v1/traces"
    requests.post(url, data=body, headers=HEADERS, timeout=60).raise_for_status()


def cpu(chain: Chain) -> float:
    times = psutil.Process(chain.collector.pid).cpu_times()
    return float(times.user + times.system)


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_span_arrives_cut_with_its_neighbours(chain: Chain, kind: str) -> None:
    spans = call("large-a", "large-b")
    spans[1] |= LARGE[kind]
    ids = {one["spanId"] for one in spans}
    before = cpu(chain)
    post(chain, spans)
    wait_for(lambda: ids <= {one["id"] for one in list(chain.vendors.spans)})
    wait_for(lambda: ids <= chain.xray_ids())
    assert cpu(chain) - before < CPU_SECONDS
    wait_for(lambda: not chain.collector.metric("otelcol_exporter_queue_size"))


def test_a_span_that_cannot_be_cut_is_left_out_and_counted(chain: Chain) -> None:
    links = [{"traceId": trace_id(), "spanId": secrets.token_hex(8)} for _ in range(2000)]
    linked, *neighbours = call("links-a", "links-b")
    post(chain, [linked | {"links": links}, *neighbours])
    ids = {one["spanId"] for one in neighbours}
    wait_for(lambda: ids <= chain.xray_ids())
    assert linked["spanId"] not in chain.xray_ids()
    assert chain.collector.metric("otelcol_processor_filter_spans_filtered", filter="filter/limits") == 1


@pytest.mark.parametrize("body", [LONG, [LONG[:1000]] * 3000], ids=["text", "list"])
def test_a_large_log_record_arrives_cut(chain: Chain, body: Any) -> None:
    begin = len(chain.vendors.lines)
    send_log(
        chain.collector.otlp_http, "large-logs", body, trace_id(), **{f"app{n}": "x" for n in range(9000)}
    )
    wait_for(lambda: len(chain.vendors.lines) > begin)
    assert 100_000 < len(json.dumps(chain.vendors.lines[-1])) < 400_000
