"""Steady traffic and three vendors in memory: each cuts a window in its own way, and lags as told."""

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from threemaps.compare import reading
from threemaps.compare.settling import Clock
from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge, Node, ServiceMap
from threemaps.readers.base import Manners
from threemaps.readers.xray import XRay
from threemaps.settings import Settings

NOON = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC)
NOWHERE = {f"THREEMAPS_PORT_{name}": "9" for name in ("HONEYCOMB", "AWS", "COLLECTOR_METRICS", "HEALTH")}
LOCAL = Settings.load({"THREEMAPS_ENV_FILE": "/nonexistent", "THREEMAPS_STATE": "/nonexistent", **NOWHERE})
OUTSIDE, WEB, API = Node.outside(), Node("web"), Node("api")
SDK_SECONDS = 5.0  # spans leave a service at most so much later


@dataclass(frozen=True)
class Request:
    """A request to web, which calls api. Seconds since the epoch."""

    number: int
    start: float
    end: float
    call: float
    answered: float
    api_start: float
    api_end: float
    failed: bool = False

    @property
    def trace(self) -> str:
        return f"1-{int(self.start):08x}-{self.number:024x}"


@dataclass
class Lossy:
    """What got lost on the way to one backend, and how late it shows what it has."""

    lag: float = 0.0
    lost: frozenset[int] = frozenset()
    manners: Manners = field(default_factory=Manners)


class FakeClock(Clock):
    def __init__(self, start: datetime = NOON) -> None:
        self.time = start

    def now(self) -> datetime:
        return self.time

    def sleep(self, length: timedelta) -> None:
        self.time += max(length, timedelta(milliseconds=1))


class World:
    """Requests at a rate from `begins` until `ends`, both in seconds from the clock's start."""

    def __init__(
        self, rate: float, begins: float = -900, ends: float = math.inf, seed: int = 1, fails: float = 0.0
    ) -> None:
        self.clock = FakeClock()
        self.honeycomb, self.xray, self.cloudwatch = Lossy(), Lossy(), Lossy()
        self.cloudwatch.manners = Manners(grain=timedelta(minutes=1))
        self.asked: list[tuple[str, datetime]] = []
        start = NOON.timestamp()
        chance = random.Random(seed)
        count = int(min(ends - begins, 400 - begins) * rate)
        self.requests = []
        for number in range(count):
            at = start + begins + (number + chance.random()) / rate
            waits, works = chance.expovariate(20) + 0.001, chance.expovariate(10) + 0.001
            if chance.random() < 0.02:
                works += 3  # a slow one
            api = at + waits + 0.002
            answered = api + works + 0.002
            failed = chance.random() < fails
            self.requests.append(
                Request(number, at, answered + waits, at + waits, answered, api, api + works, failed)
            )

    def seen(self, how: Lossy) -> Iterator[Request]:
        """What has arrived by now."""
        now = self.clock.now().timestamp()
        for one in self.requests:
            if one.number not in how.lost and one.end + one.number % 5 / 5 * SDK_SECONDS + how.lag <= now:
                yield one

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def opened(name: str, settings: Settings) -> Any:
            return {"honeycomb": FakeHoneycomb(self), "cloudwatch": FakeCloudWatch(self)}.get(name) or XRayOf(
                self
            )

        monkeypatch.setattr(reading, "open_backend", opened)


def counted(key: tuple[Node, Node], calls: list[Request], *, errors: bool = True) -> Edge:
    return Edge(*key, len(calls), sum(one.failed for one in calls) if errors else None)


def drawn(*edges: Edge) -> ServiceMap:
    return ServiceMap.of((), [edge for edge in edges if edge.requests])


@dataclass
class FakeHoneycomb:
    world: World
    name: str = "honeycomb"
    drawn_by: str = "honeycomb"
    read_through: str = "map-api"
    remarks: tuple[str, ...] = ()

    @property
    def manners(self) -> Manners:
        return self.world.honeycomb.manners

    def covers(self, window: Window) -> Window:
        return window

    def read_map(self, window: Window, service: str | None = None) -> ServiceMap:
        self.world.asked.append((self.name, self.world.clock.now()))
        start, end = window.start.timestamp(), window.end.timestamp()
        calls = [one for one in self.world.seen(self.world.honeycomb) if start <= one.api_start < end]
        return drawn(counted((WEB, API), calls, errors=False))


