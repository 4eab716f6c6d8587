"""Two services that threemaps does not know, elsewhere, with the two lines of docs/kubernetes.md."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import yaml

from tests.system.kubernetes.cluster import Cluster
from threemaps.settings import PROJECT

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

NAMESPACE = "shop"
CALLS = 20
APP = """
import os
import flask, requests
app = flask.Flask(__name__)
@app.get("/")
def root():
    if url := os.environ.get("CALLS"):
        requests.get(url, timeout=10).raise_for_status()
    return "done"
app.run(host="0.0.0.0", port=8080)
"""


def lines_of_the_page() -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What the page says to put into a pod's template: its metadata, and a container's environment."""
    (block,) = re.findall(r"```yaml\n(.*?)```", (PROJECT / "docs" / "kubernetes.md").read_text(), re.S)
    first, second = block.replace("…\n", "").strip().splitlines()
    return yaml.safe_load(first)["metadata"], yaml.safe_load(second)["env"]


def manifests(name: str, calls: str) -> list[dict[str, Any]]:
    metadata, environment = lines_of_the_page()
    own = [{"name": "OTEL_SERVICE_NAME", "value": name}, {"name": "CALLS", "value": calls}]
    labels = {"app": name}
    container = {
        "name": "own",
        "image": "threemaps:local",
        "command": ["opentelemetry-instrument", "python", "-c", APP],
        "env": [*own, *environment],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }
    pod = {"metadata": {"labels": labels | metadata["labels"]}, "spec": {"containers": [container]}}
    deployment = {"selector": {"matchLabels": labels}, "template": pod}
    head = {"metadata": {"name": name, "namespace": NAMESPACE}}
    ports = [{"port": 80, "targetPort": 8080}]
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", **head, "spec": deployment},
        {"apiVersion": "v1", "kind": "Service", **head, "spec": {"selector": labels, "ports": ports}},
    ]


@pytest.fixture
def shop(cluster: Cluster) -> Iterator[str]:
    """Where its first service answers."""
    everything = [
        *manifests("checkout", "http://payments.shop.svc.cluster.local/"),
        *manifests("payments", ""),
    ]
    cluster.kubectl("create", "namespace", NAMESPACE)
    try:
        cluster.kubectl(
            "apply", "--namespace", NAMESPACE, "--filename", "-", given=yaml.safe_dump_all(everything)
        )
        for name in ("checkout", "payments"):
            cluster.kubectl("rollout", "status", "--namespace", NAMESPACE, f"deploy/{name}", "--timeout=120s")
        yield f"http://{cluster.address('checkout', namespace=NAMESPACE)}/"
    finally:
        cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_two_lines_bring_a_deployment_into_all_three_maps(cluster: Cluster, shop: str) -> None:
    cluster.begin()
    for _ in range(CALLS):
        requests.get(shop, timeout=30).raise_for_status()
    cluster.made["checkout", "payments"] += CALLS
    cluster.await_all()
