"""The second verdict: is the traffic healthy, whether or not the maps agree on it.

`standing_troubles` asks this machine; `in_maps` looks at what the maps show. The first is for `status`,
`doctor` and the page as well.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from shlex import quote

from threemaps.demo import faults
from threemaps.demo.health import answers
from threemaps.demo.machine import machine_troubles
from threemaps.demo.processes import records
from threemaps.demo.room import ENOUGH, LEAST_ROOM, is_shut, room
from threemaps.diagnose.collector import log_tail
from threemaps.diagnose.datagrams import dropped_datagrams
from threemaps.diagnose.losses import losses, may_be_twice
from threemaps.diagnose.whole_traces import TWO_SDKS
from threemaps.model.difference import Difference, Source, Trouble
from threemaps.model.drawing import draws, title
from threemaps.model.servicemap import Edge
from threemaps.settings import SERVICES, Settings

# As OpenTelemetry's SDK for Python and its exporters write it.
DROPPED = re.compile(r"Queue full, dropping|Failed to export (?:span|trace)s? ", re.IGNORECASE)


def in_maps(sources: Sequence[Source]) -> Iterator[Trouble]:
    """Edges on which calls fail, with their share, and the backends that cannot draw such an edge."""
    failing: dict[tuple[str, str], list[Edge]] = {}
    for source in sources:
        for edge in source.map.edges if source.map else ():
            if edge.errors:
                failing.setdefault((edge.source.name, edge.target.name), []).append(edge)
    for found in failing.values():
        edge = max(found, key=lambda one: (one.errors or 0, one.requests or 0))
        blind = [
            title(one.backend, one.name)
            for one in sources
            if one.map and not all(draws(one.backend, some) for some in found)
        ]
        unseen = f"; {' and '.join(dict.fromkeys(blind))} cannot draw all of it" if blind else ""
        yield Trouble(
            f"{edge.source} → {edge.target}: {edge.errors:,} of {edge.requests or 0:,} calls fail "
            f"({share(edge)}){unseen}",
            f"threemaps traces --order failing --service {quote(edge.source.name)}",
        )


def counted_twice(differences: Iterable[Difference]) -> Iterator[Trouble]:
    """Services that begin two spans for one call: maps can agree on twice the calls."""
    for node in sorted({one.target for one in differences if one.cause == TWO_SDKS.cause and one.target}):
        yield Trouble(f"calls of {node} are counted twice: it begins two spans for one", TWO_SDKS.advice)


def share(edge: Edge) -> str:
    failing = (edge.errors or 0) / edge.requests if edge.requests else 0.0
    return f"{failing:.0%}" if failing >= 0.01 else "under 1%"


def standing_troubles(settings: Settings, since: datetime) -> tuple[Trouble, ...]:
    """What is wrong on this machine and no map can show: nothing where threemaps runs nothing here.

    `since`: nothing that a service reported before it.
    """
    dropped = (
        *machine_troubles(settings),
        *_full_disk(settings),
        *(Trouble(str(loss), "threemaps doctor") for loss in losses(settings)),
        *(Trouble(str(one), one.advice) for one in may_be_twice(settings, since)),
    )
    if not records(settings).load():
        return dropped
    return (
        *_faults(settings),
        *_stopped_collector(settings),
        *_dropped_spans(settings, since),
        *_dropped_datagrams(settings),
        *dropped,
    )


def _faults(settings: Settings) -> Iterator[Trouble]:
    for service, fault in faults.read(settings.flags_file).items():
        if fault != faults.NO_FAULT:
            yield Trouble(f"a fault is switched on for {service}: {fault}", "threemaps fault --clear")


def _stopped_collector(settings: Settings) -> Iterator[Trouble]:
    collector = records(settings).load().get("collector")
    if collector is None or (collector.alive and answers(settings.url("health"))):
        return
    what = f"runs (pid {collector.pid}) and gives no answer" if collector.alive else "has stopped"
    lost = "what services send now is lost once their own queues are full"
    yield Trouble(f"the collector {what}: {lost}", "threemaps up")


def _full_disk(settings: Settings) -> Iterator[Trouble]:
    if is_shut(settings):
        yield Trouble(
            f"the disk of {settings.state} has {room(settings) / 1e6:.0f} MB left, and the collector takes "
            f"nothing in below {ENOUGH / 1e6:.0f}: what services send now is lost once their queues are full",
            f"df -h {quote(str(settings.state))}",
        )
    elif room(settings) < LEAST_ROOM:
        yield Trouble(
            f"the disk of {settings.queue} has {room(settings) / 1e6:.0f} MB left: once it is full the "
            "collector drops what it reads from its queues",
            f"df -h {quote(str(settings.queue))}",
        )


def _dropped_spans(settings: Settings, since: datetime) -> Iterator[Trouble]:
    for service in SERVICES:
        lines = [
            line for line in log_tail(settings.logs / f"{service}.log").splitlines() if DROPPED.search(line)
        ]
        found = [record for line in lines if (record := _record(line)) and record[0] >= since]
        if found:
            moment, said = found[-1]
            yield Trouble(
                f"the SDK in {service} reports dropped spans, {len(found)} times, last at "
                f"{moment:%H:%M:%S} UTC: {said[:160]}",
                "threemaps doctor",
            )


def _record(line: str) -> tuple[datetime, str] | None:
    """When it was written and what it says; the services write one JSON object a line."""
    try:
        record = json.loads(line)
        return datetime.fromisoformat(record["time"]), str(record["message"])
    except (ValueError, KeyError, TypeError):
        return None


def _dropped_datagrams(settings: Settings) -> Iterator[Trouble]:
    dropped = dropped_datagrams(settings)
    if dropped:
        yield Trouble(str(dropped), "threemaps doctor")
