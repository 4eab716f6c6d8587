"""What a vendor refuses is kept until it is taken; one pipeline's trouble is no other's."""

import itertools
import threading
from collections.abc import Callable

import pytest
import requests
from flask import Response

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import Span, call, payload, send_log, trace_id
from tests.component.collector.vendors import BACKENDS

SENT = 12
OTHERS_SECONDS = 30.0  # far below what the hanging one takes
ERRORS = {
    400: "InvalidRequestException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    429: "ThrottlingException",
    500: "",
    503: "ServiceUnavailableException",
}
QUEUES = ("otlp_grpc/honeycomb", "otlp_grpc/xray", "otlp_grpc/logs")


def send_calls(chain: Chain, count: int = SENT) -> list[Span]:
    sent = []
    for number in range(count):
        spans = call("a", "b")
        chain.send(spans)
        send_log(chain.collector.otlp_http, "a", f"line {number}", trace_id())
        sent += spans
    return sent


def arrived(chain: Chain, sent: list[Span]) -> dict[str, Callable[[], bool]]:
    """Whether all of it is at this vendor."""
    ids = {one["spanId"] for one in sent}
    bodies = {f"line {number}" for number in range(sum(one["service"] == "b" for one in sent))}
    return {
        "honeycomb": lambda: ids <= {span["id"] for span in list(chain.vendors.spans)},
        "xray": lambda: ids <= chain.xray_ids(),
        "logs": lambda: bodies <= {line["body"] for line in list(chain.vendors.lines)},
    }


@pytest.mark.parametrize("status", ERRORS)
def test_an_answer_of_failure_loses_nothing(own_chain: Chain, status: int) -> None:
    own_chain.vendors.fail(status, error=ERRORS[status])
    sent = send_calls(own_chain)
    wait_for(lambda: own_chain.vendors.refused.keys() == set(BACKENDS))
    own_chain.vendors.heal()
    for is_there in arrived(own_chain, sent).values():
        wait_for(is_there)
    metrics = ("send_failed_spans", "send_failed_log_records")
    given_up = {
        (queue, metric): own_chain.collector.metric(f"otelcol_exporter_{metric}", exporter=queue)
        for queue, metric in itertools.product(QUEUES, metrics)
    }
    assert not any(given_up.values()), given_up


@pytest.mark.parametrize("status", [403, 503])
def test_killed_with_every_backend_down_loses_nothing(own_chain: Chain, status: int) -> None:
    own_chain.vendors.fail(status)
    sent = send_calls(own_chain)
    wait_for(lambda: own_chain.vendors.refused.keys() == set(BACKENDS))
    own_chain.collector.kill()
    own_chain.vendors.heal()
    own_chain.collector.start()
    for is_there in arrived(own_chain, sent).values():
        wait_for(is_there)


@pytest.mark.parametrize("hanging", BACKENDS)
def test_a_backend_that_hangs_holds_up_no_other(own_chain: Chain, hanging: str) -> None:
    released = threading.Event()

    def hang() -> Response:
        released.wait(150)
        return Response("{}", 503, mimetype="application/json")

    own_chain.vendors.faults[hanging] = hang
    try:
        sent = send_calls(own_chain)
        for backend, is_there in arrived(own_chain, sent).items():
            if backend != hanging:
                wait_for(is_there, OTHERS_SECONDS)
    finally:
        own_chain.vendors.heal()
        released.set()
    wait_for(arrived(own_chain, sent)[hanging])


def test_more_than_a_grpc_message_by_default_goes_through(own_chain: Chain) -> None:
    """4 MiB is what a gRPC server takes unless told otherwise, and refuses for good."""
    own_chain.vendors.fail(503, "honeycomb")
    spans = [one for _ in range(40) for one in call("a", "b")]
    text = {"key": "text.long", "value": {"stringValue": "x" * 50_000}}
    body = payload([{**one, "attributes": [text]} for one in spans])
    requests.post(f"{own_chain.collector.otlp_http}/v1/traces", json=body, timeout=20).raise_for_status()
    wait_for(lambda: own_chain.vendors.refused["honeycomb"])
    own_chain.vendors.heal()
    wait_for(arrived(own_chain, spans)["honeycomb"])
