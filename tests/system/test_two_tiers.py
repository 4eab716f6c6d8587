"""Agents and gateways, with TLS and a token between them: any gateway takes any span."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import pytest

from tests.collector_process import CollectorProcess, wait_for
from tests.component.collector.sending import segment, send_log, send_segment, trace_id
from tests.component.deploy.tiers import Tiers, tiers_in
from tests.system.drawing import check
from tests.system.trees import Forest, batches, send
from threemaps.account.log_group import make_log_group
from threemaps.readers.logs import log_lines

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def tiers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiers]:
    with tiers_in(tmp_path_factory.mktemp("tiers")) as tiers:
        tiers.start(agents=2, gateways=2)
        make_log_group(tiers.settings)
        yield tiers


def spread(agents: list[CollectorProcess], bodies: Iterator[bytes]) -> None:
    """Each request to the next agent: the spans of a trace come in everywhere."""
    for agent, body in zip(cycle(agents), bodies, strict=False):
        send(agent.otlp_http, [body])


def accepted(process: CollectorProcess) -> float:
    return process.metric("otelcol_receiver_accepted_spans", receiver="otlp")


@pytest.mark.long
def test_every_map_is_exact_and_every_gateway_takes_part(tiers: Tiers) -> None:
    chance = random.Random(1)
    forest = Forest(chance, [f"steady-{number}" for number in range(12)]).grow(120)
    spread(tiers.agents, batches(chance, forest.spans, 3))
    check(tiers.settings, "steady-", forest.truth.drawn_by)
    assert sum(map(accepted, tiers.gateways)) == len(forest.spans)
    assert all(map(accepted, tiers.gateways))


def test_logs_and_segments_go_the_same_way(tiers: Tiers) -> None:
    agent, forest, trace = tiers.agents[0], Forest(random.Random(2), []), trace_id()
    send_log(agent.otlp_http, "talking", "said once", trace)
    send_segment(agent.settings.ports["xray"], segment("segments-web", trace))
    forest.truth.count(("outside", "outside"), ("segments-web", "service"), False)
    check(tiers.settings, "segments-", forest.truth.drawn_by, ("xray", "cloudwatch"))
    wait_for(lambda: log_lines(tiers.settings, trace))
    assert [line.text for line in log_lines(tiers.settings, trace)] == ["said once"]


def test_an_agent_with_a_wrong_token_keeps_everything_until_it_has_the_right_one(tiers: Tiers) -> None:
    agent = tiers.agent(token="not-" + tiers.token).start()
    chance = random.Random(3)
    forest = Forest(chance, ["locked-a", "locked-b"], remotes=False).grow(20)
    send(agent.otlp_http, batches(chance, forest.spans, 20))
    wait_for(lambda: "401" in agent.log.read_text())
    assert agent.metric("otelcol_exporter_send_failed_spans", exporter="otlp_grpc/hop") == 0
    (agent.settings.run / "gateway_token").write_text(tiers.token)
    check(tiers.settings, "locked-", forest.truth.drawn_by)


@pytest.mark.long
def test_a_gateway_that_is_killed_and_started_again_loses_nothing(tiers: Tiers) -> None:
    chance = random.Random(4)
    forest = Forest(chance, [f"killed-{number}" for number in range(6)], remotes=False).grow(60)
    bodies = list(batches(chance, forest.spans, 4))
    spread(tiers.agents, iter(bodies[: len(bodies) // 2]))
    tiers.gateways[0].kill()
    spread(tiers.agents, iter(bodies[len(bodies) // 2 :]))
    tiers.gateways[0].start()
    check(tiers.settings, "killed-", forest.truth.drawn_by)


def test_an_agent_that_is_killed_holds_nothing_while_gateways_answer(tiers: Tiers) -> None:
    agent = tiers.agent().start()
    chance = random.Random(5)
    forest = Forest(chance, ["held-a", "held-b"], remotes=False).grow(20)
    send(agent.otlp_http, batches(chance, forest.spans, 20))
    agent.kill()
    check(tiers.settings, "held-", forest.truth.drawn_by)


def test_what_no_gateway_takes_waits_in_the_agent_through_its_own_death(tiers: Tiers) -> None:
    agent = tiers.agent().start()
    chance = random.Random(6)
    forest = Forest(chance, ["alone-a", "alone-b"], remotes=False).grow(20)
    tiers.route([])
    send(agent.otlp_http, batches(chance, forest.spans, 20))
    agent.kill()
    agent.start()
    tiers.route(tiers.gateways)
    check(tiers.settings, "alone-", forest.truth.drawn_by)


@pytest.mark.long
def test_many_senders_lose_nothing_while_gateways_come_and_go(tiers: Tiers) -> None:
    """What is kept meets what just came in, on its way to the gateways: neither takes the other with it."""
    agent = tiers.agent().start()
    chance = random.Random(7)
    forest = Forest(chance, ["flapping-a", "flapping-b"], remotes=False).grow(500)
    over = threading.Event()

    def come_and_go() -> None:
        for reachable, seconds in cycle([([], 0.8), (tiers.gateways, 0.4)]):
            tiers.route(reachable)
            if over.wait(seconds):
                break
        tiers.route(tiers.gateways)

    def send_one(body: bytes) -> None:
        send(agent.otlp_http, [body])
        over.wait(0.1)

    flapping = threading.Thread(target=come_and_go)
    flapping.start()
    try:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(send_one, batches(chance, forest.spans, 5)))
    finally:
        over.set()
        flapping.join()
    check(tiers.settings, "flapping-", forest.truth.drawn_by, ("honeycomb", "xray"))
