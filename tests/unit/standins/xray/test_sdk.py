"""Segments as the X-Ray SDK makes them: embedded subsegments, and streamed ones while the segment runs on."""

from typing import Any

import pytest
from aws_xray_sdk.core.models.segment import Segment
from aws_xray_sdk.core.models.subsegment import Subsegment

from tests.unit.standins.xray.documents import edges_of, new_trace, window


@pytest.fixture
def request_to_shop() -> Segment:
    found = Segment("shop", traceid=new_trace())
    found.put_http_meta("url", "http://shop/order")
    found.put_http_meta("status", 200)
    found.put_annotation("kind", "book")
    return found


def call(segment: Segment, name: str, namespace: str, **aws: str) -> Subsegment:
    made = Subsegment(name, namespace, segment)
    segment.add_subsegment(made)
    if aws:
        made.set_aws(aws)
    return made


def put(xray: Any, *entities: Segment | Subsegment) -> None:
    texts = [entity.serialize() for entity in entities]
    answer = xray.put_trace_segments(TraceSegmentDocuments=texts)
    assert answer["UnprocessedTraceSegments"] == []


def drawn(xray: Any) -> dict[tuple[str, str, str, str], int]:
    return edges_of(xray.get_service_graph(**window(-600, 3600))["Services"])


def test_embedded_subsegments(xray: Any, request_to_shop: Segment) -> None:
    table = call(request_to_shop, "dynamodb", "aws", table_name="orders")
    users = call(request_to_shop, "users:80", "remote")
    table.close()
    users.put_http_meta("status", 429)
    users.close()
    request_to_shop.close()
    answering = Segment("users", traceid=request_to_shop.trace_id, parent_id=users.id)
    answering.put_http_meta("status", 429)
    answering.close()
    put(xray, answering, request_to_shop)
    assert drawn(xray) == {
        ("shop", "client", "shop", ""): 1,
        ("shop", "", "orders", "AWS::DynamoDB::Table"): 1,
        ("shop", "", "users", ""): 1,
    }
    services = xray.get_service_graph(**window(-600, 3600))["Services"]
    edge = next(
        edge for found in services for edge in found["Edges"] if found.get("Root") and _throttled(edge)
    )
    assert edge["SummaryStatistics"]["ErrorStatistics"]["TotalCount"] == 1


def _throttled(edge: dict[str, Any]) -> bool:
    return bool(edge["SummaryStatistics"]["ErrorStatistics"]["ThrottleCount"])


def test_streamed_subsegments(xray: Any, request_to_shop: Segment) -> None:
    users = call(request_to_shop, "users:80", "remote")
    put(xray, request_to_shop)
    users.close()
    put(xray, users)
    assert drawn(xray) == {("shop", "", "users:80", "remote"): 1}
    request_to_shop.remove_subsegment(users)
    request_to_shop.close()
    put(xray, request_to_shop)
    assert drawn(xray) == {("shop", "client", "shop", ""): 1, ("shop", "", "users:80", "remote"): 1}
    found = xray.get_trace_summaries(
        **window(-600, 3600), FilterExpression='annotation.kind = "book" AND http.status = 200'
    )
    assert [summary["Id"] for summary in found["TraceSummaries"]] == [request_to_shop.trace_id]
