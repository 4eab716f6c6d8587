"""The whole system, started as a user starts it, on ports and in a folder of its own."""

import contextlib
import itertools
import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threemaps.settings import PORTS, PROJECT, Settings

CLI = Path(sys.executable).with_name("threemaps")
# Variables of the person who runs the tests that would change what is tested.
FOREIGN = ("AWS_", "HONEYCOMB_", "OTEL_", "ROLLBAR_", "THREEMAPS_")
KEPT = ("THREEMAPS_COLLECTOR",)


# Below the range from which a system takes the ports of outgoing connections: these would be in the way.
PORT_RANGE = range(15_000, 32_000)
# None is given twice before each was given once: who got one may not listen on it yet.
_untried = itertools.cycle(random.sample(PORT_RANGE, len(PORT_RANGE)))


def free_ports(count: int) -> list[int]:
    """Ports that a moment ago were free for both TCP and UDP, and that nobody else here was given."""
    ports: list[int] = []
    while len(ports) < count:
        port = next(_untried)
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        with tcp, udp, contextlib.suppress(OSError):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            ports.append(port)
    return ports


def clean_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k in KEPT or not k.startswith(FOREIGN)}


@dataclass(frozen=True)
class System:
    """A running system, and the command line that belongs to it."""

    environment: Mapping[str, str]
    settings: Settings

    @classmethod
    def at(cls, state: Path, **variables: str) -> "System":
        ports = zip(PORTS, free_ports(len(PORTS)), strict=True)
        environment = {
            **clean_environment(),
            **{f"THREEMAPS_PORT_{name.upper()}": str(port) for name, port in ports},
            "THREEMAPS_STATE": str(state),
            "THREEMAPS_ENV_FILE": os.devnull,
            **variables,
        }
        return cls(environment, Settings.load(environment))

    def run(
        self, *arguments: str, timeout: float = 120, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """`threemaps ARGUMENTS`, with its output in pipes."""
        return subprocess.run(
            [CLI, *arguments],
            env={**self.environment, **variables},
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    def ok(self, *arguments: str, **variables: str) -> str:
        """The output of a command that has to end well."""
        done = self.run(*arguments, **variables)
        assert done.returncode == 0, f"threemaps {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def up(self, *arguments: str) -> "System":
        self.ok("up", *arguments)
        return self

    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.run("status", "--format", "json").stdout)
        return told

    def compare(self, *arguments: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.run("compare", "--format", "json", *arguments).stdout)
        return told
