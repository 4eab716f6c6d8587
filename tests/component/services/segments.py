"""An X-Ray daemon that only remembers."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE_SECONDS = 20.0
Document = dict[str, Any]


class Daemon:
    """Whole segments as they were sent, and what is in them."""

    def __init__(self, port: int) -> None:
        self._changed = threading.Condition()
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self.segments: list[Document] = []
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            header, _, document = self._socket.recvfrom(65_535)[0].partition(b"\n")
            if header == b"end":
                return
            assert json.loads(header) == {"format": "json", "version": 1}
            with self._changed:
                self.segments.append(json.loads(document))
                self._changed.notify_all()

    def close(self) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(b"end\n", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def wait(self, condition: Callable[[], Any]) -> Any:
        with self._changed:
            found = self._changed.wait_for(condition, PATIENCE_SECONDS)
        assert found, self.segments
        return found

    def segment(self, service: str, trace_id: str) -> Document:
        """The segment of a service in a trace, once it has come."""
        xray_id = f"1-{trace_id[:8]}-{trace_id[8:]}"

        def find() -> list[Document]:
            return [s for s in self.segments if (s["name"], s["trace_id"]) == (service, xray_id)]

        found: list[Document] = self.wait(find)
        return found[0]


@contextmanager
def daemon(port: int) -> Iterator[Daemon]:
    running = Daemon(port)
    try:
        yield running
    finally:
        running.close()
