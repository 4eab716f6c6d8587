"""What `kustomize build` makes of deploy/kubernetes; kustomize from PATH or from `make test-tools`."""

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.needs import missing
from tests.system.docker.go_tool import build
from tests.system.docker.tools import cache as cache_folder
from threemaps.demo.lock import exclusive
from threemaps.settings import PROJECT

# The newest that the Go of the collector's build (GO_NEEDED) compiles.
PACKAGE, VERSION = "sigs.k8s.io/kustomize/kustomize/v5", "v5.7.1"
FOLDER = PROJECT / "deploy" / "kubernetes"
OVERLAYS = ("local", "cloud")

Manifest = Mapping[str, Any]


def kustomize() -> Path:
    return found() or missing("kustomize, which renders deploy/kubernetes,")


def found() -> Path | None:
    on_path = shutil.which("kustomize")
    if on_path:
        return Path(on_path)
    return cached() if cached().exists() else None


def cached() -> Path:
    return cache_folder() / f"kustomize-{VERSION}" / "kustomize"


def build_once() -> None:
    cached().parent.mkdir(parents=True, exist_ok=True)
    with exclusive(cached().parent / "lock", lambda: None):
        if not cached().exists():
            build(PACKAGE, VERSION, cached(), os.environ)


@cache
def rendered(overlay: str) -> tuple[Manifest, ...]:
    return built(FOLDER / overlay)


def built(folder: Path) -> tuple[Manifest, ...]:
    done = subprocess.run([kustomize(), "build", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, *kinds: str) -> list[Manifest]:
    return [manifest for manifest in rendered(overlay) if manifest["kind"] in kinds]


def named(overlay: str, kind: str, name: str) -> Manifest:
    (found,) = [one for one in of_kind(overlay, kind) if name_of(one) == name]
    return found


def name_of(manifest: Manifest) -> str:
    """Without the hash of its content that kustomize puts behind generated names."""
    name: str = manifest["metadata"]["name"]
    return name.rpartition("-")[0] if manifest["kind"] in {"ConfigMap", "Secret"} else name


def templates(overlay: str) -> dict[str, Manifest]:
    """The pods of each workload."""
    workloads = of_kind(overlay, "Deployment", "StatefulSet", "DaemonSet")
    return {name_of(one): one["spec"]["template"] for one in workloads}


def containers(overlay: str) -> Iterator[tuple[str, Manifest]]:
    for workload, template in templates(overlay).items():
        for one in (*template["spec"].get("initContainers", ()), *template["spec"]["containers"]):
            yield f"{workload}/{one['name']}", one


def environment(overlay: str, container: Manifest) -> dict[str, str]:
    """What the container is given by ConfigMaps, and by itself."""
    given: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            given |= by_full_name(overlay, source["configMapRef"]["name"])["data"]
    return given | {one["name"]: one["value"] for one in container.get("env", ())}


def by_full_name(overlay: str, name: str) -> Manifest:
    (found,) = [one for one in of_kind(overlay, "ConfigMap", "Secret") if one["metadata"]["name"] == name]
    return found


def decoded(secret: Manifest) -> dict[str, str]:
    return {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
