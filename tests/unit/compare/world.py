"""All three vendors in one small app: each draws the map it is given, of calls made at one moment."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from flask import Flask, Response, request

from threemaps.model.servicemap import Kind, Node, ServiceMap


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
        app = Flask(__name__)
        app.add_url_rule("/1/maps/dependencies/requests", view_func=self._create, methods=["POST"])
        app.add_url_rule("/1/maps/dependencies/requests/<key>", view_func=self._dependencies)
        app.add_url_rule("/ServiceGraph", view_func=self._graph, methods=["POST"])
        app.add_url_rule("/", view_func=self._events, methods=["POST"])
        return app

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

    def _events(self) -> Response:
        if not request.headers.get("X-Amz-Target", "").endswith("FilterLogEvents"):
            return answer({"__type": "UnknownOperationException"}, 400)
        if "cloudwatch" in self.refusals:
            return answer({"message": "no"}, self.refusals["cloudwatch"])
        window = orjson.loads(request.get_data())
        held = self.holds(window["startTime"] / 1000, window["endTime"] / 1000)
        return answer({"events": list(events(self.cloudwatch)) if held else []})


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


def events(drawn: ServiceMap) -> Iterator[dict[str, Any]]:
    for number, edge in enumerate(drawn.edges):
        label = "client" if edge.source.kind is Kind.OUTSIDE else ""
        label = "server" if edge.target.kind is Kind.REMOTE else label
        fields = {
            "client": "user" if edge.source == Node.outside() else edge.source.name,
            "server": edge.target.name,
            "connection_type": "virtual_node" if label else "",
            "virtual_node": label,
            "traces_service_graph_request_total": edge.requests,
            "traces_service_graph_request_failed_total": edge.errors or 0,
        }
        yield {
            "logStreamName": "otel-stream-a",
            "timestamp": number,
            "message": orjson.dumps(fields).decode(),
        }
