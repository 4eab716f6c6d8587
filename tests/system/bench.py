"""The real collector between made-up services and stand-ins that a test can break."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from werkzeug.wrappers import Request, Response

from tests.collector_process import CollectorProcess, settings_at, wait_for
from tests.conftest import serving
from tests.system.drawing import Same, reader
from tests.system.trees import Span, request_of, send
from threemaps.compare import settling
from threemaps.compare.side_by_side import compare_now
from threemaps.demo.resolved import config_files
from threemaps.diagnose.collector import read_collector
from threemaps.model.windows import window_until
from threemaps.settings import Settings
from threemaps.standins import aws
from threemaps.standins.honeycomb import urls as honeycomb
from threemaps.standins.store import Store

THREADS = 8
SINCE = timedelta(minutes=5)


def is_signed(request: Request) -> bool:
    """As AWS wants it: Honeycomb's OTLP door has the same path as X-Ray's."""
    return request.headers.get("Authorization", "").startswith("AWS4-")


# Where the vendors take spans in. CloudWatch's map is drawn of X-Ray's.
DOORS: dict[str, Callable[[Request], bool]] = {
    "honeycomb": lambda to: to.path == "/v1/traces" and not is_signed(to),
    "xray": lambda to: to.path == "/TraceSegments" or (to.path == "/v1/traces" and is_signed(to)),
}


@dataclass
class Bench:
    settings: Settings
    collector: CollectorProcess
    answers: dict[str, int] = field(default_factory=dict)  # door → the status that it answers with instead

    def send(self, spans: list[tuple[str, Span]]) -> None:
        send(self.collector.otlp_http, [request_of(spans)])

    def send_past(self, backend: str, spans: list[tuple[str, Span]]) -> None:
        """The backend answers 200, and does not keep these."""
        before = self.sent(backend)
        self.answers[backend] = 200
        self.send(spans)
        wait_for(lambda: self.sent(backend) >= before + len(spans))
        del self.answers[backend]

    def sent(self, backend: str) -> int:
        return read_collector(self.settings).paths[backend].sent

    def compare(self, *names: str, service: str | None = None) -> dict[str, Any]:
        sources = names or ("honeycomb", "xray", "cloudwatch")
        return compare_now(self.settings, sources, SINCE, service).to_json()

    def wait_for_call(self, backend: str, source: str, target: str, count: int = 1) -> None:
        """Until the backend draws so many calls."""

        def drawn() -> bool:
            return self.calls(backend).get((source, target), 0) >= count

        wait_for(drawn)

    def calls(self, backend: str) -> dict[tuple[str, str], int | None]:
        window = window_until(datetime.now(UTC) + timedelta(seconds=1), SINCE)
        found = reader(self.settings.state, backend, Same(self.settings)).read_map(window)
        return {(edge.source.name, edge.target.name): edge.requests for edge in found.edges}

    def wait_for_backlog(self, backend: str) -> None:
        wait_for(lambda: read_collector(self.settings).paths[backend].queued)


@contextlib.contextmanager
def bench_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, overlay: str = "", **variables: str
) -> Iterator[Bench]:
    """What is waited for is waited for by the test: the comparison itself need not be patient.

    The overlay is laid over the collector's configuration.
    """
    monkeypatch.setattr(settling, "ON_THE_WAY", timedelta(seconds=1))
    answers: dict[str, int] = {}
    with contextlib.ExitStack() as stack:
        serve = stack.enter_context(serving(THREADS))
        urls = {}
        for name, vendor in (("honeycomb", honeycomb), ("aws", aws)):
            store = Store(":memory:", vendor.SCHEMA)
            stack.callback(store.close)
            urls[name] = serve(breakable(vendor.create_app(store), answers))
        settings = settings_at(
            folder,
            honeycomb=urls["honeycomb"],
            aws=urls["aws"],
            HONEYCOMB_API_ENDPOINT=urls["honeycomb"],
            **variables,
        )
        collector = CollectorProcess(
            settings, configs=(*config_files(settings.xray_ingest), *laid_over(folder, overlay))
        )
        stack.callback(collector.stop)
        yield Bench(settings, collector.start(), answers)


def laid_over(folder: Path, overlay: str) -> tuple[Path, ...]:
    if not overlay:
        return ()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "overlay.yaml"
    file.write_text(overlay)
    return (file,)


def breakable(app: WSGIApplication, answers: dict[str, int]) -> WSGIApplication:
    def broken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ, populate_request=False)
        status = next((status for door, status in answers.items() if DOORS[door](request)), None)
        answer = app if status is None else Response("{}", status, mimetype="application/json")
        return answer(environ, start_response)

    return broken
