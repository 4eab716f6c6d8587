"""The service graph, derived from the table of spans with joins over all wanted traces at once.

How it is drawn:
- A segment belongs to the node of its name and origin. A subsegment belongs to the segment that its chain of
  parents ends in, however it was sent.
- A segment was called by the segment that its parent belongs to. Where nobody in the trace is known to have
  called it, it is a root, called by the client.
- A subsegment with a namespace is a call. Without a segment below it, its callee is drawn after it.
- A call counts when it has ended, in the window that its end lies in. It failed if either side says so, and
  took as long as the caller waited.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from threemaps.standins.spans.span import SECOND, nanoseconds, seconds_of
from threemaps.standins.store import Store
from threemaps.standins.xray import graph_sql as sql
from threemaps.standins.xray.entities import ERROR, FAULT, THROTTLE
from threemaps.standins.xray.segments import LATEST_TIME

CLIENT = "client"

Key = tuple[str, str]


@dataclass(slots=True)
class Statistics:
    """Of the requests to a node or along an edge."""

    total: int = 0
    errors: int = 0
    throttles: int = 0
    faults: int = 0
    ok: int = 0
    took_ns: int = 0
    first: float = float("inf")
    last: float = 0.0
    histogram: dict[float, int] = field(default_factory=dict)

    def add(self, count: int, flags: int, took: float, took_ns: int, first: float, last: float) -> None:
        self.total += count
        self.ok += 0 if flags else count
        self.errors += count if flags & (ERROR | THROTTLE) else 0
        self.throttles += count if flags & THROTTLE else 0
        self.faults += count if flags & FAULT else 0
        self.took_ns += took_ns
        self.first, self.last = min(self.first, first), max(self.last, last)
        if count:
            self.histogram[took] = self.histogram.get(took, 0) + count


@dataclass(slots=True)
class GraphNode:
    """`root` for a service that requests from outside reach; `active` for one that sent segments."""

    root: bool = False
    active: bool = False
    statistics: Statistics = field(default_factory=Statistics)


@dataclass(slots=True)
class Graph:
    nodes: dict[Key, GraphNode] = field(default_factory=dict)
    edges: dict[tuple[Key, Key], Statistics] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Window:
    """Calls that ended in [start, end), in seconds."""

    start: float = 0.0
    end: float = LATEST_TIME

    def bounds(self) -> list[int]:
        return [nanoseconds(self.start), nanoseconds(self.end)]


Traces = Sequence[tuple[int, int]]


def derive(store: Store, window: Window, traces: Traces | None = None) -> Graph:
    """The graph of the window, over all traces or the given ones."""
    graph = Graph()
    for _, *figures in _summed(store, window, traces, slot="0"):
        _draw(graph, figures)
    return graph


def derive_series(store: Store, window: Window, period: int, traces: Traces | None) -> dict[float, Graph]:
    """A graph for each period that something ended in, by the period's start."""
    series: dict[float, Graph] = {}
    for start, *figures in _summed(store, window, traces, slot=f"counted // {period * SECOND} * {period}"):
        _draw(series.setdefault(start, Graph()), figures)
    return series


def _summed(store: Store, window: Window, traces: Traces | None, *, slot: str) -> Iterator[Sequence[Any]]:
    bounds = window.bounds()
    with store.snapshot() as cursor:
        if traces is None:
            cursor.execute(sql.IN_WINDOW, bounds)
        else:
            cursor.execute(sql.NAMED, [[hi for hi, _ in traces], [lo for _, lo in traces]])
        cursor.execute(sql.PLACES)
        cursor.execute(sql.FOUND)
        cursor.execute(sql.MADE)
        cursor.execute(sql.TWINS)
        if _count(cursor, "SELECT count(*) FROM twins"):
            cursor.execute(sql.LATEST)
        cursor.execute(sql.HUNG)
        _follow_steps(cursor)
        cursor.execute(sql.VISITS)
        cursor.execute(sql.REQUESTS)
        cursor.execute(sql.SUMMED.format(slot=slot), bounds)
        yield from cursor.fetchall()


def _follow_steps(cursor: duckdb.DuckDBPyConnection) -> None:
    """Until all have arrived at a segment; what does not get nearer runs in a circle."""
    cursor.execute(sql.UNDER_WAY)
    before = -1
    while True:
        under_way = _count(cursor, "SELECT count(*) FROM steps")
        if under_way in (0, before):
            return
        before = under_way
        cursor.execute(sql.ARRIVALS)
        cursor.execute(sql.FURTHER_STEPS)


def _count(cursor: duckdb.DuckDBPyConnection, statement: str) -> int:
    row = cursor.execute(statement).fetchone()
    return int(row[0]) if row else 0


def _draw(graph: Graph, figures: Sequence[Any]) -> None:
    is_edge, answered, source_name, source_type, name, kind, flags, value, *sums = figures
    count, took_ns = sums[:2]
    first, last = map(seconds_of, sums[2:])
    target = (name, kind)
    node = graph.nodes.setdefault(target, GraphNode())
    node.active |= answered
    if not is_edge:
        node.statistics.add(count, flags, value, took_ns, first, last)
        return
    source = (name, CLIENT) if source_name is None else (source_name, source_type)
    node.root |= source_name is None
    graph.nodes.setdefault(source, GraphNode()).active |= source_name is not None
    edge = graph.edges.setdefault((source, target), Statistics())
    edge.add(count, flags, value, took_ns, first, last)
