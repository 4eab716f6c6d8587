"""A collector between the tests and recording vendors."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.collector_process import CollectorProcess, settings_at, wait_for
from tests.component.collector import sending
from tests.component.collector.vendors import Vendors
from tests.conftest import serving

# Enough that requests which are told to hang do not keep others from their answer.
THREADS = 32


@dataclass(frozen=True)
class Chain:
    """What tests send to, and where it comes out."""

    collector: CollectorProcess
    vendors: Vendors

    def send(self, spans: list[sending.Span]) -> None:
        sending.send(self.collector.otlp_http, spans)

    def honeycomb(self, service: str) -> list[dict[str, Any]]:
        return [span for span in list(self.vendors.spans) if span["service"] == service]

    def xray(self, span_id: str) -> dict[str, Any]:
        """The span, or the segment, as soon as X-Ray has it."""
        wait_for(lambda: span_id in self.xray_ids())
        return next(one for one in self._at_xray() if one["id"] == span_id)

    def xray_ids(self) -> set[str]:
        return {one["id"] for one in self._at_xray()}

    def _at_xray(self) -> list[dict[str, Any]]:
        return [*self.vendors.xray_spans, *self.vendors.segments]


@contextlib.contextmanager
def chain_in(folder: Path, **variables: str) -> Iterator[Chain]:
    vendors = Vendors()
    with serving(THREADS) as serve:
        url = serve(vendors.app())
        collector = CollectorProcess(settings_at(folder, honeycomb=url, aws=url, **variables))
        try:
            yield Chain(collector.start(), vendors)
        finally:
            collector.stop()


@pytest.fixture
def own_chain(tmp_path: Path) -> Iterator[Chain]:
    """A collector that the test may kill, and vendors that it may make fail."""
    with chain_in(tmp_path / "state") as chain:
        yield chain


@pytest.fixture(scope="package")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """One for the tests that only send and look; each uses service names of its own."""
    with chain_in(tmp_path_factory.mktemp("collector") / "state") as chain:
        yield chain


@pytest.fixture(scope="package")
def by_segments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The same for an account without Transaction Search."""
    folder = tmp_path_factory.mktemp("segments") / "state"
    with chain_in(folder, THREEMAPS_XRAY_INGEST="segments") as chain:
        yield chain
