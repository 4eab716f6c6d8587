"""What each backend gets of what is sent, on a collector where all is well."""

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import (
    CLIENT,
    CONSUMER,
    ERROR,
    INTERNAL,
    SERVER,
    call,
    segment,
    send_log,
    send_segment,
    send_shuffled,
    span,
    trace_id,
)


def test_every_leg_gets_every_span(chain: Chain) -> None:
    spans = call("all-a", "all-b")
    chain.send(spans)
    for one in spans:
        assert chain.segment(one["spanId"])["parent_id" if one["parentSpanId"] else "id"]
    wait_for(lambda: len(chain.honeycomb("all-a")) == 2 and len(chain.honeycomb("all-b")) == 1)
    wait_for(lambda: chain.vendors.calls()["all-a", "all-b", ""] == 1)
    assert chain.vendors.keys == {"local-ingest-key"}


def test_an_unfinished_span_does_not_stop_the_collector(chain: Chain) -> None:
    marked = span("unfinished", SERVER, trace_id(), attributes={"aws.xray.inprogress": True})
    chain.send([marked])
    assert chain.segment(marked["spanId"])["in_progress"] is True
    wait_for(lambda: chain.honeycomb("unfinished"))
    assert chain.collector.running


def test_edges_have_the_exact_number_of_calls_whatever_comes_first(chain: Chain) -> None:
    spans = [one for _ in range(60) for one in call("exact-a", "exact-b")]
    send_shuffled(chain.collector.otlp_http, spans)
    wait_for(lambda: chain.vendors.calls()["exact-a", "exact-b", ""] >= 60)
    wait_for(lambda: chain.vendors.calls()["user", "exact-a", "virtual_node"] >= 60)
    send_shuffled(chain.collector.otlp_http, call("exact-a", "exact-b"))
    wait_for(lambda: chain.vendors.calls()["exact-a", "exact-b", ""] >= 61)
    wait_for(lambda: chain.vendors.calls()["user", "exact-a", "virtual_node"] >= 61)
    assert {edge: count for edge, count in chain.vendors.calls().items() if "exact-a" in edge} == {
        ("user", "exact-a", "virtual_node"): 61,
        ("exact-a", "exact-b", ""): 61,
    }


def test_two_requests_from_outside_in_one_trace_are_two(chain: Chain) -> None:
    trace = trace_id()
    chain.send([span(service, SERVER, trace) for service in ("twin-a", "twin-b", "twin-b")])
    wait_for(lambda: chain.vendors.calls()["user", "twin-a", "virtual_node"] == 1)
    wait_for(lambda: chain.vendors.calls()["user", "twin-b", "virtual_node"] == 2)


def test_latencies_add_up_to_a_mean(chain: Chain) -> None:
    chain.send(call("mean-a", "mean-b"))
    wait_for(lambda: chain.vendors.calls()["mean-a", "mean-b", ""] == 1)

    def timings() -> list[dict[str, float]]:
        metric = "traces_service_graph_request_client"
        return [event[metric] for event in chain.vendors.told() if _is(event, "mean-a", "mean-b", metric)]

    wait_for(timings)
    assert sum(one["Count"] for one in timings()) == 1
    assert abs(sum(one["Sum"] for one in timings()) - 0.010) < 0.0001


def test_events_are_only_of_what_changed(chain: Chain) -> None:
    chain.send(call("quiet-a", "quiet-b"))
    wait_for(lambda: chain.vendors.calls()["quiet-a", "quiet-b", ""] == 1)
    # Whole flushes have passed when another edge's event has come.
    for calls in (1, 2):
        chain.send(call("noise-a", "noise-b"))
        wait_for(lambda calls=calls: chain.vendors.calls()["noise-a", "noise-b", ""] == calls)
    # In one event or several: what the connector reads in the same millisecond shares one.
    about = [
        event["_aws"]["CloudWatchMetrics"] for event in chain.vendors.told() if event["client"] == "quiet-a"
    ]
    declared = [metrics for event in about for metrics in event]
    assert sorted(metric["Name"] for one in declared for metric in one["Metrics"]) == [
        "traces_service_graph_request_client",
        "traces_service_graph_request_server",
        "traces_service_graph_request_total",
    ]
    # One set of dimensions: each metric is paid for once.
    assert {len(one["Dimensions"]) for one in declared} == {1}


