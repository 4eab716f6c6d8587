"""Both vendors' stand-ins in memory, spans sent as the collector does, and the collector's own metrics."""

import contextlib
import random
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from werkzeug.wrappers import Request, Response

from tests.conftest import Serve
from tests.system.trees import CLIENT, MS, SERVER, Forest, Span, request_of
from tests.unit.readers.conftest import settings_at
from tests.unit.standins.xray.test_otlp import post
from threemaps.compare.side_by_side import compare_now
from threemaps.model.difference import Comparison
from threemaps.settings import LOCAL_INGEST_KEY, Settings
from threemaps.standins import aws
from threemaps.standins.honeycomb import urls as honeycomb
from threemaps.standins.store import Store

CALLS = 40
AGE = 60  # seconds; what is older than a moment has arrived
BOTH = ("honeycomb", "aws")
Spans = list[tuple[str, Span]]


@dataclass
class Account:
    settings: Settings
    numbers: dict[str, float] = field(default_factory=dict)  # the collector's own metrics

    def send(self, spans: Spans, to: tuple[str, ...] = BOTH) -> None:
        body = request_of(spans)
        if "aws" in to:
            assert post(self.settings.url("aws"), body).ok
        if "honeycomb" in to:
            headers = {"Content-Type": "application/x-protobuf", "x-honeycomb-team": LOCAL_INGEST_KEY}
            url = f"{self.settings.url('honeycomb')}/v1/traces"
            assert requests.post(url, body, headers=headers, timeout=30).ok

    def compare(self, *names: str, **more: Any) -> Comparison:
        sources = names or ("honeycomb", "xray", "cloudwatch")
        return compare_now(self.settings, sources, timedelta(minutes=5), more.pop("service", None), **more)

    def metrics(self, environ: Any, start_response: Any) -> Any:
        """As Prometheus reads them."""
        assert Request(environ).path == "/metrics"
        lines = (f"{name} {value}" for name, value in self.numbers.items())
        return Response("\n".join(lines) + "\n")(environ, start_response)


@contextlib.contextmanager
def account(folder: Path, serve: Serve, **environ: str) -> Iterator[Account]:
    with contextlib.ExitStack() as stack:
        stores = [Store(":memory:", vendor.SCHEMA) for vendor in (honeycomb, aws)]
        for store in stores:
            stack.callback(store.close)
        urls = {
            "THREEMAPS_URL_HONEYCOMB": serve(honeycomb.create_app(stores[0])),
            "THREEMAPS_URL_AWS": serve(aws.Aws(stores[1], environ)),
            "THREEMAPS_STATE": str(folder / "state"),
            "THREEMAPS_QUIET_SECONDS": "1",
        }
        found = Account(settings_at("", **urls, **environ))
        found.settings = settings_at(
            "", **urls, **environ, THREEMAPS_URL_COLLECTOR_METRICS=serve(found.metrics)
        )
        yield found


@dataclass
class Made:
    """Traces of web, which calls api: as OpenTelemetry makes them, before a situation changes them."""

    forest: Forest = field(default_factory=lambda: Forest(random.Random(1), []))

    def calls(self, count: int = CALLS, callee: str = "api", status: int = 200, ahead: int = 0) -> Spans:
        """Whole traces one after the other: web's server and client span, the callee's server span."""
        before = len(self.forest.spans)
        for _ in range(count):
            self.call(self.call_of("web", callee, status), callee, status, ahead)
        return self.forest.spans[before:]

    def call_of(self, caller: str, callee: str, status: int = 200) -> Span:
        """A request to the caller, and its client span."""
        trace = (int(time.time()) - AGE).to_bytes(4, "big") + secrets.token_bytes(12)
        start = time.time_ns() - AGE * 1000 * MS
        root = self.forest.span(trace, caller, SERVER, b"", start, 200, said(status))
        words = {**said(status), "peer.service": callee, "aws.remote.service": callee}
        call = self.forest.span(trace, caller, CLIENT, root.span_id, start + MS, 150, words)
        call.status.code = 2 if status >= 500 or not status else 0
        return call

    def call(self, above: Span, callee: str, status: int = 200, ahead: int = 0, kind: Any = SERVER) -> Span:
        start = above.start_time_unix_nano + MS + ahead * 1000 * MS
        return self.forest.span(above.trace_id, callee, kind, above.span_id, start, 100, said(status))


def said(status: int) -> dict[str, Any]:
    return {"http.request.method": "GET", **({"http.response.status_code": status} if status else {})}


def without(service: str, spans: Spans) -> Spans:
    return [one for one in spans if one[0] != service]
