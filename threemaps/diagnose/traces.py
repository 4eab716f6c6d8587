"""Whole traces of the services on which the maps differ, from Honeycomb and X-Ray, and what they prove."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import islice
from random import Random
from typing import Any

from threemaps.diagnose import renamed, unjoined
from threemaps.diagnose.absent import Joined, absent_calls
from threemaps.diagnose.asking import Asking
from threemaps.diagnose.case import Case, Check, Reason, Subject
from threemaps.diagnose.shapes import look
from threemaps.model.difference import DifferenceKind, Window
from threemaps.model.drawing import XRAY
from threemaps.model.servicemap import Node
from threemaps.model.spans import CLIENTS, SERVERS, Ends, TracedSpan, Traces, Tree
from threemaps.readers.aws import reasons
from threemaps.readers.batch import batch_get_traces, plain_id
from threemaps.readers.honeycomb import Honeycomb
from threemaps.readers.pages import pages
from threemaps.readers.segments import spans_of
from threemaps.readers.xray import LONGEST, XRay

MOST_TRACES = 1000
A_STEP = 100  # traces that are looked at before it is asked whether they prove enough
ENOUGH = 3  # traces in which something is missing
MOST_SPANS = 10_000  # rows that Honeycomb gives
# Parents may have begun before the window. A range's end is cut down to a step: a minute, or half an hour.
BEFORE = timedelta(minutes=10)
LONG, LONG_STEP, STEP = timedelta(hours=5), 1800, 60
COLUMNS = ("trace.trace_id", "trace.span_id", "trace.parent_id", "service.name", "span.kind")
LONGEST_FILTER = 1_500  # characters; X-Ray takes 2,000


@dataclass(frozen=True, slots=True)
class Found:
    """The same traces as each of the two holds them; None where it was not asked."""

    honeycomb: Traces | None
    xray: Traces | None
    complete: bool


def gather(asking: Asking, refused: int) -> Iterator[Subject]:
    """What whole traces show, of the services in question."""
    if not asking.services:
        return
    found = asking.ask("whole traces", lambda: read_traces(asking))
    if found is None:
        return
    if found.honeycomb:
        yield from unjoined.gather(asking, found.honeycomb, times_of(asking.window))
    if found.honeycomb and found.xray is not None:
        yield from renamed.gather(found.honeycomb, found.xray)
        joined = {trace: join(held, found.xray.get(trace, [])) for trace, held in found.honeycomb.items()}
        yield absent_calls(joined, complete=found.complete)
        spans = [span for one in joined.values() for span in one.spans]
    else:
        one = found.honeycomb or found.xray or {}
        spans = [span for held in one.values() for span in held]
    if spans:
        yield replace(look(spans, complete=found.complete), refused=refused)
    if found.xray:
        yield Impatient(outlasted(found.xray))


def read_traces(asking: Asking) -> Found:
    """Step by step, in no order of time, until enough is missing in one of the two."""
    honeycomb, xray = asking.honeycomb, asking.xray
    window, services = asking.window, asking.services
    ids: dict[str, None] = {}
    lists: list[list[str]] = []
    if honeycomb:
        mine = asking.ask("Honeycomb's list of traces", partial(honeycomb_ids, honeycomb, services, window))
        lists += [mine] if mine is not None else []
        honeycomb = honeycomb if mine is not None else None
    if xray:
        theirs = asking.ask("X-Ray's list of traces", partial(xray_ids, xray, window, services))
        lists += [theirs] if theirs is not None else []
        xray = xray if theirs is not None else None
    is_part = XRAY in asking.sampled  # then those that X-Ray has tell what it draws of them
    for one in lists[-1:] if is_part else lists:
        ids |= dict.fromkeys(one)
    complete = not is_part and all(len(one) < MOST_TRACES for one in lists)
    held: dict[str, list[TracedSpan]] = {}
    there: dict[str, list[TracedSpan]] = {}
    short = 0
    waiting = iter(Random(len(ids)).sample(list(ids), len(ids)))  # noqa: S311 - no secret
    while step := list(islice(waiting, A_STEP)):
        if honeycomb:
            held |= honeycomb_spans(honeycomb, step, window)
        if xray:
            there |= xray_spans(xray, step)
        short += sum(len(held.get(one, [])) != len(there.get(one, [])) for one in step)
        if honeycomb and xray and short >= ENOUGH and len(held) >= 2 * A_STEP:
            complete = complete and next(waiting, None) is None
            break
    return Found(held if honeycomb else None, there if xray else None, complete)


def honeycomb_ids(honeycomb: Honeycomb, services: Collection[str], window: Window) -> list[str]:
    touching = {"column": "service.name", "op": "in", "value": sorted(services)}
    found = rows(honeycomb, COLUMNS[:1], touching, times_within(window), MOST_TRACES)
    return [plain_id(one) for row in found if isinstance(one := row.get(COLUMNS[0]), str) and one]


def times_of(window: Window) -> dict[str, int]:
    """With the time before it in which its traces began."""
    return {**times_within(window), "start_time": int((window.start - BEFORE).timestamp())}


def times_within(window: Window) -> dict[str, int]:
    """As close as Honeycomb cuts: the end is on a step, or it would be cut down to one."""
    step = LONG_STEP if window.end - window.start > LONG else STEP
    return {
        "start_time": int(window.start.timestamp()),
        "end_time": math.ceil(window.end.timestamp() / step) * step,
    }


def honeycomb_spans(honeycomb: Honeycomb, ids: Sequence[str], window: Window) -> dict[str, list[TracedSpan]]:
    """The spans by trace. What does not fit into one answer is asked for in halves."""
    of_these = {"column": COLUMNS[0], "op": "in", "value": list(ids)}
    found = rows(honeycomb, COLUMNS, of_these, times_of(window), MOST_SPANS)
    if len(found) >= MOST_SPANS and len(ids) > 1:
        half = len(ids) // 2
        return {
            **honeycomb_spans(honeycomb, ids[:half], window),
            **honeycomb_spans(honeycomb, ids[half:], window),
        }
    return {**{one: [] for one in ids}, **by_trace(map(span_of, found))}


def rows(
    honeycomb: Honeycomb, columns: Iterable[str], only: Any, times: Mapping[str, int], limit: int
) -> list[Mapping[str, Any]]:
    question = {"calculations": [{"op": "COUNT"}], "breakdowns": list(columns), "filters": [only], **times}
    return list(honeycomb.answer(question, series=False, limit=limit).rows)


def span_of(row: Mapping[str, Any]) -> TracedSpan:
    trace, own, parent, service, kind = (str(row.get(column) or "") for column in COLUMNS)
    return TracedSpan(plain_id(trace), own, parent, service, kind)


def by_trace(spans: Iterable[TracedSpan]) -> dict[str, list[TracedSpan]]:
    found: dict[str, list[TracedSpan]] = {}
    for span in spans:
        if span.id:  # events and links of spans have none
            found.setdefault(span.trace, []).append(span)
    return found


def xray_ids(xray: XRay, window: Window, services: Collection[str]) -> list[str]:
    """Of traces of which any part is in the window, and in which any of the services takes part."""
    wanted = filter_of(services)
    arguments = {"FilterExpression": wanted} if wanted else {}
    with reasons(xray.settings, "X-Ray", "xray:GetTraceSummaries"):
        found = (
            plain_id(str(summary["Id"]))
            for page in pages(
                xray.client.get_trace_summaries,
                "NextToken",
                "X-Ray's list of traces",
                StartTime=max(window.start, window.end - LONGEST),
                EndTime=window.end,
                TimeRangeType="Event",
                **arguments,
            )
            for summary in page["TraceSummaries"]
        )
        return list(islice(found, MOST_TRACES))


def filter_of(services: Collection[str]) -> str:
    """Traces of any of the services, as many of them as an expression holds."""
    expression = ""
    for name in sorted(services):
        one = f'service("{name}")'
        longer = f"{expression} OR {one}" if expression else one
        if len(longer) <= LONGEST_FILTER and not set(name) & set('"\\'):
            expression = longer
    return expression


def xray_spans(xray: XRay, ids: Sequence[str]) -> dict[str, list[TracedSpan]]:
    """The same traces as X-Ray has them; whose span a lone subsegment was is not among it."""
    found = batch_get_traces(xray.client, xray.settings, ids, may_lack=True)
    spans = (replace(span, trace=plain_id(span.trace)) for trace in found for span in spans_of(trace))
    return {**{one: [] for one in ids}, **by_trace(spans)}


def join(held: Sequence[TracedSpan], there: Sequence[TracedSpan]) -> Joined:
    """Honeycomb's spans of a trace with what only X-Ray tells of them, and those that only X-Ray has.

    X-Ray makes a segment of a span whose flags say that its parent is in another process, or puts one above.
    """
    own = {span.id: span for span in held}
    other = {span.id: span for span in there}
    between = {
        span.parent for span in there if span.id in own and span.parent != own[span.id].parent
    } - own.keys()
    spans = [span if span.id not in other else _reported(span, other[span.id]) for span in held]
    more = [span for span in there if span.id not in own and span.id not in between]
    services = {**{span.id: span.service for span in there}, **{span.id: span.service for span in held}}
    more = [
        # One that came alone does not tell its service: it is that of what it hangs below.
        span if span.kind == "server" else replace(span, service=services.get(span.parent, span.service))
        for span in more
    ]
    return Joined([*twins(held, there), *spans, *more], frozenset(own), frozenset(other))


def _reported(span: TracedSpan, there: TracedSpan) -> TracedSpan:
    entered = there.kind == "server" or there.parent != span.parent
    return replace(span, entered=entered, fault=there.fault, name=there.name, callee=there.callee)


def twins(held: Iterable[TracedSpan], there: Iterable[TracedSpan]) -> Iterator[TracedSpan]:
    """Segments of X-Ray's with the id of another span: each backend shows one of the two."""
    parents = {span.id: span.parent for span in held if span.kind in SERVERS}
    return (
        span for span in there if span.kind == "server" and parents.get(span.id, span.parent) != span.parent
    )