def test_an_uninstrumented_callee_is_named_by_host_and_port(chain: Chain) -> None:
    trace = trace_id()
    root = span("lonely", SERVER, trace)
    addresses = {
        "http://payments.internal:8443/pay?card=1": "payments.internal:8443",
        "https://plain.internal/": "plain.internal",
        "http://plain.internal:80/": "plain.internal",
        "https://odd.internal:80/": "odd.internal:80",
    }
    calls = {
        url: span("lonely", CLIENT, trace, root["spanId"], attributes={"url.full": url}) for url in addresses
    }
    chain.send([root, *calls.values()])
    for url, name in addresses.items():
        assert chain.segment(calls[url]["spanId"])["name"] == name
    expected = {
        ("lonely", name, "virtual_node"): list(addresses.values()).count(name) for name in addresses.values()
    }
    wait_for(lambda: expected.items() <= chain.vendors.calls().items())


def test_an_instrumented_callee_keeps_its_name(chain: Chain) -> None:
    spans = call("names-a", "names-b")
    chain.send(spans)
    assert [chain.segment(one["spanId"])["name"] for one in spans] == ["names-a", "127.0.0.1:8001", "names-b"]


def test_a_4xx_is_no_fault_and_a_5xx_is(chain: Chain) -> None:
    chain.send([*call("fault-a", "fault-b", status=404), *call("fault-a", "fault-b", status=503)])

    def failed() -> dict[str, int]:
        return {
            event["failed"]: event["traces_service_graph_request_total"]
            for event in chain.vendors.told()
            if _is(event, "fault-a", "fault-b", "traces_service_graph_request_total")
        }

    wait_for(lambda: failed() == {"false": 1, "true": 1})
    wait_for(lambda: sorted(one["status"] for one in chain.honeycomb("fault-a")) == [0, 0, ERROR, ERROR])


def test_logs_carry_both_forms_of_the_trace_id(chain: Chain) -> None:
    trace = trace_id()
    send_log(chain.collector.otlp_http, "logs-a", "hello", trace, count=3)
    wait_for(lambda: _line(chain, "logs-a"))
    line = _line(chain, "logs-a")
    assert line["trace_id"] == trace
    assert line["attributes"] == {"count": 3, "xray_trace_id": f"1-{trace[:8]}-{trace[8:]}"}
    assert (line["body"], line["severity_text"]) == ("hello", "INFO")


def test_a_log_line_outside_a_trace_carries_no_id(chain: Chain) -> None:
    send_log(chain.collector.otlp_http, "logs-b", "alone")
    wait_for(lambda: _line(chain, "logs-b"))
    assert "trace_id" not in _line(chain, "logs-b")
    assert "attributes" not in _line(chain, "logs-b")


def test_segments_of_an_xray_sdk_reach_every_leg(chain: Chain) -> None:
    trace = trace_id()
    request = {"method": "GET", "url": "http://other.internal:9000/x"}
    down = segment("other.internal", trace, namespace="remote", http={"request": request})
    callee = segment("sdk-b", trace, parent_id=down["id"], http={"request": {"client_ip": "127.0.0.1"}})
    caller = segment("sdk-a", trace, subsegments=[down])
    port = chain.collector.settings.ports["xray"]
    send_segment(port, {**caller, "in_progress": True, "end_time": None, "subsegments": []})
    for one in (caller, callee):
        send_segment(port, one)
    wait_for(lambda: chain.vendors.calls()["sdk-a", "sdk-b", ""] == 1)
    wait_for(lambda: chain.vendors.calls()["user", "sdk-a", "virtual_node"] == 1)
    wait_for(lambda: len(chain.honeycomb("sdk-b")) == 1)
    assert chain.segment(down["id"])["name"] == "other.internal:9000"
    # Honeycomb counts what it gets: the segment's first, unfinished form does not go there.
    assert len(chain.honeycomb("sdk-a")) == 2


def test_a_caller_that_is_itself_the_root_is_a_service(chain: Chain) -> None:
    trace = trace_id()
    client = span("script", CLIENT, trace, attributes={"url.full": "http://127.0.0.1:8001/"})
    job = span("job", INTERNAL, trace_id(), name="nightly")
    consumer = span("worker", CONSUMER, trace_id(), "00000000000000aa", name="orders process")
    chain.send([client, span("script-b", SERVER, trace, client["spanId"]), job, consumer])
    wait_for(lambda: chain.vendors.calls()["script", "script-b", ""] == 1)
    call_segment = chain.segment(client["spanId"])
    assert call_segment["type"] == "subsegment"
    assert chain.segment(str(call_segment["parent_id"]))["name"] == "script"
    assert chain.segment(job["spanId"])["name"] == "job"
    assert chain.segment(consumer["spanId"])["name"] == "worker"


def _is(event: dict[str, object], client: str, server: str, metric: str) -> bool:
    return (event["client"], event["server"]) == (client, server) and metric in event


def _line(chain: Chain, service: str) -> dict[str, object]:
    lines = [line for line in list(chain.vendors.lines) if line["resource"]["service.name"] == service]
    return lines[0] if lines else {}