@dataclass
class FakeCloudWatch:
    world: World
    name: str = "cloudwatch"
    drawn_by: str = "cloudwatch"
    read_through: str = "application-signals"
    remarks: tuple[str, ...] = ()
    own: dict[Node, tuple[int, int]] = field(default_factory=dict)

    @property
    def manners(self) -> Manners:
        return self.world.cloudwatch.manners

    def covers(self, window: Window) -> Window:
        return window

    def read_map(self, window: Window, service: str | None = None) -> ServiceMap:
        self.world.asked.append((self.name, self.world.clock.now()))
        start = window.start.timestamp() // 60 * 60
        end = math.ceil(window.end.timestamp() / 60) * 60

        def within(moment: str) -> list[Request]:
            seen = self.world.seen(self.world.cloudwatch)
            return [one for one in seen if start <= getattr(one, moment) < end]

        made, web, api = within("answered"), within("end"), within("api_end")
        self.own = {WEB: (len(web), sum(x.failed for x in web)), API: (len(api), sum(x.failed for x in api))}
        call = counted((WEB, API), made)
        beyond = max(0, len(api) - len(made))
        return drawn(call, counted((OUTSIDE, WEB), web), Edge(OUTSIDE, API, beyond, 0))


class XRayOf(XRay):
    """The real reader, before a client in memory."""

    def __init__(self, world: World) -> None:
        super().__init__(XRayClient(world), LOCAL)
        self.world = world

    @property
    def manners(self) -> Manners:
        return self.world.xray.manners

    @manners.setter
    def manners(self, value: Manners) -> None: ...

    def indexed_share(self) -> float:
        return 1.0


@dataclass
class XRayClient:
    world: World

    @property
    def _seen(self) -> list[Request]:
        return list(self.world.seen(self.world.xray))

    def get_service_graph(self, StartTime: datetime, EndTime: datetime, **more: Any) -> Any:  # noqa: N803
        self.world.asked.append(("xray", self.world.clock.now()))
        start, end = StartTime.timestamp(), EndTime.timestamp()
        calls = [one for one in self._seen if start <= one.api_end < end]
        webs = [one for one in self._seen if start <= one.end < end]
        return {
            "Services": [
                {"ReferenceId": 0, "Name": "web", "Type": "client", "Edges": self._edges(1, webs)},
                {"ReferenceId": 1, "Name": "web", "Edges": self._edges(2, calls)},
                {"ReferenceId": 2, "Name": "api", "Edges": []},
            ]
            if calls or webs
            else []
        }

    def _edges(self, number: int, calls: list[Request]) -> list[Any]:
        faults = {"TotalCount": sum(one.failed for one in calls)}
        statistics = {"TotalCount": len(calls), "FaultStatistics": faults}
        return [{"ReferenceId": number, "SummaryStatistics": statistics}] if calls else []

    def get_trace_summaries(self, StartTime: datetime, EndTime: datetime, **more: Any) -> Any:  # noqa: N803
        start, end = StartTime.timestamp(), EndTime.timestamp()
        longest = 1.0 if "FilterExpression" in more and "duration" in more["FilterExpression"] else 0.0
        found = [one for one in self._seen if one.start < end and one.end >= start]
        half = len(found) // 2 if "NextToken" not in more else 0
        page = found[:half] if "NextToken" not in more else found[len(found) // 2 :]
        token = {"NextToken": "2"} if "NextToken" not in more else {}
        return {
            "TraceSummaries": [
                {
                    "Id": one.trace,
                    "StartTime": datetime.fromtimestamp(one.start, UTC),
                    "Duration": one.end - one.start,
                }
                for one in page
                if one.end - one.start >= longest
            ],
            **token,
        }

    def batch_get_traces(self, TraceIds: list[str]) -> Any:  # noqa: N803
        held = {one.trace: one for one in self._seen}
        return {"Traces": [trace_of(held[one]) for one in TraceIds if one in held]}

    def get_sampling_statistic_summaries(self, **more: Any) -> Any:
        return {"SamplingStatisticSummaries": []}


def trace_of(one: Request) -> dict[str, Any]:
    call = {
        "id": f"{one.number:015x}b",
        "name": "api",
        "namespace": "remote",
        "start_time": one.call,
        "end_time": one.answered,
        "fault": one.failed,
    }
    web = {
        "id": f"{one.number:015x}a",
        "name": "web",
        "start_time": one.start,
        "end_time": one.end,
        "fault": one.failed,
        "subsegments": [call],
    }
    api = {
        "id": f"{one.number:015x}c",
        "parent_id": call["id"],
        "name": "api",
        "start_time": one.api_start,
        "end_time": one.api_end,
        "fault": one.failed,
    }
    return {"Id": one.trace, "Segments": [{"Document": json.dumps(part)} for part in (web, api)]}


def slow(how: Lossy, lag: float) -> None:
    """An account's lag."""
    how.lag = lag
    how.manners = replace(how.manners, lag=timedelta(seconds=lag))
