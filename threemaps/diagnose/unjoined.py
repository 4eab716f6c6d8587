"""Calls that Honeycomb holds whole, and that its query does not relate: their spans came minutes apart.

Honeycomb relates a span to its parent only where both were ingested within a few minutes. A durable queue
that is replayed after an outage sends one service's spans later than another's.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from threemaps.diagnose.absent import drawn
from threemaps.diagnose.asking import Asking
from threemaps.diagnose.case import Case, Check, Reason
from threemaps.diagnose.shapes import likely_of
from threemaps.model.drawing import HONEYCOMB
from threemaps.model.servicemap import Node
from threemaps.model.spans import Ends, Traces
from threemaps.readers.batch import plain_id
from threemaps.readers.honeycomb import Honeycomb
from threemaps.readers.honeycomb_results import CHILD, COUNT, MOST_ROWS, PARENT, map_question

BY_QUERY = ("mcp", "query")  # the map API does not relate spans by a query
MOST_TRACES = 50
TRACE = "trace.trace_id"


@dataclass(frozen=True, slots=True)
class Unjoined:
    """`seen`: the calls in the traces that were asked about; `lacking`: the traces of those not related."""

    traces: int
    seen: Mapping[Ends, int]
    lacking: Mapping[Ends, tuple[str, ...]]

    def reason(self, case: Case) -> Reason | Check | None:
        if (
            case.diverging.backend != HONEYCOMB
            or case.diverging.read_through not in BY_QUERY
            or not case.short
        ):
            return None
        found = self._of_case(case)
        if not found:
            looked = f"it relates those of {self.traces} traces"
            return Check(f"spans that came too far apart for Honeycomb's query: {looked}")
        return Reason(
            "Honeycomb holds these calls whole, and its query does not relate their spans: they came minutes "
            "apart, as when a queue is sent again after an outage",
            "none needed for later windows; this one's calls stand in Honeycomb's traces, and in the map "
            "API's map (Enterprise, HONEYCOMB_CONFIGURATION_KEY)",
            tuple(
                f"trace {trace} has the span and its parent, not related by the query" for trace in found[:3]
            ),
        )

    def _of_case(self, case: Case) -> tuple[str, ...]:
        """The traces, where as many calls are lacking in them as make the missing ones likely such."""
        if len(case.ends) == 1:
            touching = (ids for ends, ids in self.lacking.items() if case.ends[0] in ends)
            return tuple(dict.fromkeys(one for ids in touching for one in ids))
        ends = case.ends[0], case.ends[1]
        found, seen = self.lacking.get(ends, ()), self.seen.get(ends, 0)
        most = max((case.requests(one) for one in case.others), default=0)
        is_enough = found and most - case.requests(case.diverging) <= likely_of(most, len(found), seen)
        return tuple(dict.fromkeys(found)) if is_enough else ()


def gather(asking: Asking, held: Traces, times: Mapping[str, int]) -> Iterator[Unjoined]:
    """Asks once more, about some traces with the calls in question, and only where a query gave the map."""
    honeycomb = asking.live.get(HONEYCOMB)
    if not isinstance(honeycomb, Honeycomb) or honeycomb.read_through not in BY_QUERY:
        return
    calls = {trace: drawn(spans, HONEYCOMB) for trace, spans in held.items()}
    chosen = {trace: found for trace, found in calls.items() if any(map(_touches(asking), found))}
    chosen = dict(list(chosen.items())[:MOST_TRACES])
    if chosen:
        found = asking.ask("which spans Honeycomb relates", lambda: joined(honeycomb, list(chosen), times))
        if found is not None:
            yield unjoined(chosen, found)


def _touches(asking: Asking) -> Any:
    nodes = {Node(name) for name in asking.services}
    return lambda ends: bool(nodes.intersection(ends))


def joined(honeycomb: Honeycomb, ids: list[str], times: Mapping[str, int]) -> dict[str, Counter[Ends]]:
    """The calls of these traces that a query relates."""
    question = {**map_question(TRACE), **times}
    question["filters"] = [*question["filters"], {"column": TRACE, "op": "in", "value": ids}]
    found: dict[str, Counter[Ends]] = {one: Counter() for one in ids}
    rows = honeycomb.answer(question, series=False).rows
    if len(rows) >= MOST_ROWS:
        raise ValueError("not all rows came")
    for row in rows:
        trace, parent, child = (str(row.get(name) or "") for name in (TRACE, PARENT, CHILD))
        found[plain_id(trace)][Node(parent), Node(child)] += int(row[COUNT])
    return found


def unjoined(calls: Mapping[str, Counter[Ends]], related: Mapping[str, Counter[Ends]]) -> Unjoined:
    seen: Counter[Ends] = Counter()
    lacking: dict[Ends, list[str]] = {}
    for trace, own in calls.items():
        seen.update(own)
        for ends, count in (own - related[trace]).items():
            lacking.setdefault(ends, []).extend([trace] * count)
    return Unjoined(len(calls), seen, {ends: tuple(ids) for ends, ids in lacking.items()})
