"""One fault on steady traffic, and what the vendors' own APIs hold of it afterwards."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.collector_process import wait_for
from tests.system.chaos.faults import Trouble
from tests.system.chaos.proxy import PIPELINES
from tests.system.chaos.traffic import PAUSE, SPANS_A_CALL, Traffic
from tests.system.chaos.witnesses import less_by_compare, refused_by_doctor
from tests.system.chaos.world import World
from threemaps.model.difference import Window
from threemaps.readers import BACKENDS, open_backend
from threemaps.readers.aws import aws_client
from threemaps.readers.base import UnreadableError
from threemaps.readers.honeycomb import configuration_api
from threemaps.settings import SERVICE_LOG_GROUP

ARRIVE_SECONDS = 60.0
LIMIT_SECONDS = 70.0
TRACES_AT_ONCE = 5
CALLS_IN_A_FAULT = 1200  # of a long one: the questions to the vendors answer 10,000 rows


@dataclass
class Pipeline:
    acknowledged: int
    arrived: int
    repeated: int = 0
    delay: float | None = None  # seconds from acknowledgement to arrival, the longest, while the fault lasted
    counted: int = 0
    sent_again: int = 0  # as the guard counted it
    found: str = ""

    @property
    def lost(self) -> int:
        return max(0, self.acknowledged - self.arrived)

    @property
    def verdict(self) -> str:
        if self.repeated and not self.sent_again:
            return "TWICE IN SILENCE"
        if not self.lost:
            return "kept"
        if self.counted:
            return "lost, counted"
        return f"lost, found by {self.found}" if self.found else "LOST IN SILENCE"


@dataclass
class Result:
    trouble: Trouble
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    refused: int = 0  # at the collector's receivers: the sender knows
    unconfirmed: int = 0  # segments by UDP that nobody acknowledged
    seconds: float = 0.0


def run(world: World, trouble: Trouble, name: str, calls: int, seconds: float = 0) -> Result:
    """A third of the calls before, a third during, a third after the fault, which lasts at least SECONDS."""
    begin = time.monotonic()
    started = time.time()
    counted, sent_again = world.recorded()
    with Traffic(world.collector, name, pause=max(PAUSE, seconds / CALLS_IN_A_FAULT)) as traffic:
        wait_for(lambda: traffic.calls >= calls // 3, 60)
        fault_began = time.time()
        with trouble.inject(world, traffic):
            reached = traffic.calls + (0 if trouble.refuses else calls // 3)
            wait_for(lambda: traffic.calls >= reached, 90)
            wait_for(lambda: time.time() >= fault_began + seconds, seconds + 1)
            wait_for_untouched(world, trouble, traffic)
        fault_ended = time.time()
        wait_for(lambda: min(traffic.calls, len(traffic.lines)) >= calls, 90)
        traffic.stop()
        settle(world, traffic)
        # CloudWatch's map is drawn of X-Ray's spans.
        swallowed = world.ledger.swallowed["xray"] & acknowledged(traffic, "xray").keys()
        if not trouble.refuses and not swallowed:
            for backend in BACKENDS:  # no call twice either
                await_calls(world, traffic, started, backend)
    result = Result(trouble, refused=traffic.refused_spans + traffic.refused_lines)
    result.unconfirmed = traffic.unconfirmed_segments
    result.pipelines = read_back(world, traffic, started)
    now_counted, now_sent_again = world.recorded()
    for pipeline, found in result.pipelines.items():
        found.counted = now_counted[pipeline] - counted[pipeline]
        # What a killed collector had just sent is sent again, and nobody knows how much that was.
        found.sent_again = (
            now_sent_again[pipeline] - sent_again[pipeline] or found.repeated * trouble.restarts
        )
        found.delay = longest_delay(world, traffic, pipeline, fault_began, fault_ended)
    explain(world, result, traffic, started)
    result.seconds = time.monotonic() - begin
    return result


def acknowledged(traffic: Traffic, pipeline: str) -> dict[str, float]:
    return dict(traffic.lines) if pipeline == "logs" else {**traffic.spans, **traffic.segments}


def edge(traffic: Traffic) -> tuple[str, str]:
    return f"{traffic.name}-a", f"{traffic.name}-b"


def wait_for_untouched(world: World, trouble: Trouble, traffic: Traffic) -> None:
    """While the fault lasts, what it does not touch goes on."""
    untouched = set(PIPELINES) - set(trouble.pipelines)
    expected = {pipeline: acknowledged(traffic, pipeline).keys() for pipeline in untouched}
    for pipeline, items in expected.items():
        await_arrival(world, pipeline, lambda items=items: set(items))


def await_arrival(world: World, pipeline: str, expected: Callable[[], set[str]]) -> None:
    """What is expected is asked for again each time: a request on its way may yet be refused in part."""
    arrived = world.ledger.first[pipeline]
    try:
        wait_for(lambda: expected() <= arrived.keys(), ARRIVE_SECONDS)
    except AssertionError:
        missing = sorted(expected() - arrived.keys())
        message = f"{pipeline}: {len(missing)} acknowledged ones are not there, among them {missing[:3]}"
        raise AssertionError(message) from None


def settle(world: World, traffic: Traffic) -> None:
    """Until all has arrived that was not refused for good."""
    ledger = world.ledger

    def not_refused(pipeline: str) -> set[str]:
        return acknowledged(traffic, pipeline).keys() - ledger.swallowed[pipeline]

    for pipeline in ("honeycomb", "xray", "logs"):
        await_arrival(world, pipeline, partial(not_refused, pipeline))


def read_back(world: World, traffic: Traffic, started: float) -> dict[str, Pipeline]:
    times = world.ledger.times
    pipelines = {}
    for pipeline, found in (
        ("honeycomb", honeycomb_spans(world, traffic)),
        ("xray", xray_parts(world, traffic)),
    ):
        sent = acknowledged(traffic, pipeline).keys()
        repeated = sum(times[pipeline][item] - 1 for item in sent if times[pipeline][item] > 1)
        pipelines[pipeline] = Pipeline(len(sent), len(sent & found), repeated)
    lines = log_lines(world, traffic, started)
    pipelines["logs"] = Pipeline(
        len(traffic.lines), len(set(lines) & traffic.lines.keys()), len(lines) - len(set(lines))
    )
    return pipelines


def honeycomb_spans(world: World, traffic: Traffic) -> set[str]:
    api = configuration_api(world.readers)
    query = {
        "start_time": int(time.time()) - 1800,
        "end_time": int(time.time()) + 60,
        "breakdowns": ["trace.span_id"],
        "calculations": [{"op": "COUNT"}],
        "filters": [{"column": "service.name", "op": "starts-with", "value": f"{traffic.name}-"}],
    }
    created = api.post("/1/queries/__all__", query)
    asked = {"query_id": created["id"], "disable_series": True, "limit": 10_000}
    result = within_the_limit(lambda: api.post("/1/query_results/__all__", asked))
    while not result["complete"]:
        result = api.get(f"/1/query_results/__all__/{result['id']}")
    return {row["data"]["trace.span_id"] for row in result["data"]["results"]}


def within_the_limit(ask: Callable[[], Any]) -> Any:
    """Honeycomb answers ten such questions a minute."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            return ask()
        except UnreadableError:
            if time.monotonic() > deadline:
                raise


