"""What is looked at for the causes: the collector's own words, traces, clocks."""

import json as stdlib_json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Serve, free_port
from tests.unit.compare.maps import a_map, compared, node, source
from tests.unit.compare.world import World
from tests.unit.readers.conftest import NOW, WINDOW, Vendor, json, settings_at, text
from threemaps.account import metering
from threemaps.diagnose.evidence.absent import absent_calls
from threemaps.diagnose.evidence.collect import collect, not_flushed, passed, what_all_lack
from threemaps.diagnose.evidence.collector import collector_of, parse_metrics, read_collector
from threemaps.diagnose.evidence.crossing import crossing_calls
from threemaps.diagnose.evidence.model import Evidence, Leg
from threemaps.diagnose.evidence.shapes import TracedSpan, look
from threemaps.diagnose.evidence.spans import (
    from_honeycomb,
    from_xray,
    in_xray,
    of_services,
    perhaps_entered,
    with_entered,
)
from threemaps.diagnose.evidence.vendors import (
    clock_skew,
    filter_of,
    honeycomb_key_problem,
    sampling_in_force,
    skew_in_trace,
)
from threemaps.readers import BACKENDS, open_backend
from threemaps.readers.batch import xray_id
from threemaps.readers.honeycomb import Honeycomb
from threemaps.readers.xray import XRay

METRICS = """
# HELP otelcol_exporter_queue_size Current size of the retry queue
# TYPE otelcol_exporter_queue_size gauge
otelcol_exporter_queue_size{data_type="traces",exporter="otlp_grpc/honeycomb"} 1200
otelcol_exporter_queue_capacity{data_type="traces",exporter="otlp_grpc/honeycomb"} 2.68435456e+08
otelcol_exporter_queue_size{data_type="metrics",exporter="otlp_grpc/emf"} 0
otelcol_exporter_sent_spans{exporter="awsxray"} 40
otelcol_exporter_sent_spans{exporter="otlp_grpc/xray",server_address="127.0.0.1"} 44
otelcol_exporter_send_failed_spans_total{exporter="awsxray"} 9
otelcol_exporter_send_failed_spans_total{exporter="otlp_grpc/xray"} 4
otelcol_exporter_enqueue_failed_metric_points{exporter="otlp_grpc/emf"} 3
otelcol_receiver_refused_spans{receiver="otlp",transport="http"} 2
otelcol_receiver_refused_spans{receiver="otlp/xray",transport="grpc"} 900
otelcol_receiver_refused_spans{receiver="awsxray",transport="udp"} 4
otelcol_processor_refused_spans{processor="memory_limiter"} 3
otelcol_connector_servicegraph_dropped_spans 5
otelcol_connector_servicegraph_expired_edges_total 6
otelcol_process_uptime_seconds_total 60
odd_value{a="b"} NaN
"""


def log_line(component: str, message: str, error: str | None) -> str:
    fields = {"level": "info", "msg": message, "otelcol.component.id": component}
    return stdlib_json.dumps({**fields, **({"error": error} if error else {})})


def test_the_collectors_own_numbers() -> None:
    found = collector_of(METRICS, "", NOW)
    assert found.started == NOW - timedelta(seconds=60)
    assert found.legs["honeycomb"] == Leg(queued=1200, capacity=268435456)
    assert found.legs["xray"] == Leg(sent=40, failed=4)
    assert found.legs["cloudwatch"] == Leg(not_queued=3)
    assert (found.refused, found.dropped_halves, found.expired_halves) == (3, 5, 6)


def test_a_datagram_that_cannot_be_read_is_no_refused_span() -> None:
    garbage = 'otelcol_receiver_refused_spans{receiver="awsxray",transport="udp"} 1'
    assert collector_of(garbage, "", NOW).refused == 0


