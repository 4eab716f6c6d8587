"""The whole system, started as a user starts it, on ports and in a folder of its own."""

import contextlib
import fcntl
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.reaper import watch
from threemaps.settings import PORTS, PROJECT, Settings

CLI = Path(sys.executable).with_name("threemaps")
# Variables of the person who runs the tests that would change what is tested.
FOREIGN = ("AWS_", "HONEYCOMB_", "OTEL_", "ROLLBAR_", "THREEMAPS_")
KEPT = ("THREEMAPS_COLLECTOR",)
# What users wait for so that an SDK's next batch is in it; here batches leave sooner.
SHORT_TIMES = {
    "OTEL_BSP_SCHEDULE_DELAY": "100",
    "OTEL_BLRP_SCHEDULE_DELAY": "100",
    "THREEMAPS_QUIET_SECONDS": "1",
}


# Below the range from which a system takes the ports of outgoing connections: these would be in the way.
PORT_RANGE = range(15_000, 32_000)
PORT_BLOCK = 50


def _claimed_ports() -> Iterator[int]:
    """Block by block, each held by this process until it ends: other workers and runs take other blocks."""
    folder = Path(tempfile.gettempdir()) / f"threemaps-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    blocks = range(PORT_RANGE.start, PORT_RANGE.stop, PORT_BLOCK)
    for start in random.sample(blocks, len(blocks)):
        held = os.open(folder / str(start), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(held)
            continue
        yield from range(start, start + PORT_BLOCK)


_untried = _claimed_ports()


def free_ports(count: int) -> list[int]:
    """Ports that a moment ago were free for both TCP and UDP, and that no other test was given."""
    ports: list[int] = []
    while len(ports) < count:
        port = next(_untried)
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        with tcp, udp, contextlib.suppress(OSError):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            ports.append(port)
    return ports


def own_variables(state: Path) -> dict[str, str]:
    """A folder, ports and short times: what keeps one system of the tests apart from all others."""
    ports = zip(PORTS, free_ports(len(PORTS)), strict=True)
    return {
        **{f"THREEMAPS_PORT_{name.upper()}": str(port) for name, port in ports},
        "THREEMAPS_STATE": str(state),
        "THREEMAPS_ENV_FILE": os.devnull,
        **SHORT_TIMES,
    }


def clean_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k in KEPT or not k.startswith(FOREIGN)}


@dataclass(frozen=True)
class System:
    """A running system, and the command line that belongs to it."""

    environment: Mapping[str, str]
    settings: Settings

    @classmethod
    def at(cls, state: Path, **variables: str) -> "System":
        environment = {**clean_environment(), **own_variables(state), **variables}
        return cls(environment, Settings.load(environment))

    def __enter__(self) -> "System":
        return self

    def __exit__(self, *_: object) -> None:
        """Stopped whatever happened."""
        self.ok("down")

    def run(
        self, *arguments: str, timeout: float = 120, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """`threemaps ARGUMENTS`, with its output in pipes."""
        if arguments[0] in ("up", "demo"):
            watch(self.environment)
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

    @contextlib.contextmanager
    def steady_traffic(self, rate: float) -> Iterator[None]:
        """So many home requests a second, for as long as it lasts."""
        sender = subprocess.Popen(
            [CLI, "traffic", "--requests", "100000", "--rate", f"{rate:g}"],
            env=dict(self.environment),
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            sender.terminate()
            sender.wait(timeout=60)
