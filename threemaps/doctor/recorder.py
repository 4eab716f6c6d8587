"""A local OTLP receiver, over HTTP and gRPC, that only counts what arrives."""

import gzip
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from threemaps.errors import UserError

UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}
KINDS = {"trace": "Trace", "logs": "Logs", "metrics": "Metrics"}


class Recorder:
    """`spans` counts by service name. Use it as a context manager."""

    def __init__(self) -> None:
        try:
            import opentelemetry.proto.collector.trace.v1.trace_service_pb2 as messages
        except ImportError:
            hint = "pip install 'threemaps[standins,services]'"
            raise UserError("reading spans needs the package opentelemetry-proto", hint=hint) from None
        self.messages = messages
        self.spans: Counter[str] = Counter()
        self.arrived = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"recorder": self}))
        self.http.daemon_threads = True
        self.grpc, self.grpc_port = start_grpc(self)

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    @property
    def grpc_url(self) -> str:
        return f"http://127.0.0.1:{self.grpc_port}"

    def record(self, body: bytes) -> None:
        for resource in self.messages.ExportTraceServiceRequest.FromString(body).resource_spans:
            names = [
                one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
            ]
            count = sum(len(scope.spans) for scope in resource.scope_spans)
            self.spans[names[0] if names else "unknown_service"] += count
        if self.spans.total():
            self.arrived.set()

    def __enter__(self) -> "Recorder":
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.http.shutdown()
        self.http.server_close()
        if self.grpc is not None:
            self.grpc.stop(grace=None).wait()


def start_grpc(recorder: Recorder) -> tuple[Any, int]:
    """No gRPC here means that the service, if it has its own, is not ours to observe that way."""
    try:
        import grpc  # type: ignore[import-untyped]
    except ImportError:
        return None, 0

    def take(kind: str) -> Any:
        """Logs and metrics are taken too, and not looked at: an error would only fill the service's log."""

        def export(body: bytes, context: Any) -> bytes:
            if kind == "trace":
                recorder.record(body)
            return b""

        name = f"opentelemetry.proto.collector.{kind}.v1.{KINDS[kind]}Service"
        method = grpc.unary_unary_rpc_method_handler(export)
        return grpc.method_handlers_generic_handler(name, {"Export": method})

    server = grpc.server(ThreadPoolExecutor(2), handlers=[take(kind) for kind in KINDS])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


class Handler(BaseHTTPRequestHandler):
    recorder: Recorder

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200 if self.take(body) else 400)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def take(self, body: bytes) -> bool:
        """False for what no collector would take either."""
        from google.protobuf.message import DecodeError  # there, where a recorder could be made

        unpack = UNPACK.get(self.headers.get("Content-Encoding", "").strip().lower())
        if unpack is None:
            return False
        try:
            if self.path.endswith("/v1/traces"):
                self.recorder.record(unpack(body))
        except (OSError, EOFError, zlib.error, DecodeError):
            return False
        return True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the service's own output is what the user has to see."""
