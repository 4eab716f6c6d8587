"""What the backends draw of some services, held against what they have to draw."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from tests.system.trees import Edge
from threemaps.demo.health import wait_until
from threemaps.model.difference import Window
from threemaps.readers import BACKENDS, Backend, open_backend
from threemaps.settings import Settings

ARRIVES_WITHIN = 60
SINCE = timedelta(minutes=5)
Drawn = dict[Edge, tuple[int | None, int | None]]


# CloudWatch's map without calls of a queue by its consumers: read from the spans, or made of segments, which
# do not tell a consumer from a server.
SPANS = "spans"


@cache
def reader(state: Path, backend: str, settings: "Same") -> Backend:
    """One for all that is asked of a system: it remembers whom a name stands for."""
    return open_backend(backend, settings.held)


@dataclass(frozen=True)
class Same:
    """Settings as an argument that tells no systems apart: their folder does."""

    held: Settings = field(compare=False)


def drawn(settings: Settings, backend: str, prefix: str, since: timedelta = SINCE) -> tuple[str, Drawn]:
    """How it was read, and the edges of the services with this prefix, over the last minutes."""
    now = datetime.now(UTC)
    window = Window(now - since, now + timedelta(seconds=2))
    reading = reader(settings.state, backend, Same(settings))
    found = reading.read_map(window, f"{prefix}*")
    is_spans = reading.read_through == SPANS or (backend, settings.xray_ingest) == ("cloudwatch", "segments")
    how = SPANS if is_spans else backend
    return how, {
        (
            (edge.source.name, str(edge.source.kind)),
            (edge.target.name, str(edge.target.kind)),
        ): (edge.requests, edge.errors)
        for edge in found.edges
    }


def check(
    settings: Settings,
    prefix: str,
    expected: Callable[[str], Any],
    backends: Iterable[str] = BACKENDS,
    since: timedelta = SINCE,
) -> None:
    """Every backend draws what is expected of it, soon, and nothing else.

    `expected` is asked by the backend's name, or by SPANS for CloudWatch's map out of the spans.
    """
    for backend in backends:
        wrong: list[str] = []

        def is_drawn(backend: str = backend, wrong: list[str] = wrong) -> bool:
            how, found = drawn(settings, backend, prefix, since)
            wanted = expected(how)
            edges = [edge for edge in found.keys() | wanted.keys() if found.get(edge) != wanted.get(edge)]
            wrong[:] = [f"{edge}: {found.get(edge)} instead of {wanted.get(edge)}" for edge in edges]
            return not wrong

        assert wait_until(is_drawn, ARRIVES_WITHIN), f"{backend} draws {wrong}"
