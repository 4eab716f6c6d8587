"""GetTimeSeriesServiceStatistics."""

from typing import Any

import pytest

from tests.unit.standins.xray.conftest import Send
from tests.unit.standins.xray.documents import NOW, embedded, new_trace, segment, window

MINUTE = NOW // 300 * 300


def series(xray: Any, selector: str | None = None, **more: Any) -> list[dict[str, Any]]:
    given = {} if selector is None else {"EntitySelectorExpression": selector}
    answer = xray.get_time_series_service_statistics(**window(-600, 600), **given, **more)
    found: list[dict[str, Any]] = answer["TimeSeriesServiceStatistics"]
    return found


@pytest.fixture
def traffic(send: Send) -> None:
    """In one minute a good and a bad request to web, each asking the database; a good one two minutes on."""
    at = MINUTE - NOW + 10
    for later, fault in ((0, False), (20, True), (120, False)):
        database = embedded("db", at=at + later, took=0.1)
        send(segment(new_trace(), "web", at=at + later, took=0.5, fault=fault, subsegments=[database]))


@pytest.mark.usefixtures("traffic")
def test_a_node(xray: Any) -> None:
    first, second = series(xray, 'service("web")')
    assert first["Timestamp"].timestamp() == MINUTE
    assert second["Timestamp"].timestamp() == MINUTE + 120
    summary = first["ServiceSummaryStatistics"]
    assert (summary["TotalCount"], summary["FaultStatistics"]["TotalCount"]) == (2, 1)
    assert summary["TotalResponseTime"] == pytest.approx(1.0)
    assert first["ResponseTimeHistogram"] == [{"Value": 0.5, "Count": 2}]
    assert "EdgeSummaryStatistics" not in first


@pytest.mark.usefixtures("traffic")
def test_an_edge_a_type_and_everything(xray: Any) -> None:
    first, second = series(xray, 'edge("web", "db")')
    assert first["EdgeSummaryStatistics"]["TotalResponseTime"] == pytest.approx(0.2)
    assert second["EdgeSummaryStatistics"]["TotalCount"] == 1
    (whole,) = series(xray, 'id(name: "db", type: "remote")', Period=300)
    assert (whole["Timestamp"].timestamp(), whole["ServiceSummaryStatistics"]["TotalCount"]) == (MINUTE, 3)
    assert [entry["EdgeSummaryStatistics"]["TotalCount"] for entry in series(xray)] == [4, 2]
    assert series(xray, 'service("nobody")') == []


@pytest.mark.usefixtures("traffic")
def test_of_a_group(xray: Any) -> None:
    xray.create_group(GroupName="failed", FilterExpression="fault")
    (only,) = series(xray, 'service("web")', GroupName="failed")
    assert only["ServiceSummaryStatistics"]["TotalCount"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"Period": 61},
        {"EntitySelectorExpression": "fault"},
        {"EntitySelectorExpression": 'service("a") { fault }'},
        {"EntitySelectorExpression": "service("},
    ],
)
def test_refused(xray: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(xray.exceptions.InvalidRequestException):
        xray.get_time_series_service_statistics(**window(), **arguments)
