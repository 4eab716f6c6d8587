"""X-Ray's service graph, through GetServiceGraph.

Its client node has the name of the root service and differs in type alone, and an edge names its target by a
number that holds within one answer only. So nodes are matched by name and type, and edges by that number.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.base import Manners, Shape
from threemaps.readers.pages import pages
from threemaps.readers.transaction_search import indexed_share
from threemaps.settings import Settings

PERMISSION = "xray:GetServiceGraph"
LONGEST = timedelta(hours=6)  # X-Ray draws no graph of more
REAL = Manners(lag=timedelta(minutes=2), poll=timedelta(seconds=10))


@dataclass
class Calls:
    """What is known of one edge, summed over the pages and the pieces of the window."""

    requests: int = 0
    faults: int = 0
    client_errors: int = 0
    seconds: float = 0.0
    histogram: dict[float, int] = field(default_factory=dict)

    def edge(self, source: Node, target: Node) -> Edge:
        mean = round(self.seconds / self.requests * 1000, 3) if self.requests else None
        p95 = percentile(self.histogram, 0.95)
        return Edge(source, target, self.requests, self.faults, mean, p95, self.client_errors)


class XRay:
    name = drawn_by = "xray"

    def __init__(self, client: Any, settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self.manners = REAL if settings.aws_is_real else Manners()
        self.read_through = "service-graph"
        self.remarks: tuple[str, ...] = ()
        self._shape = Shape("X-Ray")

    @classmethod
    def of(cls, settings: Settings) -> "XRay":
        return cls(aws_client(settings, "xray"), settings)

    def read_map(self, window: Window, service: str | None = None) -> ServiceMap:
        nodes: set[Node] = set()
        edges: dict[tuple[Node, Node], Calls] = {}
        for piece in pieces(window):
            with reasons(self.settings, "X-Ray", PERMISSION):
                self._add(list(self._services(piece)), nodes, edges)
        return ServiceMap.of(nodes, (calls.edge(*key) for key, calls in edges.items())).only(service)

    def covers(self, window: Window) -> Window:
        return window

    def indexed_share(self) -> float:
        """Of the traces that were sent, those that the map is drawn of."""
        return indexed_share(self.settings)

    def _services(self, piece: Window) -> Iterator[Any]:
        asked = {"StartTime": piece.start, "EndTime": piece.end}
        for page in pages(self.client.get_service_graph, "NextToken", "X-Ray's graph", **asked):
            yield from self._shape.sequence(page.get("Services"), "Services")

    def _add(self, services: list[Any], nodes: set[Node], edges: dict[tuple[Node, Node], Calls]) -> None:
        by_number = {service.get("ReferenceId"): self._node(service) for service in services}
        nodes.update(by_number.values())
        for service in services:
            source = self._node(service)
            for edge in self._shape.sequence(service.get("Edges") or [], "Edges"):
                target = by_number.get(edge.get("ReferenceId"))
                if target is None:
                    raise self._shape.wrong("an edge's ReferenceId", edge.get("ReferenceId"))
                self._count(edge, edges.setdefault((source, target), Calls()))

    def _node(self, service: Any) -> Node:
        kind = kind_of(service)
        if kind is Kind.OUTSIDE:
            return Node.outside()
        name = self._shape.text(service.get("Name"), "a service's Name")
        return Node(name, kind)

    def _count(self, edge: Any, calls: Calls) -> None:
        statistics = edge.get("SummaryStatistics") or {}
        faults = statistics.get("FaultStatistics") or {}
        calls.requests += self._shape.count(statistics.get("TotalCount") or 0, "TotalCount")
        calls.faults += self._shape.count(faults.get("TotalCount") or 0, "FaultStatistics.TotalCount")
        errors = statistics.get("ErrorStatistics") or {}
        calls.client_errors += self._shape.count(errors.get("TotalCount") or 0, "ErrorStatistics.TotalCount")
        calls.seconds += self._shape.number(statistics.get("TotalResponseTime") or 0, "TotalResponseTime")
        for entry in edge.get("ResponseTimeHistogram") or []:
            value = self._shape.number(entry.get("Value") or 0, "a histogram's Value")
            count = self._shape.count(entry.get("Count") or 0, "a histogram's Count")
            calls.histogram[value] = calls.histogram.get(value, 0) + count


def kind_of(service: Any) -> Kind:
    """A service that sent segments is active; one drawn after somebody else's subsegment is unknown."""
    drawn_as = service.get("Type") or ""
    if drawn_as == "client":
        return Kind.OUTSIDE
    inferred = drawn_as == "remote" or drawn_as.startswith("database::") or service.get("State") == "unknown"
    return Kind.REMOTE if inferred else Kind.SERVICE


def pieces(window: Window) -> Iterator[Window]:
    start = window.start
    while start < window.end:
        end = min(window.end, start + LONGEST)
        yield Window(start, end)
        start = end


def percentile(histogram: dict[float, int], share: float) -> float | None:
    """The value, in milliseconds, below which this share of the calls lies."""
    wanted = sum(histogram.values()) * share
    reached = 0
    for seconds, count in sorted(histogram.items()):
        reached += count
        if reached >= wanted and count:
            return round(seconds * 1000, 3)
    return None
