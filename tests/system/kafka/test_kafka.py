"""deploy/kafka with a real broker: what agents acknowledge reaches the vendors, whatever goes away."""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import pytest

from tests.collector_process import CollectorProcess, settings_at, wait_for
from tests.component.collector.sending import send_log, trace_id
from tests.component.deploy.tiers import AGENT, standins
from tests.conftest import serving
from tests.system.drawing import check
from tests.system.kafka.broker import Broker, broker
from tests.system.kafka.collector import collector_with_kafka
from tests.system.trees import Forest, batches, send
from threemaps.account.log_group import make_log_group
from threemaps.demo.resolved import config_files
from threemaps.readers.logs import log_lines
from threemaps.settings import PROJECT, Settings

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(1200)]  # the first one builds a collector

KAFKA = PROJECT / "deploy" / "kafka"


@dataclass
class World:
    folder: Path
    vendors: dict[str, str]
    kafka: Broker
    agents: list[CollectorProcess] = field(default_factory=list)
    gateways: list[CollectorProcess] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """To read the maps with."""
        return self.gateways[0].settings

    def agent(self) -> CollectorProcess:
        self.agents.append(
            self._collector((AGENT, KAFKA / "agent.yaml"), {"gateway_ca.pem": "", "gateway_token": "unused"})
        )
        return self.agents[-1].start()

    def gateway(self) -> CollectorProcess:
        configs = (*config_files("otlp"), KAFKA / "gateway.yaml")
        self.gateways.append(self._collector(configs, {}))
        return self.gateways[-1].start()

    def _collector(self, configs: tuple[Path, ...], more: dict[str, str]) -> CollectorProcess:
        number = len(self.agents) + len(self.gateways)
        settings = settings_at(self.folder / str(number), **self.vendors)
        values = {
            "kafka_brokers": f"[{self.kafka.address}]",
            "kafka_tls": "{insecure: true}",
            "kafka_auth": "{}",
        }
        return CollectorProcess(settings, configs, values | more)

    def stop(self) -> None:
        for process in (*self.agents, *self.gateways):
            process.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("kafka")
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("THREEMAPS_COLLECTOR", str(collector_with_kafka()))
        vendors = stack.enter_context(standins(stack.enter_context(serving(8))))
        world = World(folder, vendors, stack.enter_context(broker(folder / "broker")))
        stack.callback(world.stop)
        for start in (world.gateway, world.gateway, world.agent, world.agent):
            start()
        make_log_group(world.settings)
        yield world


def grown(world: World, name: str, seed: int) -> Forest:
    """Traces whose spans come in at both agents."""
    chance = random.Random(seed)
    forest = Forest(chance, [f"{name}-{number}" for number in range(8)], remotes=False).grow(60)
    for agent, body in zip(cycle(world.agents), batches(chance, forest.spans, 4), strict=False):
        send(agent.otlp_http, [body])
    return forest


def test_every_map_is_exact_and_both_gateways_read(world: World) -> None:
    forest = grown(world, "steady", 1)
    check(world.settings, "steady-", forest.truth.drawn_by)


def test_logs_go_the_same_way(world: World) -> None:
    trace = trace_id()
    send_log(world.agents[0].otlp_http, "talking", "said once", trace)
    wait_for(lambda: log_lines(world.settings, trace), 60)
    assert [line.text for line in log_lines(world.settings, trace)] == ["said once"]


def test_what_no_gateway_reads_waits_in_kafka(world: World) -> None:
    for gateway in world.gateways:
        gateway.stop()
    forest = grown(world, "unread", 2)
    wait_for(lambda: all(is_empty(agent) for agent in world.agents), 60)
    for gateway in world.gateways:
        gateway.start()
    check(world.settings, "unread-", forest.truth.drawn_by)


def test_what_kafka_does_not_take_waits_in_the_agents(world: World) -> None:
    world.kafka.stop()
    forest = grown(world, "apart", 3)
    assert not all(is_empty(agent) for agent in world.agents)
    world.kafka.start()
    check(world.settings, "apart-", forest.truth.drawn_by)


def test_a_gateway_that_is_killed_loses_nothing(world: World) -> None:
    forest = grown(world, "killed", 4)
    world.gateways[0].kill()
    world.gateways[0].start()
    wait_for(
        lambda: world.kafka.lag("threemaps") == 0, 120
    )  # the broker keeps the dead one's share for a while
    check(world.settings, "killed-", forest.truth.drawn_by)


def is_empty(agent: CollectorProcess) -> bool:
    return agent.metric("otelcol_exporter_queue_size", exporter="otlp_grpc/hop") == 0
