"""gunicorn's threaded worker, made patient with many clients and impatient with slow ones.

A connection gets a thread only once its request is there in full: 2,000 idle or slow ones do not keep anybody
waiting. After REQUEST_SECONDS it is cut off. What is no HTTP is answered in JSON.
"""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from services.common.environment import MAX_BODY_BYTES

REQUEST_SECONDS = 10.0
# More than a request of ours has, headers and body. What is larger is refused unread.
SEEN_BYTES = 65_536
REQUEST_LINE = re.compile(rb"[A-Z]+ \S+ HTTP/1\.[01]")
BODY_LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n")
CODING = re.compile(rb"(?i)\r\ntransfer-encoding:[ \t]*([^\r]*)")
LINGER_SECONDS = 0.5

REFUSALS = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}


class Connection(TConn):  # type: ignore[misc]
    """Closes in its own thread: gunicorn's main loop would wait for a client that does not close."""

    seen = 0  # bytes of a request that is not there in full

    def is_ready(self) -> bool:
        """Whether a thread can go to work on it. Else it is readable again with the next byte, or its end."""
        try:
            waiting = self.sock.recv(SEEN_BYTES, socket.MSG_PEEK)
        except OSError:
            return True  # which the thread finds out as well
        is_ready = len(waiting) <= self.seen or is_whole(waiting)
        seen = 0 if is_ready else len(waiting)
        if seen != self.seen:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, seen + 1)
            self.seen = seen
        return is_ready

    def linger(self) -> None:
        util.close_graceful(self.sock, LINGER_SECONDS)

    def close(self, graceful: bool = False) -> None:
        util.close(self.sock)


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadlines: dict[Connection, float] = {}

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except OSError:
            return  # gone again, or no file descriptor left: the next round tries once more
        self.nr_conns += 1
        self._wait_for(Connection(self.cfg, client, address, listener.getsockname()))

    def _wait_for(self, conn: Connection) -> None:
        conn.timeout = time.monotonic() + REQUEST_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        if conn.is_ready():
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """The next request on a connection that was kept."""
        if conn.is_ready():
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._wait_for(conn)

    def handle(self, conn: Connection) -> Any:
        with self._deadline(conn):
            keep = super().handle(conn)
        # What was read beyond the request cannot be waited for without a thread.
        beyond = conn.parser.unreader.buf.getvalue() if keep and conn.parser else b""
        keep = keep and (not beyond or is_whole(beyond))
        if not keep:
            conn.linger()
        return keep

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """What is refused unread is not read afterwards either, for the next request on its connection."""
        headers = dict(req.headers)
        if "TRANSFER-ENCODING" in headers or int(headers.get("CONTENT-LENGTH", 0)) > MAX_BODY_BYTES:
            req.force_close()
        return super().handle_request(req, conn)

    @contextmanager
    def _deadline(self, conn: Connection) -> Iterator[None]:
        self._deadlines[conn] = time.monotonic() + REQUEST_SECONDS
        try:
            yield
        finally:
            del self._deadlines[conn]

    def murder_pending(self) -> None:
        """Called by the main loop at least once a second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self._deadlines.items()):
            if now > deadline:
                # Reading ends here; an answer can still be written.
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        if not isinstance(exc, errors.ParseException):
            super().handle_error(req, client, addr, exc)
            return
        status = REFUSALS.get(type(exc), HTTPStatus.BAD_REQUEST)
        self.log.info("refused a request that is no HTTP: %s", type(exc).__name__)
        with suppress(OSError):
            client.sendall(_refusal(status))


def is_whole(waiting: bytes) -> bool:
    """Whether nothing has to be waited for before it is answered, be it with a refusal."""
    head, ended, body = waiting.partition(b"\r\n\r\n")
    line, line_ended, _ = waiting.partition(b"\r\n")
    if len(waiting) >= SEEN_BYTES or (line_ended and not REQUEST_LINE.fullmatch(line)):
        return True
    if not ended:
        return False
    coding = CODING.search(head)
    if coding:
        is_refused = coding[1].strip().lower() != b"chunked"
        return is_refused or body.endswith(b"0\r\n\r\n") or len(body) > MAX_BODY_BYTES
    length = BODY_LENGTH.search(head + b"\r\n")
    needed = int(length[1]) if length else 0
    return needed > MAX_BODY_BYTES or len(body) >= needed


def _refusal(status: HTTPStatus) -> bytes:
    error = status.phrase.lower().replace(" ", "_").replace("-", "_")
    body = json.dumps(
        {"error": error, "message": f"{status.phrase}: {status.description or 'no valid HTTP'}"}
    )
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"X-Trace-Id: {'0' * 32}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()
