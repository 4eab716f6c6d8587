"""The service graph as X-Ray's own client reads it."""

from typing import Any

from tests.unit.standins.xray.documents import edges_of, window

Services = list[dict[str, Any]]


def services_in(xray: Any, start: float = -60, end: float = 60) -> Services:
    services: Services = xray.get_service_graph(**window(start, end))["Services"]
    return services


def edges(xray: Any, start: float = -60, end: float = 60) -> dict[tuple[str, str, str, str], int]:
    return edges_of(services_in(xray, start, end))


def service(services: Services, name: str, kind: str = "") -> dict[str, Any]:
    return next(found for found in services if (found["Name"], found.get("Type", "")) == (name, kind))


def statistics(services: Services, source: str, target: str, kind: str = "") -> dict[str, Any]:
    number = service(services, target, kind)["ReferenceId"]
    found = next(edge for edge in service(services, source)["Edges"] if edge["ReferenceId"] == number)
    summary: dict[str, Any] = found["SummaryStatistics"]
    return summary
