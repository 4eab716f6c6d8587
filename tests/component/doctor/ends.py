"""What the services of the table send to: a collector, a Honeycomb, a web page, and nobody."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.collector_process import wait_for
from tests.running import free_ports
from tests.wider_collector import say
from threemaps.demo.collector import collector_binary
from threemaps.demo.health import answers
from threemaps.doctor.wire import Answer, ask
from threemaps.settings import LOCAL_INGEST_KEY, PROJECT

CONFIG = """\
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{http}"}}, grpc: {{endpoint: "127.0.0.1:{grpc}"}}}}}}
  awsxray:
    endpoint: "127.0.0.1:{xray}"
    proxy_server: {{endpoint: "127.0.0.1:{proxy}", local_mode: true, region: us-east-1}}
exporters:
  file: {{path: "{file}", flush_interval: 100ms}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp, awsxray], exporters: [file]}}
    metrics: {{receivers: [otlp], exporters: [file]}}
    logs: {{receivers: [otlp], exporters: [file]}}
"""


@dataclass(frozen=True)
class Ends:
    http: int
    grpc: int
    xray: int
    honeycomb: int
    page: int
    closed: int
    file: Path

    def fill(self, text: str) -> str:
        """The table's words, replaced by what runs here."""
        for word, value in (
            ("INGEST_KEY", LOCAL_INGEST_KEY),
            ("YOUR_KEY", LOCAL_INGEST_KEY),
            ("HONEYCOMB/", f"http://127.0.0.1:{self.honeycomb}/"),
            ("PAGE_PORT", str(self.page)),
            ("XRAY_PORT", str(self.xray)),
            ("CLOSED", str(self.closed)),
            ("HTTP_BARE", f"127.0.0.1:{self.http}"),
            ("GRPC_BARE", f"127.0.0.1:{self.grpc}"),
            ('"HTTP', f'"http://127.0.0.1:{self.http}'),
            ("GRPC/", f"http://127.0.0.1:{self.grpc}/"),
        ):
            text = text.replace(word, value)
        whole = {
            "HTTP": f"http://127.0.0.1:{self.http}",
            "GRPC": f"http://127.0.0.1:{self.grpc}",
            "HONEYCOMB": f"http://127.0.0.1:{self.honeycomb}",
            "PAGE": f"http://127.0.0.1:{self.page}",
            "HTTP/v1/traces": f"http://127.0.0.1:{self.http}/v1/traces",
        }
        name, equals, value = text.partition("=")
        return f"{name}={whole[value]}" if equals and value in whole else whole.get(text, text)

    def moved(self, text: str) -> str:
        """What is said of the default ports, for the collector that runs here."""
        return (
            text.replace("localhost:4318", f"127.0.0.1:{self.http}")
            .replace("localhost:4317", f"127.0.0.1:{self.grpc}")
            .replace("127.0.0.1:2000", f"127.0.0.1:{self.xray}")
            .replace("YOUR_INGEST_KEY", LOCAL_INGEST_KEY)
        )

    def has(self, trace: str) -> bool:
        return trace in self.file.read_text(errors="replace")


class Page(BaseHTTPRequestHandler):
    """A web server that answers anything with a page."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"hi")

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@contextmanager
def running(command: list[str], environ: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environ, cwd=PROJECT, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextmanager
def all_ends(folder: Path) -> Iterator[Ends]:
    http, grpc, xray, proxy, honeycomb, closed = free_ports(6)
    page = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    ends = Ends(http, grpc, xray, honeycomb, page.server_port, closed, folder / "traces.json")
    ends.file.touch()
    config = folder / "collector.yaml"
    config.write_text(CONFIG.format(http=http, grpc=grpc, xray=xray, proxy=proxy, file=ends.file))
    environ = {
        **os.environ,
        "THREEMAPS_PORT_HONEYCOMB": str(honeycomb),
        "THREEMAPS_STATE": str(folder / "state"),
        "THREEMAPS_ENV_FILE": os.devnull,
    }
    standin = [sys.executable, "-m", "threemaps.standins", "honeycomb"]
    collector = [str(collector_binary(say)), f"--config={config}"]
    with (
        running(collector, {**os.environ, "AWS_REGION": "us-east-1"}, folder / "collector.log"),
        running(standin, environ, folder / "honeycomb.log"),
    ):
        wait_for(lambda: answers(f"http://127.0.0.1:{honeycomb}/healthz"))
        wait_for(lambda: ask("127.0.0.1", grpc, secure=False, grpc=True) is Answer.HTTP2)
        yield ends
    page.shutdown()
    page.server_close()
