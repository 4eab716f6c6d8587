"""The cluster as a test sees it: kubectl, the maps, containers and the network between pods."""

import contextlib
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.system.counting import Counts, calls
from threemaps.demo.health import wait_until
from threemaps.settings import Settings

NAMESPACE = "threemaps"
POLL_SECONDS = 0.5
CALM_SECONDS = 3
SOURCES = ("honeycomb", "xray", "cloudwatch")


def until(condition: Callable[[], object], seconds: float = 120) -> bool:
    return wait_until(condition, seconds, POLL_SECONDS)


@dataclass
class Cluster:
    """`made` counts every call between services that a test has caused and that was answered."""

    folder: Path
    pid: str  # a process of the node
    made: Counts = field(default_factory=Counter)
    _before: dict[str, Counts | None] = field(default_factory=dict)

    def run(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        command = ["kubectl", "--namespace", NAMESPACE, *arguments]
        return subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
            env=kubectl_environ(),
        )

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        done = self.run(*arguments, given=given)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "--output", "json"))

    def threemaps(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("exec", "deploy/web", "--", "threemaps", *arguments)

    def rolled_out(self, *names: str) -> None:
        for name in names:
            self.kubectl("rollout", "status", "--timeout=150s", name)

    def address(self, service: str, *, namespace: str = NAMESPACE) -> str:
        address: str = self.get("service", service, "--namespace", namespace)["spec"]["clusterIP"]
        return address

    @cached_property
    def settings(self) -> Settings:
        """To read the maps with, from the node."""
        ports = {"honeycomb": 8081, "aws": 8082, "rollbar": 8083, "frontend-api": 8000}
        urls = {
            f"THREEMAPS_URL_{name.replace('-', '_').upper()}": f"http://{self.address(name)}:{port}"
            for name, port in ports.items()
        }
        return Settings.load({**urls, "THREEMAPS_ENV_FILE": "/dev/null"})

    @property
    def home(self) -> str:
        return f"{self.settings.url('frontend_api')}/api/activities/home"

    def begin(self) -> None:
        """From here on counts what comes now: a test that lost something has said so already."""
        assert until(self._is_calm, 60), "calls of an earlier test keep coming"
        self.made = Counter()

    def _is_calm(self) -> bool:
        """Whether no map has changed for a while."""
        earlier, self._before = self._before, {source: calls(self.settings, source) for source in SOURCES}
        time.sleep(CALM_SECONDS if earlier != self._before else 0)
        return None not in self._before.values() and earlier == self._before

    def await_all(self, seconds: float = 60) -> None:
        """Every call that was made is in all maps, and none that was not."""
        until(lambda: all(self.counted(source) == self.made for source in SOURCES), seconds)
        differing = {source: self.difference(source) for source in SOURCES}
        assert not any(differing.values()), (differing, self.made, self.given_up())

    def difference(self, source: str) -> dict[str, int] | str:
        """What a map has more or fewer of."""
        found = self.counted(source)
        if found is None:
            return "cannot be read"
        return {" ".join(edge): found[edge] - made for edge, made in self.made.items() if found[edge] != made}

    def counted(self, source: str) -> Counts | None:
        """Of the calls that tests count; None while the source cannot be read."""
        found, before = calls(self.settings, source), self._before.get(source) or Counter()
        return found and Counter({edge: found[edge] - before[edge] for edge in self.made})

    def given_up(self) -> list[str]:
        """What the services that run say of spans that they could not send."""
        services = ("--selector", "app.kubernetes.io/component=service")
        logs = self.kubectl("logs", *services, "--tail=-1", "--prefix")
        return [line[:300] for line in logs.splitlines() if "Failed to export span" in line]

    def pods(self, name: str) -> list[Any]:
        """Those that are not on their way out."""
        found = self.get("pods", "--selector", f"app.kubernetes.io/name={name}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, name: str) -> Any:
        (found,) = self.pods(name)
        return found

    def kill(self, name: str) -> None:
        """kill -9 of the one container; returns when it runs again and is ready."""
        before = self.pod(name)["status"]["containerStatuses"][0]
        container = before["containerID"].rpartition("/")[2]
        self.containerd("tasks", "kill", "--signal", "SIGKILL", container)

        def is_back() -> bool:
            now = self.pod(name)["status"]["containerStatuses"][0]
            return bool(now["ready"]) and now["restartCount"] > before["restartCount"]

        assert until(is_back, 90), f"{name} was not started again"

    def containerd(self, *arguments: str) -> str:
        socket = str(self.folder / "run" / "containerd.sock")
        command = ["ctr", "--address", socket, "--namespace", "k8s.io", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def in_node(self, *command: str) -> str:
        """With the node's mounts: /run, and the volumes of pods."""
        whole = ["nsenter", "--mount", "--target", self.pid, *command]
        return subprocess.run(whole, capture_output=True, text=True, check=True, timeout=60).stdout

    @contextlib.contextmanager
    def cut(self, *names: str) -> Iterator[None]:
        """Nobody in the cluster reaches these pods: connections are reset, also those that stand."""
        rules = [
            [
                "FORWARD",
                "-p",
                "tcp",
                "-d",
                self.pod(name)["status"]["podIP"],
                "-j",
                "REJECT",
                "--reject-with",
                "tcp-reset",
            ]
            for name in names
        ]
        for rule in rules:
            subprocess.run(["iptables", "-w", "-I", *rule], check=True)
        try:
            yield
        finally:
            for rule in rules:
                subprocess.run(["iptables", "-w", "-D", *rule], check=True)


def kubectl_environ() -> dict[str, str]:
    """kubectl's programs are static: the node's libraries are for others."""
    return {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
