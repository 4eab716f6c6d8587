"""The service graph, derived from the stored rows with joins over all wanted traces at once.

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

from threemaps.standins.store import Store
from threemaps.standins.xray.entities import ERROR, FAULT, THROTTLE

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
    seconds: float = 0.0
    first: float = float("inf")
    last: float = 0.0
    histogram: dict[float, int] = field(default_factory=dict)

    def add(self, count: int, flags: int, took: float, seconds: float, first: float, last: float) -> None:
        self.total += count
        self.ok += 0 if flags else count
        self.errors += count if flags & (ERROR | THROTTLE) else 0
        self.throttles += count if flags & THROTTLE else 0
        self.faults += count if flags & FAULT else 0
        self.seconds += seconds
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
    """Calls that ended in [start, end)."""

    start: float = 0.0
    end: float = float("inf")


TWINS = """
CREATE TEMP TABLE twins AS
SELECT trace_hi, trace_lo, id FROM found GROUP BY ALL HAVING count(*) > 1
"""

# Two sent with one id are one: a complete one before one in progress, else the later.
LATEST = """
DELETE FROM found USING (
    SELECT trace_hi, trace_lo, id, arg_max(rowid, (ended IS NOT NULL, received, rowid)) AS best
    FROM found SEMI JOIN twins USING (trace_hi, trace_lo, id) GROUP BY ALL
) AS latest
WHERE latest.trace_hi = found.trace_hi AND latest.trace_lo = found.trace_lo AND latest.id = found.id
    AND latest.best <> found.rowid
"""

FOUND = """
CREATE TEMP TABLE found AS
SELECT trace_hi, trace_lo, id, parent, top, of_segment, node, node_type, started, ended, flags, received
FROM xray_entities SEMI JOIN wanted USING (trace_hi, trace_lo)
"""

# Where the outermost subsegment of a document hangs: in a segment's document, or in the next subsegment's.
# Of one that came in a segment's document too, that may be the one that counts.
HOPS = """
CREATE TEMP TABLE hops AS
SELECT head.trace_hi, head.trace_lo, head.id AS top,
    CASE WHEN head.of_segment THEN head.top ELSE above.top END AS next,
    head.of_segment OR above.of_segment AS arrived
FROM (SELECT DISTINCT trace_hi, trace_lo, top FROM found WHERE NOT of_segment) AS tops
JOIN found AS head
    ON head.trace_hi = tops.trace_hi AND head.trace_lo = tops.trace_lo AND head.id = tops.top
LEFT JOIN found AS above
    ON NOT head.of_segment AND above.trace_hi = head.trace_hi AND above.trace_lo = head.trace_lo
    AND above.id = head.parent
WHERE head.of_segment OR above.id IS NOT NULL
"""

# Every round doubles the length of the steps. Steps in a circle arrive nowhere.
FURTHER_HOPS = """
CREATE OR REPLACE TEMP TABLE hops AS
SELECT here.trace_hi, here.trace_lo, here.top,
    CASE WHEN here.arrived THEN here.next ELSE there.next END AS next,
    here.arrived OR there.arrived AS arrived
FROM hops AS here LEFT JOIN hops AS there
    ON NOT here.arrived AND there.trace_hi = here.trace_hi AND there.trace_lo = here.trace_lo
    AND there.top = here.next
WHERE here.arrived OR there.top IS NOT NULL
"""

# A segment with its parent; `top` and `of_segment` say where that hangs.
VISITS = """
CREATE TEMP TABLE visits AS
SELECT callee.trace_hi, callee.trace_lo, callee.parent, above.top, above.of_segment,
    callee.node, callee.node_type, callee.started, callee.ended, callee.flags,
    above.node IS NOT NULL AND NOT (above.of_segment AND above.id = above.top) AS was_call,
    above.started AS call_started, above.ended AS call_ended, above.flags AS call_flags
FROM found AS callee LEFT JOIN found AS above
    ON above.trace_hi = callee.trace_hi AND above.trace_lo = callee.trace_lo
    AND above.id = callee.parent AND above.id <> callee.id
