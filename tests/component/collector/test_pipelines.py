"""What each backend gets of what is sent, on a collector where all is well."""

import time

import pytest
import requests

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import (
    ERROR,
    call,
    pairs,
    segment,
    send_log,
    send_segment,
    send_shuffled,
    trace_id,
)


def test_every_backend_gets_every_span_once(chain: Chain) -> None:
    spans = [one for _ in range(60) for one in call("all-a", "all-b")]
    send_shuffled(chain.collector.otlp_http, spans)
    ids = sorted(one["spanId"] for one in spans)
    wait_for(lambda: len([*chain.honeycomb("all-a"), *chain.honeycomb("all-b")]) == len(ids))
    assert sorted(one["id"] for name in ("all-a", "all-b") for one in chain.honeycomb(name)) == ids
    wait_for(lambda: set(ids) <= chain.xray_ids())
    assert sorted(one["id"] for one in chain.vendors.xray_spans if one["service"].startswith("all-")) == ids
    assert chain.vendors.keys == {"local-ingest-key"}


def test_what_is_an_error_stays_one(chain: Chain) -> None:
    chain.send([*call("fault-a", "fault-b", status=404), *call("fault-a", "fault-b", status=503)])
    wait_for(lambda: len(chain.honeycomb("fault-a")) == 4)
    assert sorted(one["status"] for one in chain.honeycomb("fault-a")) == [0, 0, ERROR, ERROR]


def test_logs_carry_both_forms_of_the_trace_id(chain: Chain) -> None:
    trace = trace_id()
    send_log(chain.collector.otlp_http, "logs-a", "hello", trace, count=3)
    wait_for(lambda: _line(chain, "logs-a"))
    line = _line(chain, "logs-a")
    assert line["trace"] == trace
    assert line["attributes"] == {"count": 3, "xray_trace_id": f"1-{trace[:8]}-{trace[8:]}"}
    assert (line["body"], line["severity"]) == ("hello", "INFO")


def test_a_log_line_outside_a_trace_carries_no_id(chain: Chain) -> None:
    send_log(chain.collector.otlp_http, "logs-b", "alone")
    wait_for(lambda: _line(chain, "logs-b"))
    assert (_line(chain, "logs-b")["trace"], _line(chain, "logs-b")["attributes"]) == ("", {})


def test_metrics_go_to_honeycomb_and_in_thousands_to_cloudwatch(chain: Chain) -> None:
    points = [
        {"timeUnixNano": str(time.time_ns()), "asInt": "1", "attributes": pairs({"n": n})}
        for n in range(2500)
    ]
    metric = {"name": "work", "gauge": {"dataPoints": points}}
    document = {"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"scope": {}, "metrics": [metric]}]}]}
    requests.post(f"{chain.collector.otlp_http}/v1/metrics", json=document, timeout=20).raise_for_status()
    for backend in ("honeycomb", "monitoring"):
        calls = chain.vendors.points[backend]
        wait_for(lambda calls=calls: sum(map(len, list(calls))) == len(points))
    assert max(map(len, chain.vendors.points["monitoring"])) == 1000


def test_segments_of_an_xray_sdk_reach_every_backend(chain: Chain) -> None:
    trace = trace_id()
    request = {"method": "GET", "url": "http://other.internal:9000/x"}
    down = segment("other.internal", trace, namespace="remote", http={"request": request})
    callee = segment("sdk-b", trace, parent_id=down["id"], http={"request": {"client_ip": "127.0.0.1"}})
    caller = segment("sdk-a", trace, subsegments=[down])
    port = chain.collector.settings.ports["xray"]
    send_segment(port, {**caller, "in_progress": True, "end_time": None, "subsegments": []})
    for one in (caller, callee):
        send_segment(port, one)
    wait_for(lambda: len(chain.honeycomb("sdk-b")) == 1 and len(chain.honeycomb("sdk-a")) == 2)
    assert chain.xray(down["id"])["aws.remote.service"] == "other.internal:9000"
    # Honeycomb counts what it gets: the segment's first, unfinished form does not go there.
    assert len(chain.honeycomb("sdk-a")) == 2


@pytest.mark.parametrize(("status", "is_error"), [(404, False), (503, True)])
def test_a_4xx_that_a_service_on_the_sdk_answered_is_no_error_in_honeycomb(
    chain: Chain, status: int, is_error: bool
) -> None:
    service = f"sdk-{status}"
    flag = "fault" if is_error else "error"
    answered = segment(service, trace_id(), http={"response": {"status": status}}, **{flag: True})
    send_segment(chain.collector.settings.ports["xray"], answered)
    wait_for(lambda: chain.honeycomb(service))
    assert [one["status"] == ERROR for one in chain.honeycomb(service)] == [is_error]


def _line(chain: Chain, service: str) -> dict[str, object]:
    return next((line for line in list(chain.vendors.lines) if line["service"] == service), {})
