"""Traffic that goes on while gateways come and go, and what was then drawn of it."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle

from tests.collector_process import CollectorProcess, wait_for
from tests.component.deploy.tiers import Tiers
from tests.system.trees import SERVER, Forest, Span, batches, send
from threemaps.model.difference import Window
from threemaps.readers.cloudwatch import CloudWatch

ENOUGH = 10
PREFIX = "trouble-"
PAUSE = 0.1
# By then a stream without events is one that has ended. There are five: one gateway is restarted, one added.
MISSED = ENOUGH * 5 + 10


@dataclass
class Traffic:
    """Small requests to every agent in turn, a few traces at a time."""

    tiers: Tiers
    chance: random.Random = field(default_factory=lambda: random.Random(4))
    forest: Forest = field(init=False)
    agents: Iterator[CollectorProcess] = field(init=False)

    def __post_init__(self) -> None:
        names = [f"{PREFIX}{number}" for number in range(6)]
        self.forest = Forest(self.chance, names, remotes=False, fan_out=2, limit=10**9)
        self.agents = cycle(self.tiers.agents)

    def grown(self, traces: int) -> list[tuple[str, Span]]:
        begun = len(self.forest.spans)
        return self.forest.grow(traces).spans[begun:]

    def send(self, spans: list[tuple[str, Span]]) -> None:
        for body in batches(self.chance, spans, 4):
            send(next(self.agents).otlp_http, [body])

    def some(self, traces: int, halfway: Callable[[], None]) -> None:
        self.send(self.grown(traces // 2))
        halfway()
        self.send(self.grown(traces // 2))

    def go_on(self, flushed: int = 30) -> None:
        """Until the gateways together have written so often."""
        enough = flushes(self.tiers) + flushed

        def written() -> bool:
            for _ in range(5):
                self.send(self.grown(3))
                time.sleep(PAUSE)
            return flushes(self.tiers) >= enough

        wait_for(written, 90)

    def with_halves_apart(self, between: Callable[[], None]) -> None:
        """Callers' halves reach their gateways first, callees' come after what happens in between."""
        made = self.grown(40)
        self.send([one for one in made if one[1].kind != SERVER])
        wait_for(lambda: handed_on(self.tiers.agents))
        between()
        self.send([one for one in made if one[1].kind == SERVER])


def accepted(processes: list[CollectorProcess]) -> float:
    return sum(one.metric("otelcol_receiver_accepted_spans", receiver="otlp") for one in processes)


def handed_on(processes: list[CollectorProcess]) -> bool:
    """What came in has gone out; an empty queue does not say so of what is on its way."""
    return all(
        accepted([one]) == one.metric("otelcol_exporter_sent_spans", exporter=queue)
        for one in processes
        for queue in ("otlp_grpc/gateways", "otlp_grpc/honeycomb", "otlp_grpc/xray")
        if one.metric("otelcol_exporter_queue_capacity", exporter=queue)
    )


def flushes(tiers: Tiers) -> int:
    now = datetime.now(UTC)
    window = Window(now - timedelta(minutes=5), now + timedelta(seconds=5))
    streams = CloudWatch.of(tiers.settings).streams(window)
    return sum(len(set(moments)) for moments in streams.values())
