"""What the backends draw of some services, held against what they have to draw."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.system.trees import Edge
from threemaps.demo.health import wait_until
from threemaps.model.difference import Window
from threemaps.readers import BACKENDS, open_backend
from threemaps.settings import Settings

# The service graph waits 8 s for a callee's span before it draws a callee without spans.
ARRIVES_WITHIN = 60
SINCE = timedelta(minutes=5)
Drawn = dict[Edge, tuple[int | None, int | None]]


def drawn(settings: Settings, backend: str, prefix: str, since: timedelta = SINCE) -> Drawn:
    """The edges of the services with this prefix, over the last minutes."""
    now = datetime.now(UTC)
    window = Window(now - since, now + timedelta(seconds=2))
    found = open_backend(backend, settings).read_map(window, f"{prefix}*")
    return {
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
    """Every backend draws what is expected of it, soon, and nothing else."""
    for backend in backends:

        def is_drawn(backend: str = backend) -> bool:
            return drawn(settings, backend, prefix, since) == expected(backend)

        wait_until(is_drawn, ARRIVES_WITHIN)
        found, wanted = drawn(settings, backend, prefix, since), expected(backend)
        edges = [edge for edge in found.keys() | wanted.keys() if found.get(edge) != wanted.get(edge)]
        wrong = [f"{edge}: {found.get(edge)} instead of {wanted.get(edge)}" for edge in edges]
        assert not wrong, f"{backend} draws {wrong}"
