"""Real service processes, started as the launcher starts them."""

import contextlib
import json
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.running import clean_environment, own_variables
from threemaps.demo.health import wait_until
from threemaps.settings import PROJECT, SERVICES, Settings
from threemaps.tracing.environment import service_command, service_environment

SYSTEM_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR")
START_SECONDS = 30.0


@dataclass
class Service:
    name: str
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """What it wrote on its console: each line has to be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def worker(self) -> psutil.Process:
        (worker,) = psutil.Process(self.process.pid).children()
        return worker

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@dataclass
class Services:
    """Some or all of the services, each in its mode of tracing, on ports of their own."""

    folder: Path
    otlp_url: str
    variables: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, str] = field(default_factory=dict)
    running: dict[str, Service] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = Settings.load(
            {
                **own_variables(self.folder),
                "THREEMAPS_URL_OTLP_HTTP": self.otlp_url,
                "THREEMAPS_URL_AWS": self.otlp_url,
                **self.variables,
            }
        )

    def start(self, *names: str) -> "Services":
        for name in names or SERVICES:
            self.running[name] = self._start(name)
        for service in self.running.values():
            assert wait_until(lambda url=service.url: healthy(url), START_SECONDS), service.log.read_text()
        return self

    def _start(self, name: str) -> Service:
        mode = self.modes.get(name, "otel")
        around = clean_environment()
        kept = {variable: around[variable] for variable in SYSTEM_VARIABLES if variable in around}
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                service_command(self.settings, name, mode),
                env=kept | service_environment(self.settings, name, mode),
                cwd=PROJECT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return Service(name, self.settings.url(name), process, log)

    def __getitem__(self, name: str) -> Service:
        return self.running[name]

    @property
    def edge(self) -> str:
        return self.running["frontend_api"].url

    def stop(self) -> None:
        for service in self.running.values():
            if service.process.poll() is None:
                service.process.send_signal(signal.SIGTERM)
        for service in self.running.values():
            service.process.wait(20)


def healthy(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/health", timeout=2).ok
    except requests.RequestException:
        return False


def silent_listener() -> socket.socket:
    """Takes connections and never says a word."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    return listener


def address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def raised_file_limit() -> Iterator[None]:
    """For a test that opens thousands of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
