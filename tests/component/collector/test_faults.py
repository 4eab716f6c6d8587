"""What a vendor refuses is kept until it is taken; one leg's trouble is no other's."""

import itertools
import threading

import pytest
import requests
from flask import Response

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import Span, call, payload, send_log, trace_id

SENT = 12
OTHERS_SECONDS = 30.0  # far below what the hanging leg takes
ERRORS = {
    400: "InvalidRequestException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    429: "ThrottlingException",
    500: "",
    503: "ServiceUnavailableException",
}


def send_calls(chain: Chain, count: int = SENT) -> list[Span]:
    sent = []
    for number in range(count):
        spans = call("a", "b")
        chain.send(spans)
        send_log(chain.collector.otlp_http, "a", f"line {number}", trace_id())
        sent += spans
    return sent


def wait_for_all(chain: Chain, sent: list[Span]) -> None:
    """Every span, line and call at every vendor."""
    ids = {one["spanId"] for one in sent}
    calls = sum(one["service"] == "b" for one in sent)
    bodies = {f"line {number}" for number in range(calls)}
    wait_for(lambda: ids <= {span["id"] for span in list(chain.vendors.spans)})
    wait_for(lambda: ids <= chain.segment_ids())
    wait_for(lambda: chain.vendors.calls()["a", "b", ""] >= calls)
    wait_for(lambda: bodies <= {line["body"] for line in list(chain.vendors.lines)})


@pytest.mark.parametrize("status", ERRORS)
def test_an_answer_of_failure_loses_nothing(own_chain: Chain, status: int) -> None:
    own_chain.vendors.fail(status, error=ERRORS[status])
    sent = send_calls(own_chain)
    wait_for(lambda: own_chain.vendors.refused.keys() == {"honeycomb", "xray", "emf", "logs"})
    own_chain.vendors.heal()
    wait_for_all(own_chain, sent)
    assert own_chain.vendors.calls()["a", "b", ""] == SENT
    queues = ("otlp_grpc/honeycomb", "otlp_grpc/xray", "otlp_grpc/emf", "awscloudwatchlogs")
    metrics = ("send_failed_spans", "send_failed_metric_points", "send_failed_log_records")
    given_up = {
        (queue, metric): own_chain.collector.metric(f"otelcol_exporter_{metric}", exporter=queue)
        for queue, metric in itertools.product(queues, metrics)
    }
    assert not any(given_up.values()), given_up


def test_killed_with_every_backend_down_loses_nothing(own_chain: Chain) -> None:
    own_chain.vendors.fail(503)
    sent = send_calls(own_chain)
    # What the service graph holds in memory dies with the collector: the counts have to be in the queue.
    wait_for(lambda: own_chain.vendors.refused["emf"] and own_chain.vendors.refused["logs"])
    wait_for(lambda: own_chain.collector.metric("otelcol_exporter_queue_size", exporter="otlp_grpc/emf"))
    own_chain.collector.kill()
    own_chain.vendors.heal()
    own_chain.collector.start()
    ids = {one["spanId"] for one in sent}
    wait_for(lambda: ids <= {span["id"] for span in list(own_chain.vendors.spans)})
    wait_for(lambda: ids <= own_chain.segment_ids())
    wait_for(lambda: len({line["body"] for line in list(own_chain.vendors.lines)}) == SENT)


@pytest.mark.parametrize("leg", ["honeycomb", "xray", "emf", "logs"])
def test_a_leg_that_hangs_holds_up_no_other(own_chain: Chain, leg: str) -> None:
    released = threading.Event()

    def hang() -> Response:
        released.wait(150)
        return Response("{}", 503, mimetype="application/json")

    own_chain.vendors.faults[leg] = hang
    try:
        sent = send_calls(own_chain)
        ids = {one["spanId"] for one in sent}
        if leg != "honeycomb":
            wait_for(lambda: ids <= {span["id"] for span in list(own_chain.vendors.spans)}, OTHERS_SECONDS)
        if leg != "xray":
            wait_for(lambda: ids <= own_chain.segment_ids(), OTHERS_SECONDS)
        if leg != "emf":
            wait_for(lambda: own_chain.vendors.calls()["a", "b", ""] == SENT, OTHERS_SECONDS)
        if leg != "logs":
            wait_for(lambda: len(own_chain.vendors.lines) == SENT, OTHERS_SECONDS)
    finally:
        own_chain.vendors.heal()
        released.set()
    wait_for_all(own_chain, sent)


def test_a_slow_x_ray_is_sent_nothing_twice(own_chain: Chain) -> None:
    """awsxray gives a batch 5 s: more than one call each, and the first ones would come again and again."""
    never = threading.Event()
    own_chain.vendors.faults["xray"] = lambda: never.wait(1.5) or None
    spans = [one for _ in range(84) for one in call("a", "b")]
    own_chain.send(spans)
    wait_for(lambda: {one["spanId"] for one in spans} <= own_chain.segment_ids(), 60)
    assert len(own_chain.vendors.segments) == len(spans)


def test_more_than_a_grpc_message_by_default_goes_through(own_chain: Chain) -> None:
    """4 MiB is what a gRPC server takes unless told otherwise, and refuses for good."""
    own_chain.vendors.fail(503, "honeycomb")
    spans = [one for _ in range(40) for one in call("a", "b")]
    text = {"key": "text.long", "value": {"stringValue": "x" * 50_000}}
    body = payload([{**one, "attributes": [text]} for one in spans])
    requests.post(f"{own_chain.collector.otlp_http}/v1/traces", json=body, timeout=20).raise_for_status()
    wait_for(lambda: own_chain.vendors.refused["honeycomb"])
    own_chain.vendors.heal()
    ids = {one["spanId"] for one in spans}
    wait_for(lambda: ids <= {span["id"] for span in list(own_chain.vendors.spans)})
