"""Looks for what explains the differences. What cannot be looked at is said, and fails nothing."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

import requests

from threemaps.diagnose.evidence.absent import Traces, absent_calls
from threemaps.diagnose.evidence.collector import read_collector
from threemaps.diagnose.evidence.crossing import crossing_calls
from threemaps.diagnose.evidence.datagrams import dropped_datagrams
from threemaps.diagnose.evidence.model import Elsewhere, Evidence, PassedAtEdges
from threemaps.diagnose.evidence.ring import ring_of
from threemaps.diagnose.evidence.shapes import look
from threemaps.diagnose.evidence.spans import (
    from_honeycomb,
    from_xray,
    in_xray,
    of_services,
    perhaps_entered,
    services_in_question,
    with_entered,
)
from threemaps.diagnose.evidence.vendors import (
    aws_key_problem,
    clock_skew,
    honeycomb_key_problem,
    sampling_in_force,
)
from threemaps.model.difference import Comparison, Window
from threemaps.model.servicemap import Node
from threemaps.readers import Backend, UnreadableError
from threemaps.readers.cloudwatch import LAG, CloudWatch
from threemaps.readers.honeycomb import Honeycomb
from threemaps.readers.snapshot import Snapshot
from threemaps.readers.xray import XRay
from threemaps.settings import Settings

Backends = Mapping[str, Backend]
Found = TypeVar("Found")

# By how much a call can lie across the window's end: one backend counts by its start, another by its end.
CUT = timedelta(seconds=3)
# So far outside the window is looked for calls that were flushed inside: of a backlog or a clock behind, and
# of one ahead.
EARLIER, LATER = timedelta(hours=1), timedelta(minutes=10)
# A span that is so much older than the collector may still have come to this one.
ON_ITS_WAY = timedelta(seconds=6)


class Search:
    """Asks in turn, and keeps the reasons of what could not be asked."""

    def __init__(self) -> None:
        self.not_checked: list[str] = []

    def ask(self, what: str, question: Callable[[], Found]) -> Found | None:
        try:
            return question()
        except UnreadableError as error:
            self.not_checked.append(f"{what} ({error.message})")
        except requests.RequestException as error:
            self.not_checked.append(f"{what} (no answer: {type(error).__name__})")
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            self.not_checked.append(f"{what} (an answer that makes no sense: {type(error).__name__})")
        return None


def collect(
    settings: Settings, backends: Backends, window: Window, comparison: Comparison, known: Evidence
) -> Evidence:
    """Everything that can be found out about the live sources of a comparison."""
    search = Search()
    live = live_ones(backends)
    if not live:
        return known
    honeycomb, xray, cloudwatch = live.get("honeycomb"), live.get("xray"), live.get("cloudwatch")
    evidence = replace(
        known,
        collector=search.ask("the collector's own metrics", lambda: read_collector(settings, window.start)),
        passed_at_edges=search.ask("traffic at the window's edges", lambda: passed_at_edges(live, window)),
    )
    evidence = with_elsewhere(evidence, search, live, window)
    started = evidence.collector.started if evidence.collector else None
    if started and window.start < started - ON_ITS_WAY:
        before = Window(window.start, min(started, window.end) - ON_ITS_WAY)
        calls = search.ask("calls before the collector's start", lambda: calls_in(live, before))
        evidence = replace(evidence, calls_before_start=calls or {})
    if isinstance(cloudwatch, CloudWatch):
        wider = Window(window.start, window.end + LAG)
        streams = search.ask("the collector's log streams", lambda: cloudwatch.streams(wider))
        ring = ring_of(streams or {})
        evidence = replace(evidence, streams=() if ring else tuple(streams or ()), ring=ring)
    if isinstance(xray, XRay):
        services = services_in_question(comparison)
        skew = search.ask("the services' clocks", lambda: clock_skew(xray, window, services))
        evidence = replace(evidence, skew=skew or {})
    # Of spans Honeycomb tells most, X-Ray some more: both are asked even where their maps are not compared.
    witnesses = (
        honeycomb or search.ask("Honeycomb's traces", lambda: Honeycomb.of(settings)),
        xray or search.ask("X-Ray's traces", lambda: XRay.of(settings)),
    )
    evidence = with_traces(evidence, search, *witnesses, window, comparison)
    evidence = with_crossing(evidence, search, live, witnesses[1], window, comparison)
    aws_problem = search.ask("the AWS credentials", lambda: aws_key_problem(settings)) or ""
    problems = {
        "honeycomb": search.ask("Honeycomb's key", lambda: honeycomb_key_problem(settings)) or "",
        "xray": aws_problem,
        "cloudwatch": aws_problem,
    }
    return replace(evidence, key_problems=problems, not_checked=(*known.not_checked, *search.not_checked))


def with_traces(
    evidence: Evidence,
    search: Search,
    honeycomb: Backend | None,
    xray: Backend | None,
    window: Window,
    comparison: Comparison,
) -> Evidence:
    """What the traces of the services in question show."""
    services = services_in_question(comparison)
    if not services:
        return evidence
    found = None
    if isinstance(honeycomb, Honeycomb):
        found = search.ask("traces", lambda: from_honeycomb(honeycomb, services, window))
    if found and found[0] and isinstance(xray, XRay):
        evidence, found = beside_xray(evidence, search, xray, found, services)
    elif isinstance(xray, XRay):
        found = search.ask("traces", lambda: from_xray(xray, window, services))
    if not found:
        return evidence
    held, complete = found
    spans = (span for trace in held.values() for span in trace)
    return replace(evidence, looked=look(spans, complete=complete))


def with_crossing(
    evidence: Evidence,
    search: Search,
    live: Backends,
    xray: Backend | None,
    window: Window,
    comparison: Comparison,
) -> Evidence:
    """Only Honeycomb counts a call by its start. When it began and ended, X-Ray tells."""
    services = services_in_question(comparison)
    if not services or "honeycomb" not in live or len(live) < 2 or not isinstance(xray, XRay):
        return evidence
    found = search.ask("calls across the window's edges", lambda: crossing_calls(xray, window, services))
    return replace(evidence, crossing=found or ())


def beside_xray(
    evidence: Evidence, search: Search, xray: XRay, found: tuple[Traces, bool], services: set[str]
) -> tuple[Evidence, tuple[Traces, bool]]:
    """Honeycomb's traces held against X-Ray's: what X-Ray lacks, and what it has segments for."""
    held, complete = found
    asked = {**of_services(held, services), **perhaps_entered(held)}
    there = search.ask("traces that X-Ray lacks", lambda: in_xray(xray, asked))
    if there is None:
        return evidence, found
    entered = with_entered(held, there)
    absent = absent_calls(entered, there, complete=complete and len(held) <= len(there))
    return replace(evidence, absent=absent), (entered, complete)


def live_ones(backends: Backends) -> dict[str, Backend]:
    return {one.drawn_by: one for one in backends.values() if not isinstance(one, Snapshot)}


def what_all_lack(settings: Settings, backends: Backends) -> Evidence:
    """Asked for every comparison: maps can agree with each other, and all hold a tenth of the calls."""
    xray = live_ones(backends).get("xray")
    search = Search()
    sampling = None
    if isinstance(xray, XRay):
        sampling = search.ask("X-Ray's sampling", lambda: sampling_in_force(xray, settings))
    dropped = dropped_datagrams(settings) if live_ones(backends) else None
    return Evidence(sampling=sampling or (), dropped=dropped, not_checked=tuple(search.not_checked))


def at_span_time(live: Backends) -> list[Backend]:
    return [backend for name, backend in live.items() if name != "cloudwatch"]


def calls_in(live: Backends, window: Window) -> Mapping[tuple[Node, Node], int]:
    """X-Ray's word goes first: it counts a call by its end, and a long one may have come after a restart."""
    backend = live.get("xray") or live.get("honeycomb")
    found = backend.read_map(window).edges if backend else ()
    return {edge.key: edge.requests or 0 for edge in found}


