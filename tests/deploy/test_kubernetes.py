"""deploy/kubernetes, built by kustomize: valid, closed, and saying the same as the rest of the repository."""

import base64
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy import kustomize
from tests.deploy.kustomize import OVERLAYS, Manifest
from tests.deploy.redaction import redaction_env
from threemaps.launch.resolved import resolved
from threemaps.settings import PROJECT, SERVICES, Settings
from threemaps.tracing.environment import OTEL, service_environment

FOLDER = PROJECT / "deploy" / "kubernetes"
# From the first with preStop sleep and CPU of one container to the newest that the package knows.
VERSIONS = ("1.30", kubernetes_validate.latest_version())
SECRETS_MADE_BY_HAND = {"gateway-tls", "gateway-token"}
SECRET_VALUES = ("local-ingest-key", "local-secret", "local-token", "PRIVATE KEY")
NO_FAULTS = {"FLAGD_RESOLVER", "FLAGD_OFFLINE_FLAG_SOURCE_PATH"}

pytestmark = pytest.mark.timeout(600)  # the first one may have to build kustomize
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
        assert container["livenessProbe"], name
        assert "readinessProbe" in container or name.endswith("/agent"), name
        _, _, tag = container["image"].partition(":")
        assert tag not in {"", "latest"}, name


@each_overlay
def test_the_images_are_those_of_compose(overlay: str) -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    images = {container["image"] for _, container in kustomize.containers(overlay)}
    assert {image.partition(":")[0] for image in images} == {
        "threemaps",
        "otel/opentelemetry-collector-contrib",
    }
    assert compose["collector"]["image"] in images


@each_overlay
def test_probes_ask_ports_that_are_open(overlay: str) -> None:
    for name, container in kustomize.containers(overlay):
        ports = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if probe in container:
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
        mounted = {mount["name"] for one in inside for mount in one["volumeMounts"]}
        assert mounted - volumes <= claims, name
        assert volumes <= mounted, name


@each_overlay
def test_a_service_is_traced_as_without_kubernetes(overlay: str) -> None:
    inside = Settings.load(
        {
            "THREEMAPS_ENV_FILE": os.devnull,
            "THREEMAPS_BIND": "0.0.0.0",
            "THREEMAPS_URL_ROLLBAR": "http://rollbar:8083",
            "THREEMAPS_URL_ACTIVITIES": "http://activities:8001",
            "THREEMAPS_URL_USERS": "http://users:8002",
        }
    )
    for service in SERVICES:
        template = kustomize.templates(overlay)[service.replace("_", "-")]
        (container,) = template["spec"]["containers"]
        expected = service_environment(inside, service, OTEL)
        found = kustomize.environment(overlay, container)
        apart = {name for name in expected | found if expected.get(name) != found.get(name)}
        # The token is a Secret's; faults need a folder that all pods share; the real Rollbar is the default.
        in_cloud = {"ROLLBAR_API_ENDPOINT"} if overlay == "cloud" else set()
        assert apart == NO_FAULTS | {"ROLLBAR_ACCESS_TOKEN"} | in_cloud
        assert container["command"] == [
            "opentelemetry-instrument",
            "gunicorn",
            "-c",
            "services/gunicorn.conf.py",
        ]
        assert container["args"] == [f"services.{service}:create_app()"]


@each_overlay
def test_every_service_has_its_own_agent(overlay: str) -> None:
    for service in SERVICES:
        template = kustomize.templates(overlay)[service.replace("_", "-")]
        (agent,) = template["spec"]["initContainers"]
        assert agent["restartPolicy"] == "Always"
        assert template["metadata"]["labels"]["threemaps/agent"] == "sidecar"
        (container,) = template["spec"]["containers"]
        found = kustomize.environment(overlay, container)["OTEL_EXPORTER_OTLP_ENDPOINT"]
        assert found == f"http://{values(overlay, 'agent')['otlp_http']}"


@each_overlay
def test_the_collectors_files_are_the_repositorys(overlay: str) -> None:
    (agent, gateway) = (
        kustomize.named(overlay, "ConfigMap", name)["data"] for name in ("agent-config", "gateway-config")
    )
    assert agent == {"agent.yaml": (PROJECT / "collector" / "agent.yaml").read_text()}
    assert gateway == {
        "otel-config.yaml": (PROJECT / "collector" / "otel-config.yaml").read_text(),
        "gateway.yaml": (PROJECT / "deploy" / "gateway.yaml").read_text(),
    }


