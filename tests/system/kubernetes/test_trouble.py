"""Under traffic something breaks: no request fails; calls that a map lacks then are said, with figures."""

import base64
import contextlib
import http.client
import json
import secrets
import ssl
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.component.deploy.certificates import certificates
from tests.system.kubernetes.cluster import Cluster, until
from tests.system.kubernetes.traffic import traffic
from threemaps.diagnose.collector import parse_metrics

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]

SERVICES = ("deploy/frontend-api", "deploy/activities", "deploy/users")
AGENTS = ("daemonset/agent", "daemonset/agent-spare")
FIRST_AGENT = "agent,threemaps/agent=first"
COLLECTORS = (*AGENTS, "statefulset/gateway")
A_WHILE = 3  # seconds of traffic before and after


def test_everything_is_restarted(cluster: Cluster) -> None:
    with traffic(cluster):
        cluster.kubectl("rollout", "restart", *SERVICES, *COLLECTORS)
        cluster.rolled_out(*SERVICES, *COLLECTORS)
        time.sleep(A_WHILE)
    cluster.await_all()


def test_a_gateway_is_deleted_by_force(cluster: Cluster) -> None:
    with traffic(cluster):
        time.sleep(A_WHILE)
        cluster.kubectl("delete", "pod", "gateway-0", "--force", "--grace-period=0")
        cluster.rolled_out("statefulset/gateway")
        time.sleep(A_WHILE)
    cluster.await_all()


@pytest.mark.long
def test_an_agent_is_killed_three_times(cluster: Cluster) -> None:
    with traffic(cluster):
        for _ in range(3):
            cluster.kill(FIRST_AGENT)
            time.sleep(A_WHILE)
    cluster.await_all()


@pytest.mark.long
def test_all_gateways_are_gone_for_a_minute(cluster: Cluster) -> None:
    with traffic(cluster):
        time.sleep(A_WHILE)
        cluster.kubectl("scale", "statefulset/gateway", "--replicas=0")
        cluster.kubectl("delete", "pod", "gateway-0", "--force", "--grace-period=0")
        time.sleep(60)
        cluster.kubectl("scale", "statefulset/gateway", "--replicas=1")
        cluster.rolled_out("statefulset/gateway")
    cluster.await_all()


@pytest.mark.long
def test_services_are_restarted_and_an_agent_is_killed_while_gateways_are_gone(cluster: Cluster) -> None:
    """An agent's container keeps on its node what it took."""
    with traffic(cluster):
        cluster.kubectl("scale", "statefulset/gateway", "--replicas=0")
        cluster.kubectl("delete", "pod", "gateway-0", "--force", "--grace-period=0")
        cluster.kubectl("rollout", "restart", *SERVICES)
        cluster.rolled_out(*SERVICES)
        cluster.kill(FIRST_AGENT)
        time.sleep(A_WHILE)
        cluster.kubectl("scale", "statefulset/gateway", "--replicas=1")
        cluster.rolled_out("statefulset/gateway")
    cluster.await_all()


@pytest.mark.long
def test_vendors_are_gone_for_two_minutes(cluster: Cluster) -> None:
    with traffic(cluster):
        time.sleep(A_WHILE)
        with cluster.cut("honeycomb", "aws"):
            time.sleep(120)
    cluster.await_all()


@pytest.mark.long
def test_gateways_come_and_go(cluster: Cluster) -> None:
    """1 → 4 → 1, as the autoscaler does it; the four share the work."""
    with traffic(cluster):
        scale(cluster, least=4, most=4)
        assert until(lambda: len(ready(cluster)) == 4)
        assert until(lambda: all(map(accepted, ready(cluster)))), list(map(accepted, ready(cluster)))
        scale(cluster, least=1, most=1)
        assert until(lambda: len(cluster.pods("gateway")) == 1)
    scale(cluster, least=1, most=4)
    cluster.await_all()


def scale(cluster: Cluster, *, least: int, most: int) -> None:
    wanted = f'{{"spec": {{"minReplicas": {least}, "maxReplicas": {most}}}}}'
    cluster.kubectl("patch", "hpa", "gateway", "--type=merge", "--patch", wanted)


def ready(cluster: Cluster) -> list[str]:
    """The addresses of the gateways that are."""
    pods = cluster.pods("gateway")
    conditions = {
        pod["status"]["podIP"]: {one["type"]: one["status"] for one in pod["status"]["conditions"]}
        for pod in pods
        if "podIP" in pod["status"]
    }
    return [address for address, statuses in conditions.items() if statuses.get("Ready") == "True"]


