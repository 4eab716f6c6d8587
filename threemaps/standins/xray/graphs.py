"""GetServiceGraph and GetTraceGraph: a derived graph in X-Ray's own shape, in pages."""

from typing import Any

from threemaps.standins.spans.ids import parse_trace_id
from threemaps.standins.spans.span import seconds_of
from threemaps.standins.store import Store
from threemaps.standins.xray.exceptions import invalid
from threemaps.standins.xray.graph import CLIENT, Graph, GraphNode, Key, Statistics, Window, derive
from threemaps.standins.xray.groups import Groups
from threemaps.standins.xray.paging import Pages
from threemaps.standins.xray.times import time_range

LONGEST_HOURS = 6
SERVICES_PER_PAGE = 100
MAX_TRACES = 100


class Graphs:
    def __init__(self, store: Store, groups: Groups) -> None:
        self._store = store
        self._groups = groups
        self._pages = Pages(SERVICES_PER_PAGE)

    def get_service_graph(self, request: dict[str, Any]) -> dict[str, Any]:
        start, end = time_range(request, LONGEST_HOURS)
        traces = self._groups.traces_of(request, start, end)

        def services() -> list[dict[str, Any]]:
            return services_of(derive(self._store, Window(start, end), traces))

        page = self._pages.page("Services", services, request.get("NextToken"))
        return {"StartTime": start, "EndTime": end, "ContainsOldGroupVersions": False, **page}

    def get_trace_graph(self, request: dict[str, Any]) -> dict[str, Any]:
        ids = request["TraceIds"]
        if len(ids) > MAX_TRACES:
            raise invalid(f"TraceIds has {len(ids)} ids, more than {MAX_TRACES}")
        traces = [numbers for numbers in map(parse_trace_id, ids) if numbers]

        def services() -> list[dict[str, Any]]:
            return services_of(derive(self._store, Window(), traces))

        return self._pages.page("Services", services, request.get("NextToken"))


def services_of(graph: Graph) -> list[dict[str, Any]]:
    """The services in an order of their own, numbered; an edge's number is its target's."""
    numbers = {key: number for number, key in enumerate(sorted(graph.nodes))}
    targets: dict[Key, list[Key]] = {key: [] for key in numbers}
    for source, target in sorted(graph.edges):
        targets[source].append(target)
    return [
        _service(key, numbers[key], graph, [_edge(graph, key, target, numbers) for target in targets[key]])
        for key in numbers
    ]


def _service(key: Key, number: int, graph: Graph, edges: list[dict[str, Any]]) -> dict[str, Any]:
    name, kind = key
    node: GraphNode = graph.nodes[key]
    service: dict[str, Any] = {"ReferenceId": number, "Name": name, "Names": [name]}
    if node.root:
        service["Root"] = True
    if kind:
        service["Type"] = kind
    service["State"] = "active" if node.active else "unknown"
    statistics = node.statistics
    times = [(edge["StartTime"], edge["EndTime"]) for edge in edges]
    if statistics.total:
        times.append((statistics.first, statistics.last))
    # Called, and has not ended anything itself: known by the calls alone.
    times = times or [(one.first, one.last) for (_, target), one in graph.edges.items() if target == key]
    service["StartTime"] = min(start for start, _ in times)
    service["EndTime"] = max(end for _, end in times)
    service["Edges"] = edges
    if kind != CLIENT:
        service["SummaryStatistics"] = summary(statistics)
        service["DurationHistogram"] = service["ResponseTimeHistogram"] = histogram(statistics)
    return service


def _edge(graph: Graph, source: Key, target: Key, numbers: dict[Key, int]) -> dict[str, Any]:
    statistics = graph.edges[source, target]
    return {
        "ReferenceId": numbers[target],
        "StartTime": statistics.first,
        "EndTime": statistics.last,
        "SummaryStatistics": summary(statistics),
        "ResponseTimeHistogram": histogram(statistics),
        "Aliases": [],
    }


def summary(statistics: Statistics) -> dict[str, Any]:
    return {
        "OkCount": statistics.ok,
        "ErrorStatistics": {
            "ThrottleCount": statistics.throttles,
            "OtherCount": statistics.errors - statistics.throttles,
            "TotalCount": statistics.errors,
        },
        "FaultStatistics": {"OtherCount": statistics.faults, "TotalCount": statistics.faults},
        "TotalCount": statistics.total,
        "TotalResponseTime": seconds_of(statistics.took_ns),
    }


def histogram(statistics: Statistics) -> list[dict[str, Any]]:
    return [{"Value": value, "Count": count} for value, count in sorted(statistics.histogram.items())]
