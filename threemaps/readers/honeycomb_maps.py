"""Honeycomb's Map Dependencies API: who calls whom and how often, with nothing of errors and latency."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge, Node
from threemaps.readers.base import MAX_PAGES, Shape, UnreadableError, widened
from threemaps.readers.http import Api

REQUESTS_PATH = "/1/maps/dependencies/requests"
LIMIT = 64_000  # the most dependencies that Honeycomb gives
PAGE_SIZE = 100
POLL_SECONDS = 60.0


class MapApi:
    name = "map-api"
    grain = timedelta(seconds=1)
    poll = timedelta(seconds=10)  # a map takes three requests or more of the 100 a minute
    remarks: tuple[str, ...] = ()

    def __init__(self, api: Api, sleep: Callable[[float], None] = time.sleep) -> None:
        self.api = api
        self._sleep = sleep
        self._shape = Shape("Honeycomb")

    def edges(self, window: Window) -> list[Edge]:
        request = self._created(window)
        found: dict[tuple[Node, Node], int] = {}
        for dependency in self._dependencies(request):
            key = self._node(dependency, "parent_node"), self._node(dependency, "child_node")
            calls = self._shape.count(dependency.get("call_count"), "call_count")
            found[key] = found.get(key, 0) + calls
        return [Edge(*key, requests=calls) for key, calls in found.items()]

    def covers(self, window: Window) -> Window:
        """A fraction of a second is not taken: the window is widened to whole ones."""
        return widened(window, self.grain)

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
