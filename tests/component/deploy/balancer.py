"""Stands before the gateways as a Service of Kubernetes does: each connection goes to the next address."""

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer

Address = tuple[str, int]


@dataclass
class Balancer:
    """`addresses` may change at any time; a connection for which none answers is closed."""

    port: int = 0
    addresses: list[Address] = field(default_factory=list)
    _turn: Iterator[int] = field(default_factory=itertools.count)

    def connected(self) -> socket.socket | None:
        for _ in range(len(self.addresses)):
            address = self.addresses[next(self._turn) % len(self.addresses)]
            with contextlib.suppress(OSError):
                return socket.create_connection(address, timeout=5)
        return None


@contextlib.contextmanager
def balancing() -> Iterator[Balancer]:
    balancer = Balancer()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            target = balancer.connected()
            if target is not None:
                with target:
                    back = threading.Thread(target=relay, args=(target, self.request), daemon=True)
                    back.start()
                    relay(self.request, target)
                    back.join()

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        balancer.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield balancer
        finally:
            server.shutdown()
            thread.join()


def relay(source: socket.socket, target: socket.socket) -> None:
    """Until the source has no more to say; then neither has the target anything to wait for."""
    with contextlib.suppress(OSError):
        source.settimeout(None)
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