def accepted(address: str) -> float:
    """Spans from agents, so far."""
    metrics = parse_metrics(requests.get(f"http://{address}:8888/metrics", timeout=5).text)
    name = "otelcol_receiver_accepted_spans"
    return sum(
        one.value for one in metrics if one.name.startswith(name) and one.labels.get("receiver") == "otlp"
    )


@pytest.mark.long
def test_secrets_are_exchanged(cluster: Cluster, tmp_path: Path) -> None:
    """As docs/kubernetes.md says: new ones beside the old ones, then alone. Then old ones are refused."""
    old, new = secret(cluster, "gateway-token", "token"), secrets.token_hex(32)
    made, authority = certificates(tmp_path), secret(cluster, "gateway-tls", "ca.crt")
    with traffic(cluster):
        change(cluster, "gateway-token", tokens=f"{old}\n{new}")
        change(cluster, "gateway-tls", **{"ca.crt": authority + made["gateway_ca.pem"]})
        assert until(lambda: is_taken(cluster, new))
        change(cluster, "gateway-token", token=new)
        assert until(lambda: mounted(cluster, "gateway_token") == {new})
        assert until(lambda: mounted(cluster, "gateway_ca.pem") == {authority + made["gateway_ca.pem"]})
        cluster.kubectl("rollout", "restart", *AGENTS)  # an authority is read at the start
        cluster.rolled_out(*AGENTS)
        change(cluster, "gateway-token", tokens=new)
        change(
            cluster,
            "gateway-tls",
            **{"tls.crt": made["gateway_cert.pem"], "tls.key": made["gateway_key.pem"]},
        )
        assert until(lambda: not is_taken(cluster, old))
        assert until(lambda: shown(cluster) == ssl.PEM_cert_to_DER_cert(made["gateway_cert.pem"]))
        time.sleep(A_WHILE)
    assert is_taken(cluster, new)
    cluster.await_all()


def secret(cluster: Cluster, name: str, key: str) -> str:
    return base64.b64decode(cluster.get("secret", name)["data"][key]).decode()


def change(cluster: Cluster, name: str, **values: str) -> None:
    cluster.kubectl("patch", "secret", name, "--patch", json.dumps({"stringData": values}))


def is_taken(cluster: Cluster, token: str) -> bool:
    """Whether the gateway takes (no) spans with this token."""
    unchecked = ssl._create_unverified_context()
    gateway = http.client.HTTPSConnection(cluster.address("gateway"), 4318, timeout=10, context=unchecked)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-protobuf"}
    with contextlib.closing(gateway):
        gateway.request("POST", "/v1/traces", b"", headers)
        return gateway.getresponse().status == HTTPStatus.OK


def shown(cluster: Cluster) -> bytes:
    """The gateway's certificate."""
    return ssl.PEM_cert_to_DER_cert(
        ssl.get_server_certificate((cluster.address("gateway"), 4318), timeout=10)
    )


def mounted(cluster: Cluster, file: str) -> set[str]:
    """What the agents' pods have of a file."""
    pods, volume = cluster.folder / "run" / "kubelet" / "pods", "volumes/kubernetes.io~projected/agent-files"
    found = (pods / one["metadata"]["uid"] / volume / file for one in cluster.pods("agent"))
    return {cluster.in_node("cat", str(path)) for path in found}


@pytest.mark.long
def test_agents_that_cannot_start_keep_no_service_from_starting(cluster: Cluster) -> None:
    """Neither wrong configuration nor a missing Secret; and the agents that run are not taken away for it."""
    running = names(cluster.pods("agent"))
    kept = cluster.get("secret", "gateway-token")
    cluster.kubectl("set", "env", *AGENTS, "THREEMAPS_GATEWAY=not an address")
    cluster.kubectl("delete", "secret", "gateway-token")
    try:
        with traffic(cluster):
            cluster.kubectl("rollout", "restart", *SERVICES)
            cluster.rolled_out(*SERVICES)
            time.sleep(A_WHILE)
        assert running < names(cluster.pods("agent")), "nobody tried to replace the agents"
    finally:
        cluster.kubectl("set", "env", *AGENTS, "THREEMAPS_GATEWAY-")
        del kept["metadata"]["resourceVersion"], kept["metadata"]["uid"]
        cluster.kubectl("apply", "--filename", "-", given=json.dumps(kept))
    cluster.rolled_out(*AGENTS)
    cluster.await_all()


def names(pods: list[Any]) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods}
