"""Three agents and three gateways, with TLS and a token between them, in front of the three vendors."""

import contextlib
import json
import random
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle
from pathlib import Path

import grpc
import pytest
import urllib3
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from tests.collector_process import CollectorProcess, wait_for
from tests.component.collector.sending import segment, send_log, send_segment, trace_id
from tests.component.deploy.certificates import NAME
from tests.component.deploy.dns import HOST, asking, can_resolve, name_server
from tests.component.deploy.ring import MISSED, PREFIX, Traffic, accepted, handed_on
from tests.component.deploy.tiers import BY_NAME, STATIC, Tiers, tiers_in
from tests.conftest import free_port
from tests.system.drawing import check
from tests.system.trees import Forest, batches, send
from threemaps.compare import side_by_side
from threemaps.compare.side_by_side import compare_now
from threemaps.readers import BACKENDS
from threemaps.readers.logs import log_lines

pytestmark = pytest.mark.system

LOST = "a gateway came or went"
# Map events that were on their way at the kill are sent again by the next run, in a stream of its own.
TWICE = "counted spans that came twice"


@pytest.fixture(scope="module")
def tiers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiers]:
    with tiers_in(tmp_path_factory.mktemp("tiers")) as tiers:
        tiers.start(agents=3, gateways=3)
        yield tiers


def spread(agents: list[CollectorProcess], bodies: Iterator[bytes]) -> None:
    """Each request to the next agent: the spans of a trace come in everywhere."""
    for agent, body in zip(cycle(agents), bodies, strict=False):
        send(agent.otlp_http, [body])


def test_every_map_is_exact_and_nothing_comes_twice(tiers: Tiers) -> None:
    chance = random.Random(1)
    forest = Forest(chance, [f"steady-{number}" for number in range(12)]).grow(120)
    before = accepted(tiers.gateways)
    spread(tiers.agents, batches(chance, forest.spans, 3))
    check(tiers.settings, "steady-", forest.truth.drawn_by)
    assert accepted(tiers.gateways) - before == len(forest.spans)
    assert all(accepted([gateway]) > 0 for gateway in tiers.gateways)


def test_logs_and_segments_go_the_same_way(tiers: Tiers) -> None:
    agent, forest, trace = tiers.agent().start(), Forest(random.Random(2), []), trace_id()
    send_log(agent.otlp_http, "talking", "said once", trace)
    send_segment(agent.settings.ports["xray"], segment("segments-web", trace))
    forest.truth.count(("outside", "outside"), ("segments-web", "service"), False)
    check(tiers.settings, "segments-", forest.truth.drawn_by, ("xray", "cloudwatch"))
    wait_for(lambda: log_lines(tiers.settings, trace))
    assert [line.text for line in log_lines(tiers.settings, trace)] == ["said once"]
    agent.stop()


def test_a_gateway_takes_nothing_without_tls_and_token(tiers: Tiers, tmp_path: Path) -> None:
    port = tiers.gateways[0].settings.ports["otlp_http"]
    authority = tmp_path / "ca.pem"
    authority.write_text(tiers.trust["gateway_ca.pem"])
    json_type = {"Content-Type": "application/json"}
    plain = urllib3.request("POST", f"http://127.0.0.1:{port}/v1/traces", body=b"{}", headers=json_type)
    assert (plain.status, plain.data) == (400, b"Client sent an HTTP request to an HTTPS server.\n")
    with urllib3.HTTPSConnectionPool(
        "127.0.0.1", port, ca_certs=str(authority), server_hostname=NAME, assert_hostname=NAME
    ) as pool:
        for token, status in (("", 401), ("Bearer wrong", 401), (f"Bearer {tiers.token}", 200)):
            answer = pool.request(
                "POST", "/v1/traces", body=b"{}", headers={**json_type, "Authorization": token}
            )
            assert answer.status == status, token


@pytest.mark.parametrize(
    ("tls", "token", "told"),
    [
        (False, "right", grpc.StatusCode.UNAVAILABLE),
        (True, "wrong", grpc.StatusCode.UNAUTHENTICATED),
        (True, "right", None),
    ],
)
def test_nor_over_grpc(tiers: Tiers, tls: bool, token: str, told: grpc.StatusCode | None) -> None:
    target = f"127.0.0.1:{tiers.gateways[0].settings.ports['otlp_grpc']}"
    trusted = grpc.ssl_channel_credentials(tiers.trust["gateway_ca.pem"].encode())
    named = (("grpc.ssl_target_name_override", NAME),)
    made = grpc.secure_channel(target, trusted, named) if tls else grpc.insecure_channel(target)
    bearer = (("authorization", f"Bearer {tiers.token if token == 'right' else token}"),)
    code = None
    with made as channel:
        try:
            TraceServiceStub(channel).Export(ExportTraceServiceRequest(), metadata=bearer, timeout=20)
        except grpc.RpcError as error:
            code = error.code()
    assert code == told


