"""Honeycomb's service map, through the Map Dependencies API.

It tells who calls whom and how often. It draws no callers from outside and no callees without spans, and says
nothing of errors and latency. A query could, but one that relates a span to its parent is limited to one a
minute and finds one parent a trace: what is not exact is left out.
"""

import math
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge, Node, ServiceMap
from threemaps.readers.base import MAX_PAGES, Manners, Shape, UnreadableError
from threemaps.readers.http import Api
from threemaps.settings import LOCAL_CONFIGURATION_KEY, Settings

REQUESTS_PATH = "/1/maps/dependencies/requests"
LIMIT = 64_000  # the most dependencies that Honeycomb gives
PAGE_SIZE = 100
POLL_SECONDS = 60.0
# Spans are there within seconds; a map takes three requests or more of the 100 a minute.
REAL = Manners(lag=timedelta(seconds=5), poll=timedelta(seconds=10))


class Honeycomb:
    name = drawn_by = "honeycomb"

    def __init__(
        self, api: Api, sleep: Callable[[float], None] = time.sleep, manners: Manners | None = None
    ) -> None:
        self.api = api
        self.manners = manners or Manners()
        self.read_through = "map-api"
        self.remarks: tuple[str, ...] = ()
        self._sleep = sleep
        self._shape = Shape("Honeycomb")

    @classmethod
    def of(cls, settings: Settings) -> "Honeycomb":
        is_real = settings.honeycomb_is_real
        key = settings.get("HONEYCOMB_CONFIGURATION_KEY") if is_real else LOCAL_CONFIGURATION_KEY
        if not key:
            raise UnreadableError(
                "HONEYCOMB_CONFIGURATION_KEY is not set, and Honeycomb's map cannot be read without it",
                hint="set it to a configuration key with the permission Read Service Maps",
            )
        api = Api(settings.honeycomb_api, key, is_real=is_real, explain_refusal=explain_refusal)
        return cls(api, manners=REAL if is_real else None)

    def read_map(self, window: Window, service: str | None = None) -> ServiceMap:
        request = self._created(window)
        edges: dict[tuple[Node, Node], int] = {}
        for dependency in self._dependencies(request):
            key = self._node(dependency, "parent_node"), self._node(dependency, "child_node")
            calls = self._shape.count(dependency.get("call_count"), "call_count")
            edges[key] = edges.get(key, 0) + calls
        return ServiceMap.of((), (Edge(*key, requests=calls) for key, calls in edges.items())).only(service)

    def covers(self, window: Window) -> Window:
        """A fraction of a second is not taken: the window is widened to whole ones."""
        start, end = math.floor(window.start.timestamp()), math.ceil(window.end.timestamp())
        return Window(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))

    def _created(self, window: Window) -> str:
        covered = self.covers(window)
        start, end = int(covered.start.timestamp()), int(covered.end.timestamp())
        # Honeycomb's last second is in the range: it takes one that starts and ends in the same.
        times = {"start_time": start, "end_time": max(start, end - 1)}
        answer = self._shape.mapping(self.api.post(REQUESTS_PATH, times, limit=str(LIMIT)), "the map request")
        return self._shape.text(answer.get("request_id"), "request_id")

    def _dependencies(self, request: str) -> Iterator[Any]:
        cursor = ""
        seen: set[str] = set()
        total = 0
        for _ in range(MAX_PAGES):
            page = self._ready_page(request, cursor)
            found = self._shape.sequence(page.get("dependencies") or [], "dependencies")
            total += len(found)
            for dependency in found:
                yield self._shape.mapping(dependency, "a dependency")
            cursor = self._next_cursor(page)
            if not cursor:
                self._check_limit(total)
                return
            if cursor in seen:
                break
            seen.add(cursor)
        raise UnreadableError(
            "Honeycomb's map has no last page: it keeps naming a next one",
            hint="try again; a narrower --since makes the map smaller",
        )

    def _ready_page(self, request: str, cursor: str) -> Any:
        parameters = {"page[size]": str(PAGE_SIZE), **({"page[after]": cursor} if cursor else {})}
        waited, pause = 0.0, 0.05
        while True:
            page = self._shape.mapping(
                self.api.get(f"{REQUESTS_PATH}/{request}", **parameters), "the map request's answer"
            )
            status = page.get("status")
            if status == "ready":
                return page
            if status == "error":
                raise UnreadableError(
                    "Honeycomb could not work out the map (status: error)",
                    hint="try again, or a shorter --since",
                )
            if status != "pending":
                raise self._shape.wrong("status", status)
            if waited >= POLL_SECONDS:
                raise UnreadableError(
                    f"Honeycomb's map is still pending after {POLL_SECONDS:.0f} s",
                    hint="try a shorter --since",
                )
            self._sleep(pause)
            waited += pause
            pause = min(2.0, pause * 1.5)

    def _next_cursor(self, page: Any) -> str:
        """Taken from the link; the link itself is not followed, so that the key goes to no other host."""
        links = page.get("links")
        if links is None:
            return ""
        link = self._shape.mapping(links, "links").get("next")
        if link is None or link == "":
            return ""
        cursors = parse_qs(urlsplit(self._shape.text(link, "links.next")).query).get("page[after]")
        if not cursors:
            raise self._shape.wrong("links.next", link)
        return cursors[0]

    def _check_limit(self, total: int) -> None:
        if total >= LIMIT:
            raise UnreadableError(
                f"Honeycomb gives at most {LIMIT:,} dependencies, and this map has as many or more",
                hint="take a shorter --since",
            )

    def _node(self, dependency: Any, end: str) -> Node:
        return Node(
            self._shape.text(self._shape.mapping(dependency.get(end), end).get("name"), f"{end}.name")
        )


def explain_refusal(status: int, said: str) -> UnreadableError | None:
    """What Honeycomb means by a refusal of the map API."""
    if status == 401:
        return UnreadableError(
            f"Honeycomb does not know the key ({said})",
            hint="HONEYCOMB_CONFIGURATION_KEY must hold a configuration key of this environment and region, "
            "not an ingest key; the EU's API is HONEYCOMB_API_ENDPOINT=https://api.eu1.honeycomb.io",
        )
    if status == 403:
        return UnreadableError(
            f"Honeycomb refuses this key the service map ({said})",
            hint="the key needs the permission Read Service Maps, and the plan has to be Enterprise; "
            "ingest keys are always refused",
        )
    if status == 404:
        return UnreadableError(
            f"Honeycomb has no service map API for this account ({said})",
            hint="the Map Dependencies API comes with the Enterprise plan; "
            "check HONEYCOMB_API_ENDPOINT too, and leave honeycomb out until then",
        )
    return None
