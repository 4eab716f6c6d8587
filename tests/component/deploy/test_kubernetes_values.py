"""deploy/kubernetes says the same as the rest of the repository: files, values, environment, limits."""

import os
import re

import pytest
import yaml

from tests.component.deploy import kustomize
from tests.component.deploy.kustomize import OVERLAYS, Manifest
from tests.component.deploy.redaction import redaction_env
from threemaps.demo.resolved import resolved
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
def test_a_collector_ends_when_what_was_last_said_is_sent(overlay: str) -> None:
    """A queue on a disk that goes with the pod has to be empty by then."""
    told = dict(kustomize.containers(overlay))
    graceful = int(re.findall(r"graceful_timeout = (\d+)", GUNICORN.read_text())[0])
    for name in SERVICES:
        service = told[f"{name.replace('_', '-')}/service"]
        agent = told[f"{name.replace('_', '-')}/agent"]
        pod = kustomize.templates(overlay)[name.replace("_", "-")]["spec"]
        assert slept(agent) >= slept(service) + graceful + 5
        assert pod["terminationGracePeriodSeconds"] >= slept(agent) + 20 + 10
    gateway = kustomize.templates(overlay)["gateway"]["spec"]
    assert gateway["terminationGracePeriodSeconds"] >= slept(told["gateway/collector"]) + 30


@each_overlay
def test_collectors_are_given_more_memory_than_they_refuse_at(overlay: str) -> None:
    for name, config in (("gateway/collector", "otel-config"), ("activities/agent", "agent")):
        container = dict(kustomize.containers(overlay))[name]
        limiter = yaml.safe_load((PROJECT / "collector" / f"{config}.yaml").read_text())["processors"][
            "memory_limiter"
        ]
        assert mebibytes(container["resources"]["limits"]["memory"]) >= 1.5 * limiter["limit_mib"]


def slept(container: Manifest) -> int:
    seconds: int = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    return seconds


def values(overlay: str, tier: str) -> dict[str, str]:
    return dict(kustomize.named(overlay, "ConfigMap", f"{tier}-values")["data"])


def mebibytes(quantity: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * (1024 if unit == "Gi" else 1)


def test_the_page_has_the_values_of_x_rays_other_door() -> None:
    told = resolved(Settings.load({"THREEMAPS_ENV_FILE": os.devnull, "THREEMAPS_XRAY_DOOR": "otlp"}))
    page = (PROJECT / "docs" / "scaling.md").read_text()
    changed = ("xray_doors", "xray_batch_sizer", "xray_batch_least", "xray_batch_size", "xray_signer")
    assert "\n".join(f"{name}={told[name]}" for name in changed) in page
