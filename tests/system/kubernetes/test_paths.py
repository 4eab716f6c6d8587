"""The network policies, enforced: every needed path is open, every other one refused."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.component.deploy.test_kubernetes_network import INSIDE, STANDINS
from tests.system.kubernetes.cluster import Cluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

# Everybody, and the ports that each has open (TCP).
PORTS = {
    "frontend-api": (8000,),
    "activities": (8001,),
    "users": (8002,),
    "agent": (4317, 4318, 8888, 13133),
    "gateway": (4318, 8888, 13133),
    "honeycomb": (8081,),
    "aws": (8082,),
    "rollbar": (8083,),
    "web": (8080,),
}
OUTSIDER = """
apiVersion: v1
kind: Pod
metadata: {{ name: {name}, labels: {labels} }}
spec:
  containers:
    - {{ name: pod, image: "threemaps:local", command: [sleep, "600"] }}
"""
# From a namespace of its own, without the label and with it.
OUTSIDERS = {"outsider": "{}", "sender": "{ threemaps/spans: agent }"}
FROM_ELSEWHERE = {
    *((name, "frontend-api", 8000) for name in OUTSIDERS),
    *(("sender", "agent", port) for port in (4317, 4318)),
}
TRY = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def is_open(target):
    try:
        socket.create_connection(target, timeout=2).close()
    except OSError:
        return False
    return True
targets = [tuple(one) for one in json.loads(sys.argv[1])]
with ThreadPoolExecutor(len(targets)) as pool:
    print(json.dumps(list(pool.map(is_open, targets))))
"""


@pytest.fixture
def outsiders(cluster: Cluster) -> Iterator[dict[str, str]]:
    """Their addresses."""
    manifests = "---".join(OUTSIDER.format(name=name, labels=labels) for name, labels in OUTSIDERS.items())
    cluster.kubectl("apply", "--namespace", "default", "--filename", "-", given=manifests)
    try:
        for name in OUTSIDERS:
            cluster.kubectl(
                "wait", "--namespace", "default", "--for=condition=Ready", f"pod/{name}", "--timeout=60s"
            )
        found = (cluster.get("pod", name, "--namespace", "default") for name in OUTSIDERS)
        yield {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in found}
    finally:
        cluster.kubectl(
            "delete",
            "--namespace",
            "default",
            "--filename",
            "-",
            "--grace-period=0",
            "--force",
            given=manifests,
        )


def test_every_needed_path_is_open_and_every_other_one_refused(
    cluster: Cluster, outsiders: dict[str, str]
) -> None:
    services = {name: cluster.address(name) for name in PORTS}
    targets = [(name, port) for name, ports in PORTS.items() for port in ports]
    sources = outsiders | {name: cluster.pods(name)[0]["status"]["podIP"] for name in PORTS}
    places = network_namespaces(cluster)
    ours = {path for path in INSIDE | STANDINS if path[2] != 2000 and "agent-spare" not in path}
    wanted = ours | FROM_ELSEWHERE

    def opened(source: str) -> set[tuple[str, str, int]]:
        tried = [one for one in targets if one[0] != source or source == "web"]
        asked = json.dumps([(services[name], port) for name, port in tried])
        done = inside(cluster, places[sources[source]], sys.executable, "-c", TRY, asked)
        return {(source, *one) for one, is_open in zip(tried, json.loads(done), strict=True) if is_open}

    with ThreadPoolExecutor(4) as pool:
        found = set().union(*pool.map(opened, sources))
    assert sorted(found - wanted) == []
    assert sorted(wanted - found) == []


def test_no_pod_reaches_the_world(cluster: Cluster) -> None:
    """In `local` not even by an address: policies refuse before the node, which leads nowhere, is asked."""
    place = network_namespaces(cluster)[cluster.pod("gateway")["status"]["podIP"]]
    elsewhere = json.dumps([("10.200.0.1", 6443), (cluster.address("kubernetes", namespace="default"), 443)])
    assert json.loads(inside(cluster, place, sys.executable, "-c", TRY, elsewhere)) == [False, False]


def network_namespaces(cluster: Cluster) -> dict[str, str]:
    """Of each pod, by its address."""
    look = 'for n in /run/netns/*; do echo "$n $(nsenter --net="$n" ip -4 -o addr show eth0)"; done'
    lines = cluster.in_node("sh", "-c", look).splitlines()
    return {line.split("inet ")[1].split("/")[0]: line.split()[0] for line in lines if "inet " in line}


def inside(cluster: Cluster, place: str, *command: str) -> str:
    return cluster.in_node("nsenter", f"--net={place}", *command)
