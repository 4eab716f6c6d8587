"""The calls between services that a backend has counted so far."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from threemaps.model.difference import Window
from threemaps.model.servicemap import Kind
from threemaps.readers import UnreadableError, open_backend
from threemaps.settings import Settings

Counts = Counter[tuple[str, str]]
# What a request of the home page makes of calls between services.
HOME: Counts = Counter([("frontend_api", "activities"), ("frontend_api", "users"), ("activities", "users")])


def calls(settings: Settings, source: str) -> Counts | None:
    """In the last hour. None: it could not be read."""
    now = datetime.now(UTC)
    try:
        found = open_backend(source, settings).read_map(Window(now - timedelta(hours=1), now))
    except UnreadableError:
        return None
    between = [edge for edge in found.edges if {edge.source.kind, edge.target.kind} == {Kind.SERVICE}]
    return Counter({(edge.source.name, edge.target.name): edge.requests or 0 for edge in between})