def with_elsewhere(evidence: Evidence, search: Search, live: Backends, window: Window) -> Evidence:
    """Both or nothing: only what is known of all other times tells what CloudWatch counted twice."""
    spans, cloudwatch = at_span_time(live), live.get("cloudwatch")
    if not spans or cloudwatch is None:
        return evidence
    # CloudWatch's map takes in the flushes of LAG more than its window: both of a pair end at the same time.
    earlier = Window(window.start - EARLIER, window.start), Window(window.start - EARLIER, window.start - LAG)
    later = Window(window.end, window.end + LATER), Window(window.end + LAG, window.end + LATER)
    before, after = (
        search.ask(what, partial(not_flushed, spans, cloudwatch, *times))
        for what, times in (("calls before the window", earlier), ("calls after the window", later))
    )
    if before is None or after is None:
        return evidence
    return replace(evidence, elsewhere=Elsewhere(before, after))


def not_flushed(
    spans: list[Backend], cloudwatch: Backend, made: Window, flushed: Window
) -> Mapping[tuple[Node, Node], int]:
    """Calls of the one window, as most of the backends have them, less those of CloudWatch's window."""
    counts: dict[tuple[Node, Node], int] = {}
    for found in (backend.read_map(made) for backend in spans):
        for edge in found.edges:
            counts[edge.key] = max(counts.get(edge.key, 0), edge.requests or 0)
    for edge in cloudwatch.read_map(flushed).edges:
        counts[edge.key] = counts.get(edge.key, 0) - (edge.requests or 0)
    return counts


def passed_at_edges(live: Backends, window: Window) -> PassedAtEdges | None:
    """Calls just before the start and just after the end, as backends that count by span time have them."""
    spans = at_span_time(live)
    if not spans:
        return None
    return PassedAtEdges(passed(spans, window, LAG), passed(spans, window, CUT))


def passed(spans: list[Backend], window: Window, reach: timedelta) -> Mapping[tuple[Node, Node], int]:
    zones = Window(window.start - reach, window.start), Window(window.end, window.end + reach)
    jobs = [(backend, zone) for backend in spans for zone in zones]
    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        maps = list(pool.map(lambda job: job[0].read_map(job[1]), jobs))
    counts: dict[tuple[Node, Node], int] = {}
    for backend in spans:
        own: dict[tuple[Node, Node], int] = {}
        for (asked, _), found in zip(jobs, maps, strict=True):
            for edge in found.edges if asked is backend else ():
                own[edge.key] = own.get(edge.key, 0) + (edge.requests or 0)
        for key, count in own.items():
            counts[key] = max(counts.get(key, 0), count)
    return counts
