"""GetTraceSummaries, through the client."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.standins.xray.conftest import Send
from tests.unit.standins.xray.documents import NOW, embedded, new_trace, segment, subsegment, window


def ids(
    xray: Any, expression: str | None = None, start: float = -60, end: float = 60, **more: Any
) -> list[str]:
    given = {} if expression is None else {"FilterExpression": expression}
    pages = xray.get_paginator("get_trace_summaries").paginate(**window(start, end), **given, **more)
    return [summary["Id"] for page in pages for summary in page["TraceSummaries"]]


def test_what_a_summary_says(xray: Any, send: Send) -> None:
    trace = new_trace()
    http = {
        "request": {
            "url": "http://web/order",
            "method": "POST",
            "user_agent": "curl/8",
            "client_ip": "10.0.0.1",
        },
        "response": {"status": 429, "content_length": 5},
    }
    aws = {"ec2": {"instance_id": "i-1", "availability_zone": "eu-1a"}}
    web = segment(trace, "web", took=0.5, http=http, user="ada", aws=aws, origin="AWS::EC2::Instance")
    call = subsegment(trace, "shop:80", web["id"], at=0.1, annotations={"attempt": 2})
    shop = segment(
        trace,
        "shop",
        call["id"],
        at=0.2,
        took=0.8,
        fault=True,
        annotations={"kind": "book", "paid": False, "attempt": 2, "odd": {"a": 1}},
        resource_arn="arn:shop",
        subsegments=[embedded("db")],
    )
    send(shop, call, web)
    answer = xray.get_trace_summaries(**window())
    assert answer["TracesProcessedCount"] == 1
    (summary,) = answer["TraceSummaries"]
    assert (summary["Id"], summary["Duration"], summary["ResponseTime"]) == (trace, 1.0, 0.5)
    assert (summary["HasThrottle"], summary["HasError"], summary["HasFault"]) == (True, True, False)
    assert summary["IsPartial"] is False
    assert summary["Http"] == {
        "HttpURL": "http://web/order",
        "HttpMethod": "POST",
        "HttpStatus": 429,
        "UserAgent": "curl/8",
        "ClientIp": "10.0.0.1",
    }
    web_id = {"Name": "web", "Names": ["web"], "Type": "AWS::EC2::Instance"}
    shop_id = {"Name": "shop", "Names": ["shop"]}
    assert summary["EntryPoint"] == web_id
    assert summary["ServiceIds"] == [{"Name": "db", "Names": ["db"], "Type": "remote"}, shop_id, web_id]
    assert summary["Users"] == [{"UserName": "ada", "ServiceIds": [web_id]}]
    assert summary["Annotations"] == {
        "kind": [{"AnnotationValue": {"StringValue": "book"}, "ServiceIds": [shop_id]}],
        "paid": [{"AnnotationValue": {"BooleanValue": False}, "ServiceIds": [shop_id]}],
        "attempt": [{"AnnotationValue": {"NumberValue": 2.0}, "ServiceIds": [shop_id, web_id]}],
    }
    assert summary["InstanceIds"] == [{"Id": "i-1"}]
    assert summary["AvailabilityZones"] == [{"Name": "eu-1a"}]
    assert summary["ResourceARNs"] == [{"ARN": "arn:shop"}]


def test_filters_pick_traces(xray: Any, send: Send) -> None:
    good, bad, slow = new_trace(), new_trace(), new_trace()
    send(
        segment(good, "web", subsegments=[embedded("db")]),
        segment(bad, "web", fault=True),
        segment(slow, "api", took=9),
    )
    assert sorted(ids(xray)) == sorted([good, bad, slow])
    assert ids(xray, "fault") == [bad]
    assert ids(xray, "responsetime > 5 AND ok") == [slow]
    assert ids(xray, 'edge("web", "db")') == [good]
    assert sorted(ids(xray, '!service("api")')) == sorted([good, bad])
    assert ids(xray, 'service("nobody")') == []


def test_a_bad_expression_is_refused(xray: Any) -> None:
    with pytest.raises(xray.exceptions.InvalidRequestException, match=r"Invalid filter expression: .*bogus"):
        xray.get_trace_summaries(**window(), FilterExpression="bogus > 1")


def test_newest_first_in_pages(xray: Any, send: Send) -> None:
    traces = [new_trace() for _ in range(620)]
    documents = [segment(trace, "web", at=-number / 100) for number, trace in enumerate(traces)]
    for start in range(0, len(documents), 50):
        send(*documents[start : start + 50])
    first = xray.get_trace_summaries(**window())
    assert first["TracesProcessedCount"] == 500
    second = xray.get_trace_summaries(**window(), NextToken=first["NextToken"])
    assert "NextToken" not in second
    found = [summary["Id"] for page in (first, second) for summary in page["TraceSummaries"]]
    assert found == traces
    assert first["ApproximateTime"] > second["ApproximateTime"]


def test_which_time_has_to_lie_in_the_range(xray: Any, send: Send) -> None:
    early, long, late = new_trace(), new_trace(), new_trace()
    send(
        segment(early, "web", at=0, took=1),
        segment(long, "web", at=1, took=30),
        segment(late, "web", at=20, took=1),
    )
    assert ids(xray, start=0, end=10) == [long, early]
    assert ids(xray, start=10, end=25) == [late]
    assert ids(xray, start=10, end=25, TimeRangeType="Event") == [late, long]
    assert ids(xray, start=10, end=40, TimeRangeType="Service") == [late, long]
    assert ids(xray, start=10, end=25, TimeRangeType="Service") == [late]


def test_a_part_of_the_traces(xray: Any, send: Send) -> None:
    send(*[segment(f"1-{int(NOW):08x}-00000000{i * 2**58:016x}", "web") for i in range(50)])
    half = {"Sampling": True, "SamplingStrategy": {"Name": "FixedRate", "Value": 0.5}}
    assert len(ids(xray)) == 50
    assert len(ids(xray, Sampling=True)) == 50
    assert ids(xray, **half) == ids(xray, **half)
    assert len(ids(xray, **half)) == 32
    with pytest.raises(xray.exceptions.InvalidRequestException, match="from 0 to 1"):
        ids(xray, Sampling=True, SamplingStrategy={"Name": "FixedRate", "Value": 7})
    with pytest.raises(xray.exceptions.InvalidRequestException, match="PartialScan, FixedRate"):
        ids(xray, SamplingStrategy={"Name": "Every"})


def test_what_is_still_running_is_partial(xray: Any, send: Send) -> None:
    trace = new_trace()
    web = segment(trace, "web")
    del web["end_time"]
    send(web | {"in_progress": True})
    (summary,) = xray.get_trace_summaries(**window())["TraceSummaries"]
    assert summary["IsPartial"] is True
    assert "ResponseTime" not in summary
    assert ids(xray, "partial") == [trace]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"TimeRangeType": "Yesterday"}, "TimeRangeType"),
        ({"StartTime": datetime.fromtimestamp(NOW - 90000, UTC)}, "longer than 24 hours"),
        ({"NextToken": "x"}, "NextToken"),
    ],
)
def test_refused(xray: Any, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(xray.exceptions.InvalidRequestException, match=reason):
        xray.get_trace_summaries(**window() | change)
