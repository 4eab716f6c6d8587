"""Takes whatever a service sends and keeps nothing: `python -m bench.sink HTTP_PORT UDP_PORT`.

So that what is measured is the sender, with a receiver that always answers at once.
"""

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Without the token the collector's exporters send everything twice.
ACKNOWLEDGED = b'{"UnprocessedTraceSegments": [], "nextSequenceToken": "1"}'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.headers.get("Content-Type") or "application/json"
        body = b"" if "protobuf" in kind else ACKNOWLEDGED
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - the base class wants this name

    def log_message(self, *_: object) -> None:
        return


def swallow(port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", port))
        while True:
            receiver.recv(65_536)


if __name__ == "__main__":
    http_port, udp_port = map(int, sys.argv[1:])
    threading.Thread(target=swallow, args=(udp_port,), daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", http_port), Handler).serve_forever()
