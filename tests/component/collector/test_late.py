"""AWS refuses a request whole for one span or record out of its time: such a one is in nobody's way."""

import gzip
import time
from datetime import timedelta
from typing import Any

import pytest
import requests
from flask import Response, request

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import SERVER, Span, send_log, span, trace_id
from tests.component.collector.vendors import spans_of

NEVER = {"older than two weeks": timedelta(days=-15), "far ahead": timedelta(hours=3)}
APART = {"two days old": timedelta(days=-2), "ahead": timedelta(minutes=100)}


def moved(one: Span, by: timedelta) -> Span:
    nanoseconds = int(by.total_seconds() * 1e9)
    names = ("startTimeUnixNano", "endTimeUnixNano")
    return one | {name: str(int(one[name]) + nanoseconds) for name in names}


def spans_asked() -> list[dict[str, Any]]:
    """Those of the request that is being answered."""
    data = request.get_data()
    return list(
        spans_of(gzip.decompress(data) if request.headers.get("Content-Encoding") == "gzip" else data)
    )


def test_spans_of_other_times_go_by_themselves(own_chain: Chain) -> None:
    late = [moved(span("late", SERVER, trace_id()), by) for by in APART.values() for _ in range(3)]
    fresh = [span("fresh", SERVER, trace_id()) for _ in range(3)]
    refused: list[str] = []

    def within_a_day() -> Response | None:
        asked = spans_asked()
        starts = [one["start"] for one in asked]
        if max(starts) - min(starts) < timedelta(hours=24).total_seconds() * 1e9:
            return None
        refused.extend(one["service"] for one in asked)
        return Response("{}", 400)

    own_chain.vendors.faults["xray"] = within_a_day
    own_chain.send([one for group in zip(late[::2], late[1::2], fresh, strict=True) for one in group])
    wait_for(lambda: {one["spanId"] for one in [*late, *fresh]} <= own_chain.xray_ids())
    assert "fresh" not in refused


@pytest.mark.parametrize("when", NEVER)
def test_a_span_that_x_ray_never_takes_is_left_out_and_counted(own_chain: Chain, when: str) -> None:
    never, fresh = moved(span("never", SERVER, trace_id()), NEVER[when]), span("fresh", SERVER, trace_id())
    own_chain.send([never, fresh])
    own_chain.xray(fresh["spanId"])
    wait_for(lambda: never["spanId"] in {one["id"] for one in list(own_chain.vendors.spans)})
    wait_for(
        lambda: (
            own_chain.collector.metric("otelcol_processor_filter_spans.filtered", filter="filter/xray_never")
            or own_chain.collector.metric(
                "otelcol_processor_filter_spans_filtered", filter="filter/xray_never"
            )
        )
    )
    assert never["spanId"] not in own_chain.xray_ids()


def test_a_refused_late_span_is_kept_and_holds_up_nobody(own_chain: Chain) -> None:
    """An account that refuses it for good: the fresh ones go on."""
    late = moved(span("late", SERVER, trace_id()), timedelta(days=-2))
    own_chain.vendors.fail(403, "xray")
    own_chain.send([late])
    wait_for(lambda: own_chain.vendors.refused["xray"])
    own_chain.vendors.heal()
    own_chain.xray(late["spanId"])


def test_a_log_record_of_another_time_goes_by_itself(own_chain: Chain) -> None:
    url = f"{own_chain.collector.otlp_http}/v1/logs"
    for age in (timedelta(days=2), timedelta(0), timedelta(days=20)):
        told = time.time_ns() - int(age.total_seconds() * 1e9)
        record = {"timeUnixNano": str(told), "body": {"stringValue": f"{age.days} days old"}}
        document = {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": [record]}]}]}
        requests.post(url, json=document, timeout=20).raise_for_status()
    send_log(own_chain.collector.otlp_http, "a", "now")
    wait_for(
        lambda: {"2 days old", "0 days old", "now"} <= {line["body"] for line in own_chain.vendors.lines}
    )
    assert "20 days old" not in {line["body"] for line in own_chain.vendors.lines}


def test_a_log_record_without_a_time_has_one(own_chain: Chain) -> None:
    record = {"body": {"stringValue": "timeless"}}
    document = {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": [record]}]}]}
    url = f"{own_chain.collector.otlp_http}/v1/logs"
    requests.post(url, json=document, timeout=20).raise_for_status()
    wait_for(lambda: own_chain.vendors.lines)
    assert abs(own_chain.vendors.lines[0]["time"] - time.time_ns()) < 60e9


def test_one_late_item_that_is_refused_for_a_while_costs_none(own_chain: Chain) -> None:
    """Not even those that were in one request with it."""
    late = [moved(span(f"late-{number}", SERVER, trace_id()), timedelta(days=-2)) for number in range(6)]
    wanted, refused = {one["spanId"] for one in late}, late[2]["spanId"]
    times = []

    def refuse() -> Response | None:
        if refused not in {one["id"] for one in spans_asked()} or len(times) == 8:
            return None
        times.append(1)
        return Response("{}", 403)

    own_chain.vendors.faults["xray"] = refuse
    own_chain.send(late)
    wait_for(lambda: len(times) == 8)
    wait_for(lambda: wanted <= own_chain.xray_ids())
