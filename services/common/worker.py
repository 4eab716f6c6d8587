"""gunicorn's threaded worker, made patient with many clients and impatient with slow ones.

A connection gets a thread only once it has sent something: 2,000 idle ones do not keep anybody waiting.
A request that is not there in full after REQUEST_SECONDS is cut off. What is no HTTP is answered in JSON.
"""

import json
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

FIRST_BYTE_SECONDS = 10.0
REQUEST_SECONDS = 10.0
LINGER_SECONDS = 0.5

REFUSALS = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}


class Connection(TConn):  # type: ignore[misc]
    """Says goodbye in its own thread: gunicorn's main loop would wait for a client that does not close."""

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
        conn = Connection(self.cfg, client, address, listener.getsockname())
        conn.timeout = time.monotonic() + FIRST_BYTE_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(client, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: Connection) -> Any:
        with self._deadline(conn):
            keep = super().handle(conn)
        if not keep:
            conn.linger()
        return keep

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
