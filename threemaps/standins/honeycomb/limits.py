"""How often Honeycomb may be asked, and how often it was: in its headers, its refusals and by the minute.

Every key has its own count. What threemaps itself asks is not counted, so that a person at the page never
waits for a stand-in; sending and MCP are not limited either, and are answered with what is left for the key.
"""

import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from flask import Flask, g, request
from werkzeug.wrappers import Response

from threemaps.settings import USER_AGENT
from threemaps.standins.honeycomb.exceptions import HoneycombError
from threemaps.standins.honeycomb.keys import HEADER

MINUTE = 60.0
API = ("/1/", "/2/", "/v1/", "/mcp")
UNLIMITED = ("/1/events/", "/1/batch/", "/v1/", "/mcp")
MOST_KEYS = 1_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests in any sixty seconds: of all kinds, for query results, for those with relational fields."""

    requests: int = 100
    results: int = 10
    relational: int = 1


@dataclass(slots=True)
class Window:
    """So many in any sixty seconds."""

    allowed: int
    taken: deque[float] = field(default_factory=deque)

    def take(self, *, counts: bool) -> "Standing":
        now = time.monotonic()
        while self.taken and self.taken[0] <= now - MINUTE:
            self.taken.popleft()
        refused = counts and len(self.taken) >= self.allowed
        if counts and not refused:
            self.taken.append(now)
        reset = math.ceil(self.taken[0] + MINUTE - now) if self.taken else round(MINUTE)
        return Standing(self.allowed, max(0, self.allowed - len(self.taken)), reset, refused)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a request left of its limit."""

    allowed: int
    remaining: int
    reset: int
    refused: bool

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit": f"limit={self.allowed}, remaining={self.remaining}, reset={self.reset}",
            "RateLimit-Policy": f"{self.allowed};w={MINUTE:.0f}",
        }

    def refusal(self, detail: str = "") -> HoneycombError:
        again = datetime.now(UTC) + timedelta(seconds=self.reset)
        return HoneycombError(
            429,
            "You have exceeded your rate limit.",
            detail=detail or f"Please try again after {again:%Y-%m-%dT%H:%M:%SZ}.",
            headers={**self.headers, "Retry-After": format_datetime(again, usegmt=True)},
        )


class Limiter:
    """Counts by limit and key. The headers of the limit that a request took last go with its answer."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._windows: dict[tuple[str, str], Window] = {}
        self._lock = threading.Lock()

    def watch(self, app: Flask) -> None:
        app.before_request(self._count)
        app.after_request(self._add_headers)

    def take(self, name: str, allowed: int, detail: str = "") -> None:
        """One more of these; a HoneycombError where it is one too many."""
        with self._lock:
            if len(self._windows) > MOST_KEYS:
                self._windows.clear()
            key = name, request.headers.get(HEADER, "") or request.headers.get("Authorization", "")
            window = self._windows.setdefault(key, Window(allowed))
            is_free = request.path.startswith(UNLIMITED) or request.user_agent.string == USER_AGENT
            standing = window.take(counts=not is_free)
        if standing.refused:
            raise standing.refusal(detail)
        g.standing = standing

    def take_result(self, *, is_relational: bool) -> None:
        allowed = self.limits.relational if is_relational else self.limits.results
        plural = "request" if allowed == 1 else "requests"
        name = "relational" if is_relational else "results"
        self.take(name, allowed, f"This endpoint allows {allowed} {plural} per minute.")

    def _count(self) -> None:
        if request.path.startswith(API):
            self.take("requests", self.limits.requests)

    def _add_headers(self, answer: Response) -> Response:
        standing = g.get("standing")
        if standing is not None and "RateLimit" not in answer.headers:
            answer.headers.update(standing.headers)
        return answer
