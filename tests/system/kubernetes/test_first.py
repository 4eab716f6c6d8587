"""What somebody does first: requests, the comparison, status and doctor, under the policies."""

import json
from typing import Any

import pytest

from tests.system.counting import HOME
from tests.system.kubernetes.cluster import SOURCES, Cluster, until

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]
FIRST = 100


def test_the_first_requests_are_in_the_comparison_that_follows_at_once(cluster: Cluster) -> None:
    """No empty window that agrees: what was just sent is on its way through two tiers."""
    sent = cluster.threemaps("traffic", "--requests", str(FIRST))
    assert sent.returncode == 0, sent.stderr
    done = cluster.threemaps("compare", "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    for source in SOURCES:
        found = {
            (edge["source"], edge["target"]): edge["requests"]
            for edge in report["maps"][source]["edges"]
            if edge["source_kind"] == edge["target_kind"] == "service"
        }
        assert found == {edge: calls * FIRST for edge, calls in HOME.items()}, source


def test_status_sees_everything(cluster: Cluster) -> None:
    report = json.loads(cluster.threemaps("status", "--format", "json").stdout)
    assert report["collector"]["otlp_http"] == "http://agent:4318"
    assert cluster.threemaps("status").returncode == 0, cluster.threemaps("status").stdout


def test_doctor_finds_nothing_broken(cluster: Cluster) -> None:
    done = cluster.threemaps("doctor")
    assert done.returncode == 0, done.stdout
    assert "✗" not in done.stdout


def test_nothing_asks_for_more_than_a_laptop_of_two_cores_has(cluster: Cluster) -> None:
    pods = cluster.get("pods")["items"]
    containers = [one for pod in pods for one in pod["spec"]["containers"]]
    assert sum(cores(one["resources"]["requests"]["cpu"]) for one in containers) <= 1.0


def cores(quantity: str) -> float:
    return int(quantity.removesuffix("m")) / 1000 if quantity.endswith("m") else float(quantity)


def test_autoscalers_see_the_load(cluster: Cluster) -> None:
    """From metrics-server; without it they would keep the least number."""
    assert until(lambda: all(map(measures, cluster.get("hpa")["items"]))), cluster.kubectl("get", "hpa")


def measures(scaler: Any) -> bool:
    return any(
        "averageUtilization" in one["resource"]["current"]
        for one in scaler["status"].get("currentMetrics") or ()
    )