def test_x_rays_other_door_has_two_exporters() -> None:
    sent = (("otlp_http/xray", 40), ("otlp_http/xray_late", 3), ("otlp_grpc/xray", 43))
    lines = [f'otelcol_exporter_sent_spans{{exporter="{name}"}} {count}' for name, count in sent]
    assert collector_of("\n".join(lines), "", NOW).legs["xray"].sent == 43
    samples = [replace(one, name="exporter_sent_spans") for one in parse_metrics("\n".join(lines))]
    assert metering.sent(samples, "spans", "xray") == 43


def test_the_exporters_last_words() -> None:
    log = "\n".join(
        [
            log_line("otlp_http/honeycomb", "Exporting failed.", "HTTP Status Code 401"),
            log_line("otlp_grpc/honeycomb", "Started", None),
            log_line("awsemf", "Exporting failed.", "throttled"),
            "no json",
            "[]",
            log_line("otlp_grpc/honeycomb", "Exporting failed. Will retry", "unavailable"),
            log_line("otlp_http/honeycomb", "Exporting failed.", "HTTP Status Code 401"),
        ]
    )
    found = collector_of("", log, NOW)
    assert found.legs["honeycomb"].log_lines == (
        "Exporting failed: HTTP Status Code 401",
        "Exporting failed: unavailable",
    )
    assert found.legs["cloudwatch"].log_lines == ("Exporting failed: throttled",)
    assert found.legs["xray"].log_lines == ()


@pytest.mark.parametrize("body", ["", "\x00", "{}", "a{b} 1", "a 1 2 3\n{", "otelcol_process_uptime x"])
def test_metrics_that_are_none(body: str) -> None:
    list(parse_metrics(body))
    assert collector_of(body, body, NOW).started is None