def test_an_agent_with_a_wrong_token_keeps_everything_until_it_has_the_right_one(tiers: Tiers) -> None:
    agent = tiers.agent(token="not-" + tiers.token).start()
    chance = random.Random(3)
    forest = Forest(chance, ["locked-a", "locked-b"], remotes=False).grow(20)
    send(agent.otlp_http, batches(chance, forest.spans, 20))
    wait_for(lambda: "Unauthenticated" in agent.log.read_text())
    assert agent.metric("otelcol_exporter_send_failed_spans", exporter="otlp_grpc/gateways") == 0
    (agent.settings.run / "gateway_token").write_text(tiers.token)
    # A try under way just then is repeated whole, and CloudWatch counts what comes twice: it has no say.
    check(tiers.settings, "locked-", forest.truth.drawn_by, ("honeycomb", "xray"))
    agent.stop()


def test_an_agent_without_gateways_keeps_everything_through_a_kill(tiers: Tiers) -> None:
    agent, chance = tiers.agent().start(), random.Random(5)
    tiers.route([])
    wait_for(lambda: agent.metric("otelcol_loadbalancer_num_backends") == 0)
    forest = Forest(chance, ["alone-a", "alone-b"], remotes=False).grow(20)
    send(agent.otlp_http, batches(chance, forest.spans, 20))
    agent.kill()
    tiers.route(tiers.gateways)
    agent.start()
    check(tiers.settings, "alone-", forest.truth.drawn_by)
    agent.stop()


def test_gateways_are_killed_added_and_removed(tiers: Tiers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "LAG", timedelta(seconds=1))
    traffic = Traffic(tiers)
    killed, removed, steady = tiers.gateways
    traffic.go_on()
    traffic.with_halves_apart(killed.kill)
    tiers.route([removed, steady])
    traffic.go_on()
    added = tiers.gateway().start()
    tiers.route([killed.start(), added, removed, steady])
    traffic.go_on()
    tiers.route([killed, added, steady])
    # What is in the queues of a gateway that never comes back would be lost with it.
    wait_for(lambda: handed_on(tiers.agents) and handed_on([removed]))
    removed.stop()
    traffic.go_on(MISSED)
    tiers.gateways = [killed, added, steady]

    check(tiers.settings, PREFIX, traffic.forest.truth.drawn_by, ("honeycomb", "xray"))
    told = compare_now(tiers.settings, tuple(BACKENDS), timedelta(minutes=5), f"{PREFIX}*").to_json()
    unexpected = [one for one in told["differences"] if not one["expected"]]
    assert unexpected
    others = [one for one in unexpected if not any(cause in one["cause"] for cause in (LOST, TWICE))]
    assert not others, json.dumps(others, indent=1)
    lost = next(one for one in unexpected if LOST in one["cause"])
    came, went = (sum(word in line for line in lost["evidence"]) for word in (" came at ", " went after "))
    # What a killed gateway left in its queue is its next run's: that may seem to have been there all along.
    assert came in (1, 2)
    assert went == 2


@pytest.mark.parametrize("found_by", ["list", *(["name"] if can_resolve() else [])])
def test_a_dead_gateway_is_waited_for_while_it_is_on_the_list(
    tiers: Tiers, tmp_path: Path, found_by: str
) -> None:
    """By name as behind a headless service of Kubernetes: one port, and the answer has those who live."""
    port, told = free_port(), ["127.77.0.2", "127.77.0.3"]
    gateways = [tiers.gateway(f"{address}:{port}").start() for address in told]
    listed = STATIC.format(", ".join(f"{address}:{port}" for address in told))
    agent = tiers.agent(gateways=listed if found_by == "list" else BY_NAME.format(HOST, port))
    chance, prefix = random.Random(6), f"found-by-{found_by}-"
    forest = Forest(chance, [f"{prefix}a", f"{prefix}b"], remotes=False).grow(60)
    with contextlib.ExitStack() as stack:
        if found_by == "name":
            stack.enter_context(name_server(lambda: told))
            agent.binary = asking(agent.binary, tmp_path)
        send(agent.start().otlp_http, batches(chance, forest.spans, 20))
        wait_for(lambda: handed_on([agent]))
        assert all(accepted([gateway]) for gateway in gateways)
        gateways[1].kill()
        told.pop()
        begun = len(forest.spans)
        send(agent.otlp_http, batches(chance, forest.grow(20).spans[begun:], 20))
        if found_by == "name":
            wait_for(lambda: handed_on([agent]))
        gateways[1].start()
        check(tiers.settings, prefix, forest.truth.drawn_by, ("honeycomb", "xray"))
        for process in (agent, *gateways):
            process.stop()
