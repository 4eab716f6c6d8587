"""The HTTP server of the page and the stand-ins: who sends slowly, or much, holds up nobody else.

waitress receives in one thread and hands over whole requests. Added here: time limits for headers, bodies and
readers; room for new connections and large bodies, at the expense of those that keep us waiting the longest;
503 where too many requests wait; a thread that has nothing to do but to say that we are well.
"""

import json
import logging
import resource
import time
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error

from threemaps.errors import UserError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

HEADER_SECONDS, BODY_SECONDS = 10.0, 60.0  # from a request's first byte on
IDLE_SECONDS = 75.0  # between two requests; longer than clients of ours keep a connection
UNREAD_SECONDS = 30.0  # of an answer that nobody takes
MOST_CONNECTIONS = 400  # more are accepted, and as many closed
ACCEPTED_CONNECTIONS = 1000
MOST_WAITING = 256  # requests, for a thread
LARGE_BYTES, MOST_BYTES = 1_000_000, 256_000_000  # of bodies in memory, together
LARGEST_HEADER = 65_536
HEALTH = "/healthz"


class BusyError(Error):  # type: ignore[misc]
    code, reason = 503, "Service Unavailable"

    def to_response(self, _ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        body = json.dumps({"error": "busy", "message": self.body}).encode()
        return "503 Service Unavailable", [("Content-Type", "application/json"), ("Retry-After", "1")], body


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Threads for requests, and one for what is answered at once: that we are well, or have too many."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self._at_once = ThreadedTaskDispatcher()
        self.set_thread_count(threads)
        self._at_once.set_thread_count(1)

    def add_task(self, task: "Channel") -> None:
        request = task.requests[0]
        if request.error is None and request.path == HEALTH:
            self._at_once.add_task(task)
        elif len(self.queue) >= MOST_WAITING or task.server.held > MOST_BYTES:
            request.error = BusyError("too many requests wait for an answer; try again")
            self._at_once.add_task(task)
        else:
            super().add_task(task)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        self._at_once.shutdown(cancel_pending, timeout)
        return bool(super().shutdown(cancel_pending, timeout))


class Channel(HTTPChannel):  # type: ignore[misc]
    request: HTTPRequestParser | None
    began: float | None = None  # when the first byte came of the request that is not whole yet

    def received(self, data: bytes) -> bool:
        if self.held > LARGE_BYTES:
            self.server.make_room(len(data))
        taken = bool(super().received(data))
        if self.request is None:
            self.began = None
        elif self.began is None:
            self.began = time.time()
        return taken

    def handle_close(self) -> None:
        super().handle_close()
        if self.request is not None:
            self.request.close()
            self.request = None

    @property
    def held(self) -> int:
        """Bytes of bodies; waitress hands over a request before it forgets that it was in the making."""
        found = {request for request in (self.request, *self.requests) if request is not None}
        return sum(request.body_bytes_received for request in found)

    @property
    def is_waited_for(self) -> bool:
        """We wait for its sender, not it for us."""
        return not self.requests and not self.total_outbufs_len

    @property
    def waited_since(self) -> float:
        return float(self.began or self.last_activity)

    def is_overdue(self, now: float) -> bool:
        if not self.is_waited_for:
            return bool(self.total_outbufs_len) and now - self.last_activity > UNREAD_SECONDS
        limit = IDLE_SECONDS
        if self.request is not None:
            limit = BODY_SECONDS if self.request.headers_finished else HEADER_SECONDS
        return now - self.waited_since > limit


class Server(TcpWSGIServer):  # type: ignore[misc]
    channel_class = Channel

    @property
    def held(self) -> int:
        return sum(channel.held for channel in list(self.active_channels.values()))

    def maintenance(self, now: float) -> None:
        """Once a second: ends who is overdue, and who keeps us waiting the longest of too many."""
        channels = list(self.active_channels.values())
        overdue = [channel for channel in channels if channel.is_overdue(now)]
        too_many = len(channels) - len(overdue) - MOST_CONNECTIONS
        for channel in overdue:
            channel.handle_close()
        for channel in self._waited_for()[: max(0, too_many)]:
            channel.handle_close()

    def make_room(self, size: int) -> None:
        too_much = self.held + size - MOST_BYTES
        for channel in self._waited_for() if too_much > 0 else ():
            if too_much > 0 and channel.held:
                too_much -= channel.held
                channel.handle_close()

    def _waited_for(self) -> list[Channel]:
        found = [channel for channel in self.active_channels.values() if channel.is_waited_for]
        return sorted(found, key=lambda channel: channel.waited_since)


def listen(app: "WSGIApplication", name: str, host: str, port: int, threads: int, **more: Any) -> Server:
    """Ready to `run()`; `more` is waitress's. Raises UserError where the port is not to be had."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * ACCEPTED_CONNECTIONS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a line for each request that waits
    given = Adjustments(
        host=host,
        port=port,
        connection_limit=ACCEPTED_CONNECTIONS,
        cleanup_interval=1,
        max_request_header_size=LARGEST_HEADER,
        asyncore_use_poll=True,  # select knows no file beyond the 1024th
        ident=None,
        **more,
    )
    dispatcher = Dispatcher(threads)
    try:
        return Server(app, dispatcher=dispatcher, adj=given)
    except OSError as error:
        dispatcher.shutdown()
        raise UserError(
            f"{name} cannot listen on {host}:{port}: {error.strerror or error}",
            hint=f"stop what holds the port, or set THREEMAPS_PORT_{name.upper()}",
        ) from error