@each_overlay
def test_the_collectors_values_are_those_that_the_launcher_would_write(overlay: str) -> None:
    settings = Settings.load(
        {
            "THREEMAPS_ENV_FILE": os.devnull,
            "THREEMAPS_BIND": "0.0.0.0",
            "THREEMAPS_BACKENDS": overlay,
            "THREEMAPS_URL_HONEYCOMB": "http://honeycomb:8081",
            "THREEMAPS_URL_AWS": "http://aws:8082",
        }
    )
    expected, found = dict(resolved(settings)), values(overlay, "gateway")
    # Other doors than OTLP over gRPC are for nobody: agents come in there.
    closed = {"otlp_http", "xray"}
    assert {name: found[name] for name in closed} == {
        name: expected[name].replace("0.0.0.0", "127.0.0.1") for name in closed
    }
    secret = {"honeycomb_api_key", "aws_credentials"}
    assert found == {
        **{name: expected[name] for name in expected if name not in secret},
        **{name: found[name] for name in closed},
    }
    assert values(overlay, "agent")["xray_endpoint"] == found["xray_endpoint"]


def test_the_patterns_are_those_of_the_collector() -> None:
    message = "run: .venv/bin/python -m tests.deploy.redaction > deploy/kubernetes/base/redaction.env"
    assert (FOLDER / "base" / "redaction.env").read_text() == redaction_env(), message


def test_the_stand_ins_secrets_are_the_public_ones() -> None:
    expected = resolved(Settings.load({"THREEMAPS_ENV_FILE": os.devnull}))
    (vendors,) = (one for one in kustomize.of_kind("local", "Secret") if kustomize.name_of(one) == "vendors")
    assert decoded(vendors) == {name: expected[name] for name in ("honeycomb_api_key", "aws_credentials")}


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
    told = (PROJECT / "docs" / "scaling.md").read_text()
    told += (FOLDER / "certificates" / "certificates.sh").read_text()
    assert [name for name in by_hand if f" {name} " not in told] == []


@each_overlay
def test_services_find_pods_and_their_ports(overlay: str) -> None:
    for service in kustomize.of_kind(overlay, "Service"):
        (template,) = selected(overlay, service["spec"]["selector"])
        open_ports = {port["name"] for port in ports_of(template)}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= open_ports
        numbers = {port["name"]: port["containerPort"] for port in ports_of(template)}
        assert all(numbers[port["targetPort"]] == port["port"] for port in service["spec"]["ports"])


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


def test_the_gateways_queue_survives_its_pod() -> None:
    gateway = kustomize.named("cloud", "StatefulSet", "gateway")["spec"]
    assert gateway["persistentVolumeClaimRetentionPolicy"] == {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
    }
    (claim,) = gateway["volumeClaimTemplates"]
    config = yaml.safe_load((PROJECT / "collector" / "otel-config.yaml").read_text())
    durable = [
        one["sending_queue"]
        for one in config["exporters"].values()
        if one.get("sending_queue", {}).get("storage")
    ]
    needed = 2 * sum(queue["queue_size"] for queue in durable)
    assert mebibytes(claim["spec"]["resources"]["requests"]["storage"]) * 2**20 >= needed


@each_overlay
def test_collectors_are_given_more_memory_than_they_refuse_at(overlay: str) -> None:
    for name, config in (("gateway/collector", "otel-config"), ("activities/agent", "agent")):
        container = dict(kustomize.containers(overlay))[name]
        limiter = yaml.safe_load((PROJECT / "collector" / f"{config}.yaml").read_text())["processors"][
            "memory_limiter"
        ]
        assert mebibytes(container["resources"]["limits"]["memory"]) >= 1.5 * limiter["limit_mib"]


def values(overlay: str, tier: str) -> dict[str, str]:
    return dict(kustomize.named(overlay, "ConfigMap", f"{tier}-values")["data"])


def decoded(secret: Manifest) -> dict[str, str]:
    return {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}


def mebibytes(quantity: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * (1024 if unit == "Gi" else 1)


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
    return [port for one in (*pod.get("initContainers", ()), *pod["containers"]) for port in one["ports"]]
