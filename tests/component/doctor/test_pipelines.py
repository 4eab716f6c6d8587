"""What a vendor refused inside a 200 is counted nowhere: the doctor quotes the collector's own log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Response
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.collector_process import wait_for
from tests.component.collector import sending
from tests.component.collector.conftest import Chain, chain_in
from threemaps.doctor.check import Check
from threemaps.doctor.pipelines import check_pipelines
from threemaps.doctor.walk import Walk


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    with chain_in(tmp_path / "state") as chain:
        yield chain


def partly_taken_spans() -> Response:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 1
    answer.partial_success.error_message = "event exceeds max event size"
    return Response(answer.SerializeToString(), mimetype="application/x-protobuf")


def partly_taken_lines() -> Response:
    answer = ExportLogsServiceResponse()
    answer.partial_success.rejected_log_records = 1
    answer.partial_success.error_message = "too old"
    return Response(answer.SerializeToString(), mimetype="application/x-protobuf")


def look(chain: Chain) -> Check:
    return check_pipelines(Walk(chain.collector.settings))


def test_what_was_refused_inside_a_200_is_quoted(chain: Chain) -> None:
    assert look(chain).ok
    chain.vendors.faults["logs"] = partly_taken_lines
    sending.send_log(chain.collector.otlp_http, "shop", "hello")
    wait_for(lambda: not look(chain).ok)
    found = look(chain)
    assert found.detail.startswith("cloudwatch logs: the vendor refused some of what it was sent: ")
    assert "too old" in found.detail
    # Spans and lines are looked at in the order of the pipelines.
    chain.vendors.faults["honeycomb"] = partly_taken_spans
    chain.send(sending.call("shop", "stock"))
    wait_for(lambda: look(chain).detail.startswith("honeycomb: "))
    found = look(chain)
    assert "the vendor refused some of what it was sent: " in found.detail
    assert "event exceeds max event size" in found.detail
    assert found.next_step == f"tail {chain.collector.settings.logs / 'honeycomb.log'}"
