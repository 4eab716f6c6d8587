"""The system as `docker compose up` starts it: a project of its own, on ports of its own."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.running import clean_environment, free_ports
from tests.system.counting import HOME, Counts, calls
from threemaps.demo.health import answers, wait_until
from threemaps.settings import PORTS, PROJECT, Settings

NO_ENV_FILE = Path("/dev/null")
POLL_SECONDS = 0.3


def docker(*arguments: str) -> str:
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    return wait_until(condition, seconds, POLL_SECONDS)


@dataclass
class Stack:
    """One project of Compose.

    `made` counts every answered call between services that its tests have caused, `unanswered` those
    whose callee was down: CloudWatch draws them on the same edges.
    """

    project: str
    env_file: Path = NO_ENV_FILE
    made: Counts = field(default_factory=Counter)
    unanswered: Counts = field(default_factory=Counter)
    ports: Mapping[str, int] = field(
        default_factory=lambda: dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    )

    @property
    def environment(self) -> dict[str, str]:
        moved = {f"THREEMAPS_PORT_{name.upper()}": str(port) for name, port in self.ports.items()}
        return {**clean_environment(), **moved, "COMPOSE_PROJECT_NAME": self.project}

    @property
    def settings(self) -> Settings:
        """As somebody on this machine reads and sends, through the published ports."""
        return Settings.load({**self.environment, "THREEMAPS_ENV_FILE": "/dev/null"})

    def run(self, *arguments: str, seconds: float = 170) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "compose", "--env-file", str(self.env_file), *arguments],
            env=self.environment,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
        )

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"docker compose {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def threemaps(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("exec", "-T", "web", "threemaps", *arguments)

    def compare(self) -> dict[str, Any]:
        """What `compare` says inside the page's container, of all that was sent."""
        done = self.threemaps("compare", "--since", "1h", "--format", "json")
        assert done.returncode in (0, 1), done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def home(self, count: int) -> None:
        for _ in range(count):
            answer = requests.get(f"{self.settings.url('frontend_api')}/api/activities/home", timeout=30)
            assert (answer.status_code, answer.json().get("degraded", False)) == (200, False)
            self.made += HOME

    def await_health(self) -> None:
        """Everything answers, inside and through the published ports."""
        assert until(lambda: self.threemaps("status").returncode == 0), self.threemaps("status").stdout
        frontend = f"{self.settings.url('frontend_api')}/api/health"
        assert until(lambda: answers(frontend) and answers(self.settings.url("health")))

    def await_all(self, *sources: str) -> None:
        """Every call that was ever made is there, and none that was not."""
        for source in sources:
            wanted = self.made + self.unanswered if source == "cloudwatch" else self.made
            arrived = until(lambda source=source, wanted=wanted: calls(self.settings, source) == wanted)  # type: ignore[misc]
            assert arrived, (source, calls(self.settings, source), wanted)

    def container_ids(self, *options: str) -> list[str]:
        label = f"label=com.docker.compose.project={self.project}"
        return docker("ps", "--all", "--quiet", "--filter", label, *options).split()

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine says of each container, by its service."""
        told = json.loads(docker("inspect", *self.container_ids()))
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in told}

    def files_with(self, text: str) -> set[str]:
        """The files in all of its volumes that hold this text."""
        volumes = docker("volume", "ls", "--quiet", "--filter", f"name=^{self.project}_").split()
        assert volumes
        mounts = [
            word for name in volumes for word in ("-v", f"{name}:/v/{name.removeprefix(self.project)[1:]}")
        ]
        look = ["grep", "--recursive", "--files-with-matches", "--fixed-strings", text, "/v"]
        command = [
            "docker",
            "run",
            "--rm",
            "--network",
            "none",
            "--user",
            "0",
            *mounts,
            "threemaps:local",
            *look,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode in (0, 1), done.stderr
        return {line.removeprefix("/v/") for line in done.stdout.splitlines()}

    def left(self) -> list[str]:
        """Containers, volumes and networks that the engine still has of this project."""
        label = f"label=com.docker.compose.project={self.project}"
        listings = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [one for listing in listings for one in docker(*listing, "-q", "--filter", label).split()]

    def down(self) -> None:
        self.ok("down", "--volumes", "--remove-orphans")
        assert self.left() == []
