"""A task of deploy/ecs as Fargate runs it, with Docker: its own network and volumes, containers in order."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from tests.component.deploy.ecs import containers, environment, task
from tests.system.docker.images import collector_image
from tests.system.docker.stack import docker

IMAGE = "threemaps:local"
NETWORK = "network"  # the container that holds the task's network


@dataclass(frozen=True)
class Task:
    """`stored` is the Parameter Store, `given` what the task's role and region come to."""

    name: str
    network: str
    stored: Mapping[str, str]
    given: Mapping[str, str]

    def start(self) -> None:
        """Each container when those that it depends on have started, or ended well."""
        alias = f"{self.name}.threemaps"
        self._run(NETWORK, "--network", self.network, "--network-alias", alias, IMAGE, "sleep", "3600")
        for name in self._order():
            container = containers(self.name)[name]
            self._run(name, *options(container), *self._surroundings(container), *program(container))
            if name == "init":
                assert docker("wait", self.id(name)).strip() == "0", docker("logs", self.id(name))

    def stop(self) -> dict[str, int]:
        """In the opposite order, each in the time that it is given. How each ended."""
        order = [name for name in reversed(self._order()) if name != "init"]
        for name in order:
            seconds = containers(self.name)[name]["stopTimeout"]
            docker("stop", "--time", str(seconds), self.id(name))
        return {name: self.state(name)["ExitCode"] for name in order}

    def remove(self) -> None:
        for name in (*reversed(self._order()), NETWORK):
            docker("rm", "--force", "--volumes", self.id(name))
        docker("volume", "rm", "--force", *(self.id(one["name"]) for one in task(self.name)["volumes"]))

    def id(self, name: str) -> str:
        return f"{self.network}-{self.name}-{name}"

    def state(self, container: str) -> Any:
        return json.loads(docker("inspect", "--format", "{{json .State}}", self.id(container)))

    @property
    def address(self) -> str:
        (found,) = json.loads(docker("inspect", self.id(NETWORK)))
        address: str = found["NetworkSettings"]["Networks"][self.network]["IPAddress"]
        return address

    def is_healthy(self) -> bool:
        watched = [name for name, one in containers(self.name).items() if "healthCheck" in one]
        return all(self.state(name)["Health"]["Status"] == "healthy" for name in watched)

    def _order(self) -> list[str]:
        needs = {
            name: {one["containerName"] for one in container.get("dependsOn", ())}
            for name, container in containers(self.name).items()
        }
        return list(TopologicalSorter(needs).static_order())

    def _run(self, name: str, *arguments: str) -> None:
        docker("run", "--detach", "--name", self.id(name), *arguments)

    def _surroundings(self, container: Any) -> Iterator[str]:
        yield from ("--network", f"container:{self.id(NETWORK)}")
        secret = {one["name"]: self.stored[one["name"]] for one in container.get("secrets", ())}
        for key, value in {**environment(container), **self.given, **secret}.items():
            yield from ("--env", f"{key}={value}")
        for mount in container.get("mountPoints", ()):
            how = "nocopy,ro" if mount.get("readOnly") else "nocopy"  # Fargate's volumes begin empty
            yield from ("--volume", f"{self.id(mount['sourceVolume'])}:{mount['containerPath']}:{how}")


def options(container: Any) -> Iterator[str]:
    yield from ("--user", container["user"], "--memory", f"{container['memory']}m", "--read-only")
    linux = container.get("linuxParameters", {})
    for capability in linux.get("capabilities", {}).get("drop", ()):
        yield from ("--cap-drop", capability)
    if linux.get("initProcessEnabled"):
        yield "--init"
    if "restartPolicy" in container:
        yield from ("--restart", "always")
    if check := container.get("healthCheck"):
        yield from ("--health-cmd", " ".join(check["command"][1:]), "--health-interval", "2s")
        yield from ("--health-timeout", f"{check['timeout']}s", "--health-retries", str(check["retries"]))
        yield from ("--health-start-period", f"{check['startPeriod']}s")


def program(container: Any) -> list[str]:
    is_collector = "opentelemetry-collector" in container["image"]
    return [collector_image() if is_collector else IMAGE, *container["command"]]
