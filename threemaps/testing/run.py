"""The map of one test, and what is said when it is not the expected one."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge, ServiceMap
from threemaps.readers import open_backend
from threemaps.testing.system import TestSystem

POLL_SECONDS = 0.5
Calls = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Run:
    """What is sent from `start` on: backends cut to whole seconds, so it is the beginning of one."""

    system: TestSystem
    start: datetime

    @classmethod
    def begin(cls, system: TestSystem) -> "Run":
        start = math.ceil(time.time())
        time.sleep(max(0.0, start - time.time()))
        return cls(system, datetime.fromtimestamp(start, UTC))

    def read(self) -> ServiceMap:
        """The map as it is now. Raises UserError where it cannot be read."""
        now = datetime.fromtimestamp(math.ceil(time.time()), UTC)
        window = Window(self.start, max(now, self.start + timedelta(seconds=1)))
        return open_backend("honeycomb", self.system.settings).read_map(window)

    def expect_edges(self, expected: Calls, within: float = 30.0) -> None:
        """Waits until each of these edges has exactly so many calls; fails the test when they never do."""
        deadline = time.monotonic() + within
        while True:
            found = self.read()
            calls = {(edge.source.name, edge.target.name): edge.requests or 0 for edge in found.edges}
            wrong = {edge: count for edge, count in expected.items() if calls.get(edge, 0) != count}
            if not wrong:
                return
            too_many = any(calls.get(edge, 0) > count for edge, count in wrong.items())
            if too_many or time.monotonic() > deadline:
                pytest.fail(explanation(wrong, found, within, self.system.otlp_endpoint), pytrace=False)
            time.sleep(POLL_SECONDS)


def explanation(wrong: Calls, found: ServiceMap, within: float, endpoint: str) -> str:
    """Each edge that is not as expected, and for each candidate why it is not the one."""
    if not found.nodes:
        return (
            f"no span came within {within:g} s\n  → the services have to send to {endpoint} by OTLP "
            "(http/protobuf); the fixture otlp_environment has the variables"
        )
    lines = []
    for (source, target), count in wrong.items():
        lines.append(f"expected {source} → {target} with {count} calls within {within:g} s")
        lines += [
            f"  {edge.source} → {edge.target}: {reason(edge, source, target, count)}" for edge in found.edges
        ]
        if not found.edges:
            lines.append(f"  there is no edge; services seen: {', '.join(str(node) for node in found.nodes)}")
    return "\n".join(lines)


def reason(edge: Edge, source: str, target: str, count: int) -> str:
    if (edge.source.name, edge.target.name) == (source, target):
        return f"{edge.requests} calls, not {count}"
    if (edge.source.name, edge.target.name) == (target, source):
        return "the other way round"
    if edge.source.name == source:
        return f"goes to {edge.target}, not to {target}"
    if edge.target.name == target:
        return f"comes from {edge.source}, not from {source}"
    return "has neither end"
