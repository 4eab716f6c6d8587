"""Answers and spans that nobody should send: what comes with them and after them arrives."""

import gzip
import time

from flask import Response

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import CLIENT, SERVER, call, span, trace_id

ANSWERS = {
    "retry after 30 years": lambda: Response("{}", 429, {"Retry-After": "1000000000"}),
    "retry after a date": lambda: Response("{}", 503, {"Retry-After": "Fri, 31 Dec 2099 23:59:59 GMT"}),
    "a circle": lambda: Response("", 307, {"Location": "/v1/traces"}),
    "304": lambda: Response("", 304),
    "413": lambda: Response("{}", 413),
    "599": lambda: Response("{}", 599),
    "a zip bomb": lambda: Response(
        gzip.compress(bytes(100_000_000)),
        200,
        {"Content-Encoding": "gzip"},
        mimetype="application/x-protobuf",
    ),
    "a header of 2 MB": lambda: Response("{}", 500, {"X-Big": "h" * 2_000_000}),
}


def test_whatever_a_vendor_answers_spans_arrive_when_it_takes_them(own_chain: Chain) -> None:
    vendors = own_chain.vendors
    for answer in ANSWERS.values():
        vendors.refused.clear()
        vendors.faults |= dict.fromkeys(("honeycomb", "xray"), answer)
        spans = call("a", "b")
        own_chain.send(spans)
        wait_for(lambda: vendors.refused["honeycomb"] and vendors.refused["xray"])
        vendors.heal()
        ids = {one["spanId"] for one in spans}
        wait_for(lambda ids=ids: ids <= {one["id"] for one in list(vendors.spans)})
        wait_for(lambda ids=ids: ids <= own_chain.xray_ids())


def test_spans_that_make_no_sense_hold_up_nobody(own_chain: Chain) -> None:
    trace, now = trace_id(), time.time_ns()
    circle = [span("circle", kind, trace) for kind in (CLIENT, SERVER)]
    circle[0]["parentSpanId"], circle[1]["parentSpanId"] = circle[1]["spanId"], circle[0]["spanId"]
    itself = span("itself", SERVER, trace)
    itself["parentSpanId"] = itself["spanId"]
    twin = span("twin", SERVER, trace) | {"spanId": itself["spanId"]}
    times = [
        span("time", SERVER, trace_id()) | {"startTimeUnixNano": str(start), "endTimeUnixNano": str(end)}
        for start, end in ((0, 0), (now, now - 10**12), (2**64 - 1, 2**64 - 1), (now - 10**18, now))
    ]
    nothing = span("nothing", 99, "0" * 32) | {"spanId": "0" * 16, "status": {"code": 77}}
    good = call("good-a", "good-b")
    own_chain.send([*circle, itself, twin, *times, nothing, *good])
    ids = {one["spanId"] for one in (*good, *circle, itself)}
    wait_for(lambda: ids <= {one["id"] for one in list(own_chain.vendors.spans)})
    wait_for(lambda: ids <= own_chain.xray_ids())