def xray_parts(world: World, traffic: Traffic) -> set[str]:
    client = aws_client(world.readers, "xray")
    found: set[str] = set()

    def collect(document: dict[str, Any]) -> None:
        found.add(document["id"])
        for part in document.get("subsegments", []):
            collect(part)

    ids = [f"1-{trace[:8]}-{trace[8:]}" for trace in traffic.traces]
    for begin in range(0, len(ids), TRACES_AT_ONCE):
        for trace in client.batch_get_traces(TraceIds=ids[begin : begin + TRACES_AT_ONCE])["Traces"]:
            for one in trace["Segments"]:
                document = json.loads(one["Document"])
                if not document.get("inferred"):
                    collect(document)
    return found


def log_lines(world: World, traffic: Traffic, started: float) -> list[str]:
    pages = aws_client(world.readers, "logs").get_paginator("filter_log_events")
    asked = {"logGroupName": SERVICE_LOG_GROUP, "startTime": int(started * 1000) - 1000}
    asked["filterPattern"] = f'"{traffic.name}"'
    found = (json.loads(event["message"]) for page in pages.paginate(**asked) for event in page["events"])
    return [one["body"] for one in found if str(one["body"]).startswith(f"{traffic.name} ")]


def await_calls(world: World, traffic: Traffic, started: float, backend: str) -> None:
    """What was not acknowledged may be there all the same, each once."""
    most = traffic.calls + traffic.refused_spans // SPANS_A_CALL

    def drawn() -> int:
        found: int = within_the_limit(lambda: map_calls(world, traffic, started, backend))
        return found

    try:
        wait_for(lambda: traffic.calls <= drawn() <= most, ARRIVE_SECONDS)
    except AssertionError:
        message = f"{backend}: {traffic.calls} calls acknowledged, {most} sent, {drawn()} drawn"
        raise AssertionError(message) from None


def map_calls(world: World, traffic: Traffic, started: float, backend: str) -> int:
    window = Window(datetime.fromtimestamp(started - 1, UTC), datetime.now(UTC))
    drawn = open_backend(backend, world.readers).read_map(window, f"{traffic.name}-*")
    return sum(
        one.requests or 0 for one in drawn.edges if (one.source.name, one.target.name) == edge(traffic)
    )


def longest_delay(world: World, traffic: Traffic, pipeline: str, begin: float, end: float) -> float | None:
    first = world.ledger.first[pipeline]
    sent = acknowledged(traffic, pipeline).items()
    delays = [first[item] - at for item, at in sent if item in first and begin <= at <= end]
    return max(delays, default=None)


def explain(world: World, result: Result, traffic: Traffic, since: float) -> None:
    """Who reports what a pipeline lost: compare, that this map has less; doctor, what the vendor said."""
    short = {pipeline for pipeline, found in result.pipelines.items() if found.lost and not found.counted}
    if not short:
        return
    witnesses = {"compare": less_by_compare(world, traffic), "doctor": refused_by_doctor(world, since)}
    for pipeline in short:
        names = [name for name, pipelines in witnesses.items() if pipeline in pipelines]
        result.pipelines[pipeline].found = " and ".join(names)
