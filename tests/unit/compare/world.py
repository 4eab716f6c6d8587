"""All three vendors in one small app: each draws the map it is given, of calls made at one moment."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from flask import Flask, Response, request

from tests.unit.readers.signals import FakeAws, Row
from threemaps.model.servicemap import Kind, ServiceMap


@dataclass
class World:
    honeycomb: ServiceMap
    xray: ServiceMap
    cloudwatch: ServiceMap
    at: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=5))
    refusals: dict[str, int] = field(default_factory=dict)  # backend → status

    def holds(self, start: float, end: float) -> bool:
        return start <= self.at.timestamp() < end

    @property
    def app(self) -> Flask:
        minute = self.at.replace(second=0, microsecond=0)
        app = FakeAws([replace(row, minute=minute) for row in rows(self.cloudwatch)], empty_pages=False).app
        app.add_url_rule("/1/maps/dependencies/requests", view_func=self._create, methods=["POST"])
        app.add_url_rule("/1/maps/dependencies/requests/<key>", view_func=self._dependencies)
        app.add_url_rule("/ServiceGraph", view_func=self._graph, methods=["POST"])
        app.before_request(self._refuse_cloudwatch)
        return app

    def _refuse_cloudwatch(self) -> Response | None:
        is_asked = request.path.startswith("/service")
        return answer({"message": "no"}, 400) if is_asked and "cloudwatch" in self.refusals else None

    def _create(self) -> Response:
        if "honeycomb" in self.refusals:
            return answer({"error": "no"}, self.refusals["honeycomb"])
        window = orjson.loads(request.get_data())
        held = self.holds(window["start_time"], window["end_time"] + 1)
        return answer({"request_id": "all" if held else "none"}, 201)

    def _dependencies(self, key: str) -> Response:
        found = [
            {
                "parent_node": {"name": edge.source.name},
                "child_node": {"name": edge.target.name},
                "call_count": edge.requests,
            }
            for edge in self.honeycomb.edges
            if key == "all"
        ]
        return answer({"status": "ready", "dependencies": found, "links": {"next": None}})

    def _graph(self) -> Response:
        if "xray" in self.refusals:
            return answer({"message": "no"}, self.refusals["xray"])
        window = orjson.loads(request.get_data())
        held = self.holds(float(window["StartTime"]), float(window["EndTime"]))
        return answer({"Services": list(services(self.xray)) if held else []})


def answer(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, {"Content-Type": "application/json"})


def services(drawn: ServiceMap) -> Iterator[dict[str, Any]]:
    numbers = {node: number for number, node in enumerate(drawn.nodes)}
    types = {Kind.OUTSIDE: "client", Kind.REMOTE: "remote", Kind.SERVICE: ""}
    for node in drawn.nodes:
        edges = [
            {
                "ReferenceId": numbers[edge.target],
                "SummaryStatistics": {
                    "TotalCount": edge.requests,
                    "FaultStatistics": {"TotalCount": edge.errors or 0},
                },
            }
            for edge in drawn.edges
            if edge.source == node
        ]
        yield {"ReferenceId": numbers[node], "Name": node.name, "Type": types[node.kind], "Edges": edges}


def rows(drawn: ServiceMap) -> Iterator[Row]:
    """As Application Signals has the map: what services served, and the calls that they made."""
    for node in drawn.nodes:
        served = [edge for edge in drawn.edges if edge.target == node]
        if served and node.kind is Kind.SERVICE:
            calls, faults = (
                sum(getattr(one, name) or 0 for one in served) for name in ("requests", "errors")
            )
            yield Row(node.name, calls=calls, faults=faults)
    for edge in drawn.edges:
        if edge.source.kind is Kind.SERVICE:
            kind = "Service" if edge.target.kind is Kind.SERVICE else "RemoteService"
            calls, faults = edge.requests or 0, edge.errors or 0
            yield Row(edge.source.name, edge.target.name, calls, faults, remote_type=kind)