def outlasted(traces: Traces) -> dict[Ends, str]:
    """Edges on which a callee worked on when its caller had given up, each with a trace."""
    found: dict[Ends, str] = {}
    for trace, spans in traces.items():
        tree = Tree(spans)
        for span in tree.spans.values():
            parent = tree.parent(span)
            caller = tree.segment_of(parent)
            waited = parent is not None and parent.kind in CLIENTS and span.kind in SERVERS
            if caller and parent and waited and span.end > parent.end > 0:
                found.setdefault((Node(caller.service), Node(span.service)), trace)
    return found


@dataclass(frozen=True, slots=True)
class Impatient:
    """Callers that do not wait for the answer: one side's time is many times the other's."""

    edges: Mapping[Ends, str]

    def reason(self, case: Case) -> Reason | Check | None:
        if case.difference.kind is not DifferenceKind.LATENCY or len(case.ends) != 2:
            return None
        trace = self.edges.get((case.ends[0], case.ends[1]))
        if trace is None:
            return Check("callers that give up before the answer: no trace shows one")
        return Reason(
            f"{case.ends[0]} gives up before {case.ends[1]} has answered: {case.title} and the others time "
            "different ends of the call",
            "none needed for the maps; make the callee faster, or the caller's timeout longer",
            (f"trace {trace}: the callee's span ends after its caller's",),
            expected=True,
        )
