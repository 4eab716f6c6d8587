"""deploy/kubernetes, built by kustomize: valid, closed, and put together right."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.component.deploy import kustomize
from tests.component.deploy.ecs import COLLECTOR_DIGEST
from tests.component.deploy.kustomize import OVERLAYS, Manifest
from threemaps.settings import PROJECT, SERVICES

# From the first with preStop sleep and CPU of one container to the newest that the package knows.
VERSIONS = ("1.30", kubernetes_validate.latest_version())
SECRETS_MADE_BY_HAND = {"gateway-tls", "gateway-token"}
SECRET_VALUES = ("local-ingest-key", "local-secret", "local-token", "PRIVATE KEY")

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@each_overlay
@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_fit_the_schemas(overlay: str, version: str) -> None:
    for manifest in kustomize.rendered(overlay):
        kubernetes_validate.validate(dict(manifest), version, strict=True)


@each_overlay
def test_everything_is_in_one_namespace_that_takes_only_restricted_pods(overlay: str) -> None:
    (namespace,) = kustomize.of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [one for one in kustomize.rendered(overlay) if one is not namespace]
    assert {one["metadata"]["namespace"] for one in others} == {namespace["metadata"]["name"]}


@each_overlay
def test_every_pod_is_nobody_with_nothing(overlay: str) -> None:
    for name, template in kustomize.templates(overlay).items():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] == 10001, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}, name
        assert [volume for volume in pod["volumes"] if "hostPath" in volume] == []


@each_overlay
def test_every_container_is_locked_down_limited_probed_and_pinned(overlay: str) -> None:
    for name, container in kustomize.containers(overlay):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert set(container["resources"]["limits"]) >= {"cpu", "memory"}, name
        assert set(container["resources"]["requests"]) >= {"cpu", "memory"}, name
        ends_at_once = name.endswith("/log-group")
        probes = {"startupProbe", "readinessProbe", "livenessProbe"}
        assert container.keys() & probes == (set() if ends_at_once else probes), name
        _, _, tag = container["image"].partition(":")
        assert tag not in {"", "latest"}, name


@each_overlay
def test_the_images_are_those_of_compose(overlay: str) -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    images = {container["image"] for _, container in kustomize.containers(overlay)}
    collector, _, tag = compose["collector"]["image"].partition(":")
    assert {re.split("[:@]", image)[0] for image in images} == {"threemaps", collector}
    if overlay == "cloud":
        # As the task definitions of ECS have it; the tag is in the comment, for people.
        text = (PROJECT / "deploy" / "kubernetes" / "cloud" / "kustomization.yaml").read_text()
        assert f"# {tag}" in text
        assert f"{collector}@{COLLECTOR_DIGEST}" in images
    else:
        assert compose["collector"]["image"] in images


@each_overlay
def test_probes_ask_ports_that_are_open(overlay: str) -> None:
    for name, container in kustomize.containers(overlay):
        ports = {port["name"] for port in container.get("ports", ())}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if "httpGet" in container.get(probe, {}):  # the guard listens on none
                assert container[probe]["httpGet"]["port"] in ports, name


@each_overlay
def test_every_mount_has_a_volume_and_every_volume_a_mount(overlay: str) -> None:
    claims = {
        name_of_claim["metadata"]["name"]
        for one in kustomize.of_kind(overlay, "StatefulSet")
        for name_of_claim in one["spec"]["volumeClaimTemplates"]
    }
    for name, template in kustomize.templates(overlay).items():
        pod = template["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        inside = [*pod.get("initContainers", ()), *pod["containers"]]
        mounted = {mount["name"] for one in inside for mount in one.get("volumeMounts", ())}
        assert mounted - volumes <= claims, name
        assert volumes <= mounted, name


@each_overlay
def test_no_secret_is_in_a_config_map_or_a_manifest(overlay: str) -> None:
    open_to_all = [one for one in kustomize.rendered(overlay) if one["kind"] != "Secret"]
    assert [word for word in SECRET_VALUES if word in yaml.safe_dump(open_to_all)] == []
    if overlay == "cloud":
        assert kustomize.of_kind(overlay, "Secret") == []


@each_overlay
def test_every_config_map_and_secret_that_is_named_is_there_or_documented(overlay: str) -> None:
    made = {one["metadata"]["name"] for one in kustomize.of_kind(overlay, "ConfigMap", "Secret")}
    by_hand = SECRETS_MADE_BY_HAND | ({"vendors", "rollbar"} if overlay == "cloud" else set())
    wanted = set(references(list(kustomize.rendered(overlay))))
    assert wanted == made | by_hand
    documented = (PROJECT / "docs" / "kubernetes.md").read_text()
    documented += (kustomize.FOLDER / "certificates" / "certificates.sh").read_text()
    assert [name for name in by_hand if f" {name} " not in documented] == []


@each_overlay
def test_services_find_pods_and_their_ports(overlay: str) -> None:
    for service in kustomize.of_kind(overlay, "Service"):
        templates = selected(overlay, service["spec"]["selector"])
        assert templates
        for template in templates:
            numbers = {port["name"]: port["containerPort"] for port in ports_of(template)}
            assert all(numbers.get(port["targetPort"]) == port["port"] for port in service["spec"]["ports"])


@each_overlay
def test_scaling_and_disruption_point_at_something(overlay: str) -> None:
    workloads = {
        (one["kind"], kustomize.name_of(one)): one
        for one in kustomize.of_kind(overlay, "Deployment", "StatefulSet")
    }
    scaled = set()
    for scaler in kustomize.of_kind(overlay, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        workload = workloads[target["kind"], target["name"]]
        assert "replicas" not in workload["spec"], "each apply would undo the autoscaler"
        inside = {one["name"] for one in workload["spec"]["template"]["spec"]["containers"]}
        for metric in scaler["spec"]["metrics"]:
            assert metric.get("containerResource", {}).get("container") in inside | {None}
        scaled.add(target["name"])
    kept = [
        selected(overlay, one["spec"]["selector"]["matchLabels"])
        for one in kustomize.of_kind(overlay, "PodDisruptionBudget")
    ]
    assert len(scaled) == len(kept) == len(SERVICES) + 1
    assert all(len(one) == 1 for one in kept)


def test_cert_manager_makes_the_secret_that_is_mounted(tmp_path: Path) -> None:
    def seen(folder: str) -> str:
        return os.path.relpath(kustomize.FOLDER / folder, tmp_path)

    wanted = {"namespace": "threemaps", "resources": [seen("cloud")], "components": [seen("certificates")]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(wanted))
    made = [one for one in kustomize.built(tmp_path) if one["apiVersion"] == "cert-manager.io/v1"]
    assert "gateway-tls" in {one["spec"].get("secretName") for one in made}
    assert {one["metadata"].get("namespace") for one in made} == {"threemaps"}


def references(node: Any) -> Iterator[str]:
    """The names of ConfigMaps and Secrets, wherever they stand."""
    if isinstance(node, list):
        for one in node:
            yield from references(one)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if key in {"configMap", "secret", "configMapRef", "secretRef", "configMapKeyRef", "secretKeyRef"}:
                yield value["name"]
            else:
                yield from references(value)


def selected(overlay: str, labels: Mapping[str, str]) -> list[Manifest]:
    every = kustomize.templates(overlay).values()
    return [one for one in every if labels.items() <= one["metadata"]["labels"].items()]


def ports_of(template: Manifest) -> list[Manifest]:
    pod = template["spec"]
    return [
        port for one in (*pod.get("initContainers", ()), *pod["containers"]) for port in one.get("ports", ())
    ]