WHERE callee.of_segment AND callee.id = callee.top
"""

# One row a request, with the node of the segment that the caller belongs to: null for a request from outside.
REQUESTS = """
CREATE TEMP TABLE requests AS
WITH made AS (
    SELECT trace_hi, trace_lo, top, of_segment, true AS answered, node, node_type,
        flags, ended, ended - started AS took, started,
        CASE WHEN was_call THEN flags | call_flags ELSE flags END AS edge_flags,
        CASE WHEN was_call THEN coalesce(ended, call_ended) ELSE ended END AS edge_ended,
        CASE WHEN was_call THEN coalesce(call_ended - call_started, took) ELSE took END AS edge_took
    FROM visits
    UNION ALL
    SELECT trace_hi, trace_lo, top, of_segment, false, node, node_type,
        flags, ended, ended - started, started, flags, ended, ended - started
    FROM found ANTI JOIN visits
        ON visits.trace_hi = found.trace_hi AND visits.trace_lo = found.trace_lo AND visits.parent = found.id
    WHERE node IS NOT NULL AND NOT (of_segment AND id = top)
), placed AS (
    SELECT made.*, CASE WHEN made.of_segment THEN made.top WHEN hops.arrived THEN hops.next END AS segment
    FROM made LEFT JOIN hops
        ON NOT made.of_segment AND hops.trace_hi = made.trace_hi AND hops.trace_lo = made.trace_lo
        AND hops.top = made.top
)
SELECT placed.* REPLACE (
        -- A caller that belongs to no segment is nobody: then the client's view is the segment's own.
        CASE WHEN callers.id IS NULL THEN flags ELSE edge_flags END AS edge_flags,
        CASE WHEN callers.id IS NULL THEN ended ELSE edge_ended END AS edge_ended,
        CASE WHEN callers.id IS NULL THEN took ELSE edge_took END AS edge_took
    ), callers.node AS source, callers.node_type AS source_type
FROM placed LEFT JOIN (
    SELECT trace_hi, trace_lo, id, node, node_type FROM found WHERE of_segment AND id = top
) AS callers
    ON callers.trace_hi = placed.trace_hi AND callers.trace_lo = placed.trace_lo
    AND callers.id = placed.segment
WHERE placed.answered OR callers.id IS NOT NULL
"""

# Durations to three digits, as a histogram's values. First the edges, then the nodes that answered.
SUMMED = """
WITH figures AS (
    SELECT true AS is_edge, answered, source, source_type, node, node_type, edge_flags AS flags,
        edge_ended AS counted, edge_took AS took, started
    FROM requests
    UNION ALL
    SELECT false, answered, NULL, NULL, node, node_type, flags, ended, took, started
    FROM requests
)
SELECT {slot} AS slot, is_edge, answered, source, source_type, node, node_type, flags,
    CASE WHEN took > 0 THEN round(took, 2 - floor(log10(took))::INTEGER) ELSE 0 END AS value,
    count(*), sum(took), min(started), max(counted)
FROM figures WHERE counted >= ? AND counted < ?
GROUP BY ALL
"""

IN_WINDOW = """
CREATE TEMP TABLE wanted AS
SELECT DISTINCT trace_hi, trace_lo FROM xray_entities WHERE ended >= ? AND ended < ?
"""

NAMED = """
CREATE TEMP TABLE wanted AS
SELECT DISTINCT unnest(?::UBIGINT[]) AS trace_hi, unnest(?::UBIGINT[]) AS trace_lo
"""

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
    for start, *figures in _summed(store, window, traces, slot=f"floor(counted / {period}) * {period}"):
        _draw(series.setdefault(start, Graph()), figures)
    return series


def _summed(store: Store, window: Window, traces: Traces | None, *, slot: str) -> Iterator[Sequence[Any]]:
    bounds = [window.start, window.end]
    with store.snapshot() as cursor:
        if traces is None:
            cursor.execute(IN_WINDOW, bounds)
        else:
            cursor.execute(NAMED, [[hi for hi, _ in traces], [lo for _, lo in traces]])
        cursor.execute(FOUND)
        cursor.execute(TWINS)
        if _count(cursor, "SELECT count(*) FROM twins"):
            cursor.execute(LATEST)
        cursor.execute(HOPS)
        _follow_hops(cursor)
        cursor.execute(VISITS)
        cursor.execute(REQUESTS)
        cursor.execute(SUMMED.format(slot=slot), bounds)
        yield from cursor.fetchall()


def _follow_hops(cursor: duckdb.DuckDBPyConnection) -> None:
    """Until all have arrived at a segment; what does not get nearer runs in a circle."""
    before = -1
    while True:
        under_way = _count(cursor, "SELECT count(*) FROM hops WHERE NOT arrived")
        if under_way in (0, before):
            return
        before = under_way
        cursor.execute(FURTHER_HOPS)


def _count(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = cursor.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _draw(graph: Graph, figures: Sequence[Any]) -> None:
    is_edge, answered, source_name, source_type, name, kind, flags, value, *sums = figures
    count, seconds, first, last = sums
    target = (name, kind)
    node = graph.nodes.setdefault(target, GraphNode())
    node.active |= answered
    if not is_edge:
        node.statistics.add(count, flags, value, seconds, first, last)
        return
    source = (name, CLIENT) if source_name is None else (source_name, source_type)
    node.root |= source_name is None
    graph.nodes.setdefault(source, GraphNode()).active |= source_name is not None
    edge = graph.edges.setdefault((source, target), Statistics())
    edge.add(count, flags, value, seconds, first, last)
