"""Compose: the plugin that is installed, else one built from its pinned release, for this run only."""

from tests.system.docker.go_tool import build
from tests.system.docker.tools import Missing, cache, succeeds

MODULE = "github.com/docker/compose/v5"
VERSION = "v5.5.1"


def with_compose(environ: dict[str, str]) -> dict[str, str]:
    """The environment in which `docker compose` works; the user's own Docker folder is left alone."""
    if succeeds("docker", "compose", "version", environ=environ):
        return environ
    plugin = cache() / VERSION / "cli-plugins" / "docker-compose"
    if not plugin.exists():
        build(f"{MODULE}/cmd", VERSION, plugin, environ, f"{MODULE}/internal.Version")
    found = {**environ, "DOCKER_CONFIG": str(cache() / VERSION)}
    if not succeeds("docker", "compose", "version", environ=found):
        raise Missing(f"{plugin} does not run", f"rm {plugin}, or install the plugin docker-compose-v2")
    return found
