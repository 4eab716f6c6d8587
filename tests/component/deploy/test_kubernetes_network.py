"""Who may talk to whom in the cluster, worked out from the network policies: these and nobody else."""

from collections.abc import Iterable, Mapping

import pytest

from tests.component.deploy import kustomize
from tests.component.deploy.kustomize import OVERLAYS, Manifest

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)

DEMO = {"frontend-api": 8000, "activities": 8001, "users": 8002}
SPANS = (4317, 4318, 2000)
AGENTS = ("agent", "agent-spare")
INSIDE = {
    ("frontend-api", "activities", 8001),
    ("frontend-api", "users", 8002),
    ("activities", "users", 8002),
    *((service, agent, port) for service in DEMO for agent in AGENTS for port in SPANS),
    *((agent, "gateway", 4318) for agent in AGENTS),
}
STANDINS = {
    ("gateway", "honeycomb", 8081),
    ("gateway", "aws", 8082),
    *((service, "rollbar", 8083) for service in DEMO),
    ("web", "honeycomb", 8081),
    ("web", "aws", 8082),
    ("web", "rollbar", 8083),
    ("web", "web", 8080),
    *(("web", service, port) for service, port in DEMO.items()),
    *(("web", agent, port) for agent in AGENTS for port in (*SPANS, 8888, 13133)),
    *(("web", "gateway", port) for port in (8888, 13133)),
}


def test_inside_the_cluster_everybody_reaches_only_whom_they_need() -> None:
    assert allowed("cloud") == INSIDE
    assert allowed("local") == INSIDE | STANDINS


@each_overlay
def test_everything_else_is_denied(overlay: str) -> None:
    (deny,) = [
        one for one in kustomize.of_kind(overlay, "NetworkPolicy") if kustomize.name_of(one) == "default-deny"
    ]
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@each_overlay
def test_every_selector_selects_somebody(overlay: str) -> None:
    pods = kustomize.templates(overlay).values()
    for policy in kustomize.of_kind(overlay, "NetworkPolicy"):
        spec = policy["spec"]
        peers = [peer for way in ("from", "to") for rule in rules(spec) for peer in rule.get(way, ())]
        chosen = [spec["podSelector"], *(peer["podSelector"] for peer in peers if is_of_ours(peer))]
        for selector in chosen:
            assert any(fits(selector, pod) for pod in pods), (policy["metadata"]["name"], selector)


@each_overlay
def test_outside_is_for_requests_from_there_and_in_the_cloud_for_vendors(overlay: str) -> None:
    """Out: 443 to what is no private address, and the place where EKS hands out AWS keys. In: the edge."""
    ways_out, ways_in = set(), set()
    for policy in kustomize.of_kind(overlay, "NetworkPolicy"):
        for rule in policy["spec"].get("egress", ()):
            for block in (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer):
                ways_out |= {(block["cidr"], port["port"]) for port in rule["ports"]}
                assert block["cidr"] != "0.0.0.0/0" or "169.254.0.0/16" in block["except"]
        ways_in |= {
            policy["metadata"]["name"] for rule in policy["spec"].get("ingress", ()) if "from" not in rule
        }
    vendors = {("0.0.0.0/0", 443), ("169.254.170.23/32", 80)}
    assert ways_out == (vendors if overlay == "cloud" else set())
    assert ways_in == {"frontend-api"}


def allowed(overlay: str) -> set[tuple[str, str, int]]:
    pods = kustomize.templates(overlay)
    policies = kustomize.of_kind(overlay, "NetworkPolicy")
    return {
        (source, target, port)
        for source in pods
        for target in pods
        for port in open_ports(pods[target])
        if passes(policies, pods[source], pods[target], port, "egress")
        and passes(policies, pods[target], pods[source], port, "ingress")
    }


def passes(policies: Iterable[Manifest], pod: Manifest, peer: Manifest, port: int, way: str) -> bool:
    """Whether a policy that holds for the pod lets it talk with the peer: out of it, or into it."""
    key = "to" if way == "egress" else "from"
    return any(
        (key not in rule or any(is_of_ours(one) and fits(one["podSelector"], peer) for one in rule[key]))
        and port in {one["port"] for one in rule["ports"]}
        for policy in policies
        if way.capitalize() in policy["spec"]["policyTypes"] and fits(policy["spec"]["podSelector"], pod)
        for rule in policy["spec"].get(way, ())
    )


def is_of_ours(peer: Mapping[str, object]) -> bool:
    """A pod of this namespace, or of any."""
    return "podSelector" in peer and not peer.get("namespaceSelector")


def rules(spec: Manifest) -> list[Manifest]:
    return [*spec.get("ingress", ()), *spec.get("egress", ())]


def fits(selector: Manifest, pod: Manifest) -> bool:
    labels: Mapping[str, str] = pod["metadata"]["labels"]
    wanted = selector.get("matchExpressions", ())
    assert all(one["operator"] == "In" for one in wanted)
    among = all(labels.get(one["key"]) in one["values"] for one in wanted)
    return among and bool(selector.get("matchLabels", {}).items() <= labels.items())


def open_ports(pod: Manifest) -> set[int]:
    inside = [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
    return {port["containerPort"] for one in inside for port in one.get("ports", ())}
