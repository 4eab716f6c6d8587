"""GetTimeSeriesServiceStatistics: the figures of a node or an edge, period by period."""

from collections.abc import Iterable
from typing import Any

from threemaps.standins.store import Store
from threemaps.standins.xray.exceptions import invalid
from threemaps.standins.xray.graph import Graph, Statistics, Window, derive_series
from threemaps.standins.xray.graphs import LONGEST_HOURS, histogram, summary
from threemaps.standins.xray.groups import Groups, read_expression
from threemaps.standins.xray.matching import Edge, Expression, Service
from threemaps.standins.xray.paging import Pages
from threemaps.standins.xray.times import time_range

PERIODS = (60, 300)
PERIODS_PER_PAGE = 1000


class Series:
    def __init__(self, store: Store, groups: Groups) -> None:
        self._store = store
        self._groups = groups
        self._pages = Pages(PERIODS_PER_PAGE)

    def get_time_series_service_statistics(self, request: dict[str, Any]) -> dict[str, Any]:
        start, end = time_range(request, LONGEST_HOURS)
        period = request.get("Period", PERIODS[0])
        if period not in PERIODS:
            raise invalid(f"Period must be 60 or 300, not {period}")
        selector = _selector(request.get("EntitySelectorExpression"))
        traces = self._groups.traces_of(request, start, end)

        def entries() -> list[dict[str, Any]]:
            series = derive_series(self._store, Window(start, end), period, traces)
            found = (_entry(at, graph, selector) for at, graph in sorted(series.items()))
            return [entry for entry in found if entry is not None]

        page = self._pages.page("TimeSeriesServiceStatistics", entries, request.get("NextToken"))
        return {"ContainsOldGroupVersions": False, **page}


def _selector(text: str | None) -> Service | Edge | None:
    if text is None:
        return None
    expression: Expression = read_expression(text)
    if not isinstance(expression, (Service, Edge)) or expression.condition is not None:
        raise invalid("EntitySelectorExpression takes one service(), edge() or id(), without conditions")
    return expression


def _entry(at: float, graph: Graph, selector: Service | Edge | None) -> dict[str, Any] | None:
    """The figures of one period; without a selector those of all edges."""
    if isinstance(selector, Service):
        nodes = [node.statistics for key, node in graph.nodes.items() if selector.pattern.fits(key)]
        name, total = "ServiceSummaryStatistics", _together(nodes)
    else:
        edges = [
            statistics
            for (source, target), statistics in graph.edges.items()
            if selector is None or (selector.source.fits(source) and selector.target.fits(target))
        ]
        name, total = "EdgeSummaryStatistics", _together(edges)
    if not total.total:
        return None
    return {"Timestamp": at, name: summary(total), "ResponseTimeHistogram": histogram(total)}


def _together(parts: Iterable[Statistics]) -> Statistics:
    total = Statistics()
    for part in parts:
        total.total += part.total
        total.ok += part.ok
        total.errors += part.errors
        total.throttles += part.throttles
        total.faults += part.faults
        total.took_ns += part.took_ns
        for value, count in part.histogram.items():
            total.histogram[value] = total.histogram.get(value, 0) + count
    return total
