"""CloudWatch's map: the collector's service graph metrics, EMF events in a log group of their own.

Each event is what one flush added to one edge, so the events of a window are summed. An event bears the time
of its flush, later than the calls it counts: the window is read as far beyond its end as that can take.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.base import MAX_PAGES, Manners, Shape, UnreadableError
from threemaps.settings import MAP_LOG_GROUP, Settings

PERMISSION = "logs:FilterLogEvents"
MAX_EVENTS = 2_000_000

REQUESTS = "traces_service_graph_request_total"
FAILED = "traces_service_graph_request_failed_total"
CLIENT = "traces_service_graph_request_client"
SERVER = "traces_service_graph_request_server"

# How much later than its calls an event may come: an SDK holds spans back for 5 s by default, the connector
# waits 8 s for the other half of a call, and flushes twice a second.
LAG = timedelta(seconds=16)

# Application Signals has periods of a minute; on an account it may discover a service ten minutes late.
MINUTE = timedelta(minutes=1)
LOCAL = Manners(grain=MINUTE)
REAL = Manners(lag=timedelta(minutes=10), grain=MINUTE, poll=timedelta(seconds=15))


@dataclass
class Timing:
    count: int = 0
    seconds: float = 0.0

    @property
    def mean_ms(self) -> float | None:
        return round(self.seconds / self.count * 1000, 3) if self.count and self.seconds else None


class Calls:
    """The sum over the events of one edge."""

    def __init__(self) -> None:
        self.requests = 0
        self.failed = 0
        self.client = Timing()
        self.server = Timing()

    def edge(self, source: Node, target: Node) -> Edge:
        # The caller's clock, as in X-Ray. Callers from outside have none, and the connector writes 0 for it.
        timing = self.server if source.kind is Kind.OUTSIDE else self.client
        return Edge(source, target, self.requests, self.failed, timing.mean_ms, None)


class CloudWatch:
    name = drawn_by = "cloudwatch"

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self.manners = REAL if settings.aws_is_real else LOCAL
        self.read_through = "application-signals"
        self.remarks: tuple[str, ...] = ()
        self._shape = Shape("CloudWatch")

    @classmethod
    def of(cls, settings: Settings) -> "CloudWatch":
        return cls(aws_client(settings, "logs"), settings)

    def read_map(self, window: Window, service: str | None = None) -> ServiceMap:
        edges: dict[tuple[Node, Node], Calls] = {}
        for event in self.events(Window(window.start, window.end + LAG)):
            self._add(self._fields(event), edges)
        return ServiceMap.of((), (calls.edge(*key) for key, calls in edges.items())).only(service)

    def covers(self, window: Window) -> Window:
        return window

    def streams(self, window: Window) -> dict[str, list[int]]:
        """The log streams written to in the window, oldest first, and when: one a run of a collector."""
        found: dict[str, list[int]] = {}
        for event in self.events(window):
            moments = found.setdefault(str(event.get("logStreamName")), [])
            moments.append(self._shape.count(event.get("timestamp"), "timestamp"))
        return found

    def events(self, window: Window) -> Iterator[Any]:
        """Each event once: one that was delivered twice has the same stream, time and text."""
        seen: set[tuple[object, object, int]] = set()
        with reasons(self._settings, "CloudWatch Logs", PERMISSION):
            for event in self._raw_events(window):
                mark = event.get("logStreamName"), event.get("timestamp"), hash(event.get("message"))
                if mark not in seen:
                    seen.add(mark)
                    yield event
                if len(seen) > MAX_EVENTS:
                    raise UnreadableError(
                        f"CloudWatch holds more than {MAX_EVENTS:,} map events in this window",
                        hint="take a shorter --since",
                    )

    def _raw_events(self, window: Window) -> Iterator[Any]:
        arguments: dict[str, Any] = {
            "logGroupName": MAP_LOG_GROUP,
            "startTime": int(window.start.timestamp() * 1000),
            "endTime": int(window.end.timestamp() * 1000),
        }
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            try:
                page = self._client.filter_log_events(**arguments)
            except self._client.exceptions.ResourceNotFoundException:
                return  # no map metrics yet: an empty map
            yield from self._shape.sequence(page.get("events"), "events")
            token = page.get("nextToken")
            if not token:
                return
            if token in seen:
                break
            seen.add(token)
            arguments["nextToken"] = token
        raise UnreadableError("CloudWatch's events have no last page", hint="try again, or a shorter --since")

    def _fields(self, event: Any) -> Any:
        try:
            fields = orjson.loads(event.get("message") or "")
        except orjson.JSONDecodeError:
            return {}
        return fields if isinstance(fields, dict) else {}

    def _add(self, fields: Any, edges: dict[tuple[Node, Node], Calls]) -> None:
        ends = ends_of(fields)
        if ends is None:
            return
        calls = edges.setdefault(ends, Calls())
        calls.requests += self._shape.count(fields.get(REQUESTS, 0), REQUESTS)
        calls.failed += self._shape.count(fields.get(FAILED, 0), FAILED)
        for name, timing in ((CLIENT, calls.client), (SERVER, calls.server)):
            told = fields.get(name)
            if isinstance(told, dict):
                timing.count += self._shape.count(told.get("Count", 0), f"{name}.Count")
                timing.seconds += self._shape.number(told.get("Sum", 0), f"{name}.Sum")


def ends_of(fields: Any) -> tuple[Node, Node] | None:
    """The two nodes of a service graph event; None for any other event in the group."""
    client, server = fields.get("client"), fields.get("server")
    named = isinstance(client, str) and isinstance(server, str) and client and server
    if not named or not any(metric in fields for metric in (REQUESTS, FAILED, CLIENT, SERVER)):
        return None
    # virtual_node says which end has no spans; older events lack it, and then the connector's own names tell.
    if fields.get("connection_type") == "virtual_node":
        drawn = fields.get("virtual_node") or ("client" if client == "user" else "server")
        if drawn == "client":
            return Node.outside(), Node(server)
        return Node(client), Node(server, Kind.REMOTE)
    if fields.get("connection_type") == "database":
        return Node(client), Node(server, Kind.REMOTE)
    return Node(client), Node(server)
