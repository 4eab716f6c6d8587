"""What the collector drops for good is counted past its end, and said by everybody who is asked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Response
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.collector_process import settings_at, wait_for
from tests.component.collector.conftest import Chain, chain_in
from tests.component.collector.sending import call, send_metric
from tests.component.collector.test_large import post
from threemaps.compare.troubles import standing_troubles
from threemaps.demo import heartbeat
from threemaps.demo.logs import rotate
from threemaps.diagnose.collector import parse_metrics
from threemaps.diagnose.losses import losses, sent_again
from threemaps.diagnose.recorder import Recorder
from threemaps.doctor.datagrams import check_losses
from threemaps.doctor.walk import Walk

TEXT = "x" * 9_000
# More than a batch holds, where nothing can be cut.
NESTED = {"arrayValue": {"values": [{"arrayValue": {"values": [{"stringValue": TEXT}]}}] * 600}}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with chain_in(tmp_path_factory.mktemp("losses") / "state") as chain:
        yield chain


def lost(chain: Chain, recorder: Recorder) -> dict[str, int]:
    recorder.look()
    return {one.who: one.count for one in losses(chain.collector.settings)}


def test_nothing_is_counted_where_nothing_is_lost(chain: Chain) -> None:
    recorder = Recorder(chain.collector.settings)
    for _ in range(5):
        chain.send(call("kept-a", "kept-b"))
        assert lost(chain, recorder) == {}
    wait_for(lambda: not chain.collector.metric("otelcol_exporter_queue_size"))
    assert [lost(chain, recorder) for _ in range(3)] == [{}] * 3


def test_a_span_that_no_batch_holds_is_counted_past_a_kill(chain: Chain) -> None:
    recorder = Recorder(chain.collector.settings)
    before = lost(chain, recorder)
    spans = call("nested-a", "nested-b")
    spans[1]["attributes"] = [{"key": "app.nested", "value": NESTED}]
    post(chain, spans)
    wait_for(lambda: b"dropping items" in chain.collector.log.read_bytes())
    chain.collector.kill()  # before anybody looked
    chain.collector.start()
    wait_for(lambda: lost(chain, recorder) != before)
    again = Recorder(chain.collector.settings)  # the guard was killed, too
    found = lost(chain, again)
    assert found["otlp_grpc/honeycomb"] >= 1
    assert found["otlp_grpc/xray"] >= 1
    assert rotate(chain.collector.log, 1)
    assert lost(chain, again) == found
    assert lost(chain, Recorder(chain.collector.settings)) == found


def test_what_is_refused_for_good_is_counted(chain: Chain) -> None:
    recorder = Recorder(chain.collector.settings)
    chain.vendors.fail(400, "metrics")
    send_metric(chain.collector.otlp_http, "refused", "app.gauge", 1)
    metrics = ("otlp_http/honeycomb_metrics", "otlp_http/cloudwatch_metrics")
    wait_for(lambda: lost(chain, recorder).keys() >= set(metrics))
    chain.vendors.heal()
    assert [lost(chain, recorder)[who] for who in metrics] == [1, 1]
    # A file that is no record begins anew, with what the collector has counted since its start.
    file: Path = chain.collector.settings.logs / "losses.json"
    for text in ("", "{", "[]", '{"tallies": 3}', '{"tallies": {"a": {"last": "x"}}}'):
        file.write_text(text)
        assert losses(chain.collector.settings) == []
    assert lost(chain, Recorder(chain.collector.settings))


def test_what_is_refused_inside_a_200_is_counted_and_said(chain: Chain) -> None:
    recorder = Recorder(chain.collector.settings)
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 3
    answer.partial_success.error_message = "event exceeds max event size"
    body = answer.SerializeToString()
    wait_for(lambda: not chain.collector.metric("otelcol_exporter_queue_size"))  # of the tests before
    chain.vendors.faults["honeycomb"] = lambda: Response(body, mimetype="application/x-protobuf")
    chain.send(call("partial-a", "partial-b"))
    wait_for(lambda: lost(chain, recorder).get("otlp_http/honeycomb") == 3)
    chain.vendors.heal()
    said = [one.what for one in standing_troubles(chain.collector.settings, datetime.now(UTC))]
    check = check_losses(Walk(chain.collector.settings))
    for text in ("3 spans that Honeycomb refused inside a 200", "event exceeds max event size"):
        assert any(text in one for one in said), said
        assert text in check.detail
    assert check.ok
    assert check.next_step


def test_what_several_collectors_count_adds_up(tmp_path: Path) -> None:
    """As in a cluster, where each question reaches another gateway: one that was seen before counts once."""
    settings = settings_at(tmp_path, honeycomb="http://x", aws="http://x")
    settings.logs.mkdir()
    recorder = Recorder(settings)
    for instance, dropped in (("a", 2), ("b", 3), ("a", 2), ("b", 4)):
        text = f'target_info{{service_instance_id="{instance}"}} 1\n'
        text += f'otelcol_processor_filter_spans_filtered{{filter="filter/limits"}} {dropped}\n'
        recorder.count(list(parse_metrics(text)))
    recorder.look()
    assert [one.count for one in losses(settings)] == [6]


def test_what_may_have_come_twice_is_said(tmp_path: Path) -> None:
    settings, since = (
        settings_at(tmp_path, honeycomb="http://x", aws="http://x"),
        datetime.now(UTC) - timedelta(minutes=1),
    )
    settings.logs.mkdir()
    failed = '{"msg":"Rejecting","otelcol.component.id":"%s","error":"Post: %s","rejected_items":%d}'
    (settings.logs / "collector.log").write_text(
        "\n".join(
            (
                failed % ("otlp_http/cloudwatch_logs", "EOF", 5),
                failed % ("otlp_http/cloudwatch_logs_late", "read: connection reset by peer", 1),
                failed % ("otlp_http/cloudwatch_logs", "dial: connection refused", 70),  # nobody took these
                failed % ("otlp_http/honeycomb", "EOF", 3),
                "",
            )
        )
    )
    late = (
        'otelcol_exporter_send_failed_log_records{error_type="%s",exporter="otlp_http/cloudwatch_logs"} %d\n'
    )
    recorder = Recorder(settings)
    recorder.count(list(parse_metrics(late % ("Deadline_Exceeded", 11) + late % ("_OTHER", 76))))
    recorder.look()
    (said,) = [one for one in standing_troubles(settings, since) if "twice" in one.what]
    assert "17 log records to CloudWatch" in said.what  # a span is known by its id, in the local Honeycomb
    assert {one.who: one.count for one in sent_again(settings)}["otlp_http/honeycomb"] == 3
    assert not [
        one
        for one in standing_troubles(settings, datetime.now(UTC) + timedelta(hours=1))
        if "twice" in one.what
    ]


def test_counts_that_cannot_be_written_down_are_not_called_none(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, honeycomb="http://x", aws="http://x")
    settings.logs.mkdir()
    heartbeat.beat(settings)
    assert "cannot write it down" in check_losses(Walk(settings)).detail
    Recorder(settings).look()
    assert "nothing is known to be dropped" in check_losses(Walk(settings)).detail
