"""deploy/kubernetes says the same as the rest of the repository: files, values, environment, limits."""

import os
import re

import pytest
import yaml

from tests.component.deploy import kustomize
from tests.component.deploy.kustomize import OVERLAYS, Manifest
from tests.component.deploy.redaction import redaction_env
from threemaps.demo.resolved import collector_environment, config_files, resolved
from threemaps.settings import PROJECT, SERVICES, Settings
from threemaps.tracing.environment import OTEL, service_environment

GUNICORN = PROJECT / "services" / "gunicorn.conf.py"
NO_FAULTS = {"FLAGD_OFFLINE_FLAG_SOURCE_PATH"}

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@each_overlay
def test_a_service_is_traced_as_without_kubernetes(overlay: str) -> None:
    inside = Settings.load(
        {
            "THREEMAPS_ENV_FILE": os.devnull,
            "THREEMAPS_BIND": "0.0.0.0",
            "THREEMAPS_URL_ROLLBAR": "http://rollbar:8083",
            "THREEMAPS_URL_OTLP_HTTP": "http://agent:4318",
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
def test_nothing_of_an_agent_is_in_the_pod_of_a_service(overlay: str) -> None:
    """So nothing of it can keep a service from starting: neither container nor volume nor Secret."""
    for service in SERVICES:
        template = kustomize.templates(overlay)[service.replace("_", "-")]
        assert "initContainers" not in template["spec"]
        assert [volume for volume in template["spec"]["volumes"] if "emptyDir" not in volume] == []
        assert template["metadata"]["labels"]["threemaps/spans"] == "agent"
        (container,) = template["spec"]["containers"]
        secrets = [one["secretRef"] for one in container["envFrom"] if "secretRef" in one]
        assert all(one["optional"] for one in secrets)


@each_overlay
def test_an_agent_is_open_on_the_ports_that_its_service_names(overlay: str) -> None:
    ports = {
        one["name"]: one["port"] for one in kustomize.named(overlay, "Service", "agent")["spec"]["ports"]
    }
    found = kustomize.environment(overlay, dict(kustomize.containers(overlay))["agent/agent"])
    opened = {"otlp-http": "OTLP_HTTP", "otlp-grpc": "OTLP_GRPC", "xray": "XRAY", "health": "HEALTH"}
    assert {name: found[f"THREEMAPS_{one}"] for name, one in opened.items()} == {
        name: f"0.0.0.0:{ports[name]}" for name in opened
    }


@each_overlay
def test_the_collectors_files_are_the_launchers(overlay: str) -> None:
    (agent, gateway) = (
        kustomize.named(overlay, "ConfigMap", name)["data"] for name in ("agent-config", "gateway-config")
    )
    assert agent == {"agent.yaml": (PROJECT / "collector" / "agent.yaml").read_text()}
    container = dict(kustomize.containers(overlay))["gateway/collector"]
    loaded = [word.rpartition("/")[2] for word in container["args"]]
    files = config_files("otlp", gateway=True)
    assert loaded == [path.name for path in files]
    assert {name: gateway[name] for name in loaded} == {path.name: path.read_text() for path in files}
    assert set(gateway) - set(loaded) == {"x-ray-segments.yaml"}


@each_overlay
def test_the_collectors_environment_is_the_launchers(overlay: str) -> None:
    settings = Settings.load(
        {
            "THREEMAPS_ENV_FILE": os.devnull,
            "THREEMAPS_BIND": "0.0.0.0",
            "THREEMAPS_BACKENDS": overlay,
            "THREEMAPS_URL_HONEYCOMB": "http://honeycomb:8081",
            "THREEMAPS_URL_AWS": "http://aws:8082",
        }
    )
    expected = collector_environment(settings)
    containers = dict(kustomize.containers(overlay))
    found = kustomize.environment(overlay, containers["gateway/collector"])
    same = ("THREEMAPS_OTLP_HTTP", "THREEMAPS_HEALTH", "THREEMAPS_METRICS_HOST", "AWS_REGION", "GOGC")
    assert {name: found[name] for name in same} == {name: expected[name] for name in same}
    # Receivers other than OTLP over HTTP are for nobody: agents send there.
    assert not {"THREEMAPS_OTLP_GRPC", "THREEMAPS_XRAY"} & found.keys()
    vendors = {"HONEYCOMB_API_ENDPOINT": "http://honeycomb:8081", "AWS_ENDPOINT_URL": "http://aws:8082"}
    assert {name: found[name] for name in vendors if name in found} == (vendors if overlay == "local" else {})
    agent = kustomize.environment(overlay, containers["agent/agent"])
    same = ("AWS_REGION", "AWS_ENDPOINT_URL")
    assert [agent.get(name) for name in same] == [found.get(name) for name in same]


def test_the_patterns_are_those_of_the_collector() -> None:
    message = (
        "run: .venv/bin/python -m tests.component.deploy.redaction > deploy/kubernetes/base/redaction.env"
    )
    assert (kustomize.FOLDER / "base" / "redaction.env").read_text() == redaction_env(), message


def test_the_stand_ins_secrets_are_the_public_ones() -> None:
    expected = resolved(Settings.load({"THREEMAPS_ENV_FILE": os.devnull}))
    (vendors,) = (one for one in kustomize.of_kind("local", "Secret") if kustomize.name_of(one) == "vendors")
    assert kustomize.decoded(vendors) == {
        name: expected[name] for name in ("honeycomb_api_key", "aws_credentials")
    }


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
def test_who_goes_is_given_the_time_that_it_takes(overlay: str) -> None:
    described, pods = dict(kustomize.containers(overlay)), kustomize.templates(overlay)
    graceful = int(re.findall(r"graceful_timeout = (\d+)", GUNICORN.read_text())[0])
    # The last spans of a service; what an agent or a gateway still has on its way when it is stopped.
    needs = {f"{name.replace('_', '-')}/service": graceful + 10 for name in SERVICES}
    for name, seconds in (needs | {"agent/agent": 25, "gateway/collector": 30}).items():
        given = pods[name.partition("/")[0]]["spec"].get("terminationGracePeriodSeconds", 30)
        assert given >= slept(described[name]) + seconds, name


@each_overlay
def test_collectors_are_given_more_memory_than_they_refuse_at(overlay: str) -> None:
    for name, config in (("gateway/collector", "otel-config"), ("agent/agent", "agent")):
        container = dict(kustomize.containers(overlay))[name]
        limiter = yaml.safe_load((PROJECT / "collector" / f"{config}.yaml").read_text())["processors"][
            "memory_limiter"
        ]
        assert mebibytes(container["resources"]["limits"]["memory"]) >= 1.5 * limiter["limit_mib"]


@each_overlay
def test_an_agent_outlasts_the_restart_of_the_only_gateway(overlay: str) -> None:
    """What it kept meanwhile goes with its pod."""
    described = dict(kustomize.containers(overlay))
    assert slept(described["agent/agent"]) >= slept(described["gateway/collector"]) + 30


def slept(container: Manifest) -> int:
    seconds: int = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    return seconds


def mebibytes(quantity: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * (1024 if unit == "Gi" else 1)
