"""The real collector starts with the configuration, the values and the Secrets that its pod mounts."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from tests.collector_process import wait_for
from tests.component.deploy import kustomize
from tests.component.deploy.conftest import Secrets
from tests.component.deploy.kustomize import OVERLAYS, Manifest
from tests.component.deploy.started import is_healthy, own_ports, started
from tests.wider_collector import say
from threemaps.demo.collector import collector_binary
from threemaps.settings import PROJECT


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("collector", ["gateway/collector", "agent/agent"])
def test_the_collector_starts_with_what_the_pod_mounts(
    overlay: str, collector: str, made: Secrets, tmp_path: Path
) -> None:
    container = dict(kustomize.containers(overlay))[collector]
    pod = kustomize.templates(overlay)[collector.partition("/")[0]]["spec"]
    mounts = {one["name"]: Path(one["mountPath"]) for one in container["volumeMounts"]}
    for volume in pod["volumes"]:
        if volume["name"] in mounts:
            write(overlay, volume, tmp_path / mounts[volume["name"]].relative_to("/"), made)
    configured = kustomize.environment(overlay, container)
    given = {name: moved(value, tmp_path) for name, value in configured.items()} | own_ports()
    role = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"} if overlay == "cloud" else {}
    command = (str(collector_binary(say)), *(moved(word, tmp_path) for word in container["args"]))
    environ = {"PATH": os.environ["PATH"], **role, **given}
    with started(command, environ, tmp_path / "log") as process:
        wait_for(lambda: process.poll() is not None or is_healthy(given), 60)
        assert process.poll() is None, (tmp_path / "log").read_text()[-3000:]


def test_the_certificate_is_for_the_name_that_agents_ask_for(made: Secrets) -> None:
    agent = yaml.safe_load((PROJECT / "collector" / "agent.yaml").read_text())
    asked = agent["exporters"]["otlp_http/gateway"]["tls"]["server_name_override"]
    assert asked == "${env:THREEMAPS_GATEWAY_NAME:-gateway}"
    name = "gateway"
    authority = x509.load_pem_x509_certificate(made["gateway-tls"]["ca.crt"].encode())
    certificate = x509.load_pem_x509_certificate(made["gateway-tls"]["tls.crt"].encode())
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [name]
    by_cert_manager = (kustomize.FOLDER / "certificates" / "certificate.yaml").read_text()
    assert f"dnsNames: [{name}]" in by_cert_manager


def write(overlay: str, volume: Manifest, folder: Path, made: Secrets) -> None:
    """One volume of a pod, as the kubelet would fill it."""
    folder.mkdir(parents=True)
    sources = volume["projected"]["sources"] if "projected" in volume else [volume]
    for source in sources:
        if "configMap" in source:
            content = kustomize.by_full_name(overlay, source["configMap"]["name"])["data"]
        elif "secret" in source:
            content = secret(overlay, source["secret"]["name"], made)
        else:
            continue
        items = {one["key"]: one["path"] for one in source.get("secret", {}).get("items", ())}
        for key in items or content:
            (folder / items.get(key, key)).write_text(content[key])


def secret(overlay: str, name: str, made: Secrets) -> Mapping[str, str]:
    return made[name] if name in made else kustomize.decoded(kustomize.by_full_name(overlay, name))


def moved(text: str, root: Path) -> str:
    """A path of the container, in the folder that stands for its root."""
    return re.sub(r"(^|[:=])(/(?:etc|run|queue))", rf"\g<1>{root}\g<2>", text)