def test_the_collector_is_read_over_http(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "collector.log").write_text(log_line("awsxray", "failed", "no route"))
    url = serve(Vendor(text(METRICS)).app)
    settings = settings_at(url, THREEMAPS_URL_COLLECTOR_METRICS=url, THREEMAPS_STATE=str(tmp_path))
    assert read_collector(settings).legs["xray"].log_lines == ("failed: no route",)
    nobody = settings_at(url, THREEMAPS_URL_COLLECTOR_METRICS=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(requests.RequestException):
        read_collector(nobody)


def test_a_clock_is_off_when_a_segment_lies_outside_its_trace() -> None:
    right = [("web", 100.0, 100.5), ("api", 100.1, 100.4)]
    assert skew_in_trace([*right, ("users", 160.2, 160.3)])["users"] == pytest.approx(60, abs=1)
    assert skew_in_trace([*right, ("users", 40.2, 40.3)])["users"] == pytest.approx(-60, abs=1)
    assert set(skew_in_trace([*right, ("users", 100.2, 100.3)]).values()) == {0.0}
    assert skew_in_trace([("web", 100.0, 100.5)]) == {}
    many = [("users", 160.0 + number, 161.0 + number) for number in range(5)]
    assert skew_in_trace([*right, *many])["web"] == 0.0
    slow = [("web", 100.0, 190.0), ("api", 100.1, 100.2), ("users", 189.0, 189.9)]
    assert set(skew_in_trace(slow).values()) == {0.0}


def test_of_two_clocks_the_one_in_the_window_is_right() -> None:
    now = WINDOW.start.timestamp() + 60
    for off in (-3600.0, 3600.0):
        called = [("users", now + off, now + off + 0.1)] * 3
        found = skew_in_trace([*called, ("web", now, now + 0.5)], WINDOW)
        assert found == {"users": pytest.approx(off), "web": 0.0}


def trace(one: str, *segments: tuple[str, float]) -> dict[str, Any]:
    documents = [{"name": name, "start_time": at, "end_time": at + 0.1} for name, at in segments]
    documents.append({"name": "guessed", "start_time": 1.0, "end_time": 2.0, "inferred": True})
    return {"Id": one, "Segments": [{"Document": stdlib_json.dumps(each)} for each in documents]}


def xray_at(url: str) -> XRay:
    reader = open_backend("xray", settings_at(url))
    assert isinstance(reader, XRay)
    return reader


def test_clocks_are_compared_in_traces(serve: Serve) -> None:
    ids = ["1-00000001-000000000000000000000001", "1-00000001-000000000000000000000002"]
    summaries = json({"TraceSummaries": [{"Id": one} for one in ids]})
    held = [trace(one, ("web", 100.0), ("api", 100.05), ("users", 160.0)) for one in ids]
    vendor = Vendor(summaries, json({"Traces": held}))
    found = clock_skew(xray_at(serve(vendor.app)), WINDOW, {"users", 'a"b'})
    assert found == {"users": pytest.approx(60.0)}
    asked = stdlib_json.loads(vendor.requests[0][2])
    assert (asked["FilterExpression"], asked["TimeRangeType"]) == ('service("users")', "Event")


def test_a_filter_is_no_longer_than_x_ray_takes() -> None:
    assert filter_of([]) == ""
    assert filter_of(["b", "a"]) == 'service("a") OR service("b")'
    assert 1_000 < len(filter_of([f"service-{number}" for number in range(500)])) < 2_000


def test_a_rule_that_left_calls_out(serve: Serve) -> None:
    rules = [
        {"RuleName": "low", "RequestCount": 200, "SampledCount": 20},
        {"RuleName": "Default", "RequestCount": 0, "SampledCount": 0},
        {"RuleName": "all", "RequestCount": 7, "SampledCount": 7},
    ]
    vendor = Vendor(json({"SamplingStatisticSummaries": rules}))
    url = serve(vendor.app)
    [found] = sampling_in_force(xray_at(url), settings_at(url))
    assert found.rate == pytest.approx(0.1)
    assert found.where == "the X-Ray sampling rule low"
    asked = settings_at(url, OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.25")
    assert [one.rate for one in sampling_in_force(xray_at(url), asked)] == [pytest.approx(0.1), 0.25]


def honeycomb_at(url: str) -> Honeycomb:
    reader = open_backend("honeycomb", settings_at(url))
    assert isinstance(reader, Honeycomb)
    return reader


def rows(*found: dict[str, Any]) -> tuple[Any, Any]:
    data = {"results": [{"data": {**one, "COUNT": 1}} for one in found]}
    return json({"id": "q"}), json({"id": "r", "complete": True, "data": data})


def span_row(trace_id: str, number: int, parent: str = "", service: str = "web") -> dict[str, Any]:
    ids = {"trace.trace_id": trace_id, "trace.span_id": f"{number:016x}", "trace.parent_id": parent}
    return {**ids, "service.name": service, "span.kind": "server"}


def test_whole_traces_come_from_honeycomb(serve: Serve) -> None:
    ids = [f"{number:032x}" for number in (1, 2)]
    spans = [span_row(ids[0], 1), span_row(ids[0], 2, f"{1:016x}", "api"), span_row(ids[1], 3)]
    annotation = {**span_row(ids[1], 4), "trace.span_id": None}
    vendor = Vendor(*rows(*({"trace.trace_id": one} for one in ids)), *rows(*spans, annotation))
    found, complete = from_honeycomb(honeycomb_at(serve(vendor.app)), {"web"}, WINDOW)
    assert complete
    assert {one: len(held) for one, held in found.items()} == {ids[0]: 2, ids[1]: 1}
    assert found[ids[0]][1] == TracedSpan(ids[0], f"{2:016x}", f"{1:016x}", "api", "server")


def test_fewer_traces_rather_than_cut_ones(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threemaps.diagnose.evidence.spans.MOST_SPANS", 2)
    ids = [{"trace.trace_id": f"{number:032x}"} for number in range(9)]
    cut, whole = rows(span_row("a", 1), span_row("a", 2)), rows(span_row("a", 1))
    vendor = Vendor(*rows(*ids), *cut, *whole)
    found, complete = from_honeycomb(honeycomb_at(serve(vendor.app)), {"web"}, WINDOW)
    assert (list(found), complete) == (["a"], False)


def test_segments_tell_less_than_spans(serve: Serve) -> None:
    inner = {"id": "03", "name": "api:80", "namespace": "remote"}
    work = {"id": "02", "name": "work", "subsegments": [inner]}
    documents = [
        {"id": "01", "name": "web", "subsegments": [work]},
        {"id": "04", "name": "api", "parent_id": "03"},
        {"id": "05", "name": "api", "inferred": True},
    ]
    held = {"Id": "1-a", "Segments": [{"Document": stdlib_json.dumps(one)} for one in documents]}
    vendor = Vendor(json({"TraceSummaries": [{"Id": "1-a"}]}), json({"Traces": [held]}))
    found, complete = from_xray(xray_at(serve(vendor.app)), WINDOW, {"web"})
    assert complete
    assert sorted((span.id, span.parent, span.service, span.kind) for span in found["1-a"]) == [
        ("01", "", "web", "server"),
        ("02", "01", "web", "internal"),
        ("03", "02", "web", "client"),
        ("04", "03", "api", "server"),
    ]


def test_traces_that_x_ray_lacks(serve: Serve) -> None:
    ids = [f"{number:032x}" for number in (1, 2, 3)]
    spans = [("0a", "", "web", "server"), ("0b", "0a", "api", "server")]
    held = {one: [TracedSpan(one, *span) for span in spans] for one in ids}
    xray = Vendor(json({"Traces": [segments(ids[0], "0a", "0b"), segments(ids[1], "0a")]}))
    there = in_xray(xray_at(serve(xray.app)), of_services(held, {"api"}))
    absent = absent_calls(held, there, complete=True)
    web, api, outside = node("web"), node("api"), node("(outside)")
    # The second trace has its caller, the third nothing at all.
    assert absent.calls == {(web, api): (ids[1], ids[2]), (outside, web): (ids[2],)}
    assert absent.seen == {(web, api): 3, (outside, web): 3}
    assert of_services(held, {"users"}) == {}


def test_what_x_ray_has_segments_for() -> None:
    """Of spans whose flags say so: an internal one is a segment itself, a client's hangs below a new one."""
    spans = [("1", "", "web", "server"), ("2", "1", "api", "internal"), ("3", "1", "job", "client")]
    held = {
        "t": [TracedSpan("t", *span) for span in spans],
        "plain": [TracedSpan("plain", "4", "", "a", "server")],
    }
    assert list(perhaps_entered(held)) == ["t"]
    segments = [
        ("1", "", "web", "server"),
        ("2", "1", "api", "server"),
        ("9", "1", "job", "server"),
        ("3", "9", "job", "client"),
    ]
    marked = with_entered(held, {"t": [TracedSpan("t", *one) for one in segments]})
    assert [span.entered for span in marked["t"]] == [True, True, True]
    plain = with_entered(held, {"t": [TracedSpan("t", *one) for one in spans]})
    assert [span.entered for span in plain["t"]] == [True, False, False]


def test_a_segment_with_the_id_of_another_span_is_kept_beside_it() -> None:
    spans = [("1", "", "web", "server"), ("2", "1", "web", "client"), ("3", "2", "api", "server")]
    other = [*spans[:2], ("3", "9", "users", "server")]
    held = {"t": [TracedSpan("t", *one) for one in spans]}
    there = {"t": [TracedSpan("1-t", *one) for one in other]}
    assert look(with_entered(held, there)["t"], complete=True).doubled == {"api": "t", "users": "t"}


def segments(trace_id: str, *ids: str) -> dict[str, Any]:
    documents = [{"id": one, "name": "web"} for one in ids]
    return {"Id": xray_id(trace_id), "Segments": [{"Document": stdlib_json.dumps(one)} for one in documents]}


def test_what_honeycomb_says_of_the_key(serve: Serve) -> None:
    assert honeycomb_key_problem(settings_at(serve(Vendor(json({"type": "ingest"})).app))) == ""
    refused = Vendor(json({"error": "unknown API key"}, 401))
    assert "unknown API key" in honeycomb_key_problem(settings_at(serve(refused.app)))


def test_traffic_at_the_windows_edges(serve: Serve) -> None:
    held = a_map("web>api 3")
    url = serve(World(held, held, held, at=WINDOW.end + timedelta(seconds=1)).app)
    backends = [open_backend(name, settings_at(url)) for name in ("honeycomb", "xray")]
    counts = passed(backends, WINDOW, timedelta(seconds=5))
    assert counts == {(node("web"), node("api")): 3}


def test_calls_that_were_not_flushed_where_they_are(serve: Serve) -> None:
    made, flushed = a_map("web>api 5", "web>users 2"), a_map("web>api 3", "web>db! 1")
    url = serve(World(made, a_map("web>api 4"), flushed, at=WINDOW.start).app)
    honeycomb, xray, cloudwatch = (open_backend(name, settings_at(url)) for name in BACKENDS)
    counts = not_flushed([honeycomb, xray], cloudwatch, WINDOW, WINDOW)
    web = node("web")
    assert counts == {(web, node("api")): 2, (web, node("users")): 2, (web, node("db!")): -1}


def test_long_calls_across_the_windows_edges(serve: Serve) -> None:
    start, end = WINDOW.start.timestamp(), WINDOW.end.timestamp()
    times = {"into": (start - 300, start + 9), "out": (end - 9, end + 9), "in": (start + 1, end - 1)}
    times |= {"short": (start - 1, start + 1), "around": (start - 60, end + 60)}
    held = [
        {"Id": one, "Segments": [{"Document": stdlib_json.dumps(document)} for document in documents]}
        for one, (began, ended) in times.items()
        for at in ({"start_time": began, "end_time": ended},)
        for documents in (
            (
                {"id": "01", "name": "web", **at, "subsegments": [{"id": "02", "namespace": "remote"}]},
                {"id": "03", "name": "api", "parent_id": "02", **at},
                {"id": "04", "name": "db", "parent_id": "02", **at, "inferred": True},
                {"id": "05", "name": "api", "parent_id": "02", "start_time": began, "in_progress": True},
            ),
        )
    ]
    away = {"Id": "away", "StartTime": start + 1, "Duration": 5}
    pages = [{"Id": one, "StartTime": start - 1, "Duration": 5} for one in times]
    vendor = Vendor(
        json({"TraceSummaries": pages[:2], "NextToken": "more"}),
        json({"TraceSummaries": [*pages[2:], away]}),
        json({"Traces": held}),
    )
    found = crossing_calls(xray_at(serve(vendor.app)), WINDOW, {"api"})
    assert [(call.trace, [str(end) for end in call.ends]) for call in found] == [
        (trace, ends) for trace in ("into", "out") for ends in (["outside", "web"], ["web", "api"])
    ]
    assert {call.trace: call.counted_by for call in found} == {
        "into": {"xray", "cloudwatch"},
        "out": {"honeycomb"},
    }
    asked = stdlib_json.loads(vendor.requests[0][2])
    assert asked["FilterExpression"] == 'service("api") AND duration >= 3'
    assert stdlib_json.loads(vendor.requests[2][2])["TraceIds"] == list(times)


def test_nothing_that_cannot_be_looked_at_fails_a_comparison(serve: Serve) -> None:
    url = serve(Vendor(text("<html>sign in</html>")).app)
    nobody = f"http://127.0.0.1:{free_port()}"
    settings = settings_at(url, THREEMAPS_URL_COLLECTOR_METRICS=nobody)
    backends = {name: open_backend(name, settings) for name in BACKENDS}
    lacking = compared(source("honeycomb", a_map("web>api 40")), source("xray", a_map("web>api 38")))
    found = collect(settings, backends, WINDOW, lacking, Evidence())
    assert found.collector is None
    assert {line.partition(" (")[0] for line in found.not_checked} >= {
        "the collector's own metrics",
        "traffic at the window's edges",
        "the services' clocks",
        "Honeycomb's key",
    }
    assert what_all_lack(settings, {}) == Evidence()
