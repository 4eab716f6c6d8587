"""What a test sends to: the running demo, or a local Honeycomb of the tests' own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from threemaps.demo.health import answers, wait_until
from threemaps.errors import UserError
from threemaps.settings import LOCAL_INGEST_KEY, Settings

START_SECONDS = 60.0


@dataclass(frozen=True)
class TestSystem:
    """`environment` are the variables of a service that sends to it."""

    otlp_endpoint: str
    settings: Settings
    headers: str = ""
    environment: Mapping[str, str] = field(init=False)
    __test__ = False  # pytest would take the class for tests

    def __post_init__(self) -> None:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.otlp_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        if self.headers:
            variables["OTEL_EXPORTER_OTLP_HEADERS"] = self.headers
        object.__setattr__(self, "environment", variables)


def running_system() -> TestSystem:
    """Raises UserError where no collector answers."""
    settings = Settings.load()
    if not answers(settings.url("health")):
        raise UserError(f"no collector answers at {settings.url('health')}", hint="start one: threemaps up")
    return TestSystem(settings.url("otlp_http"), settings)


@contextmanager
def own_system(folder: Path) -> Iterator[TestSystem]:
    """A process with a port and a folder of its own, which ends with the block."""
    if find_spec("duckdb") is None or find_spec("waitress") is None:
        raise UserError("the stand-ins are not installed", hint="pip install 'threemaps[standins]'")
    port = free_port()
    variables = {
        "THREEMAPS_STATE": str(folder),
        "THREEMAPS_ENV_FILE": os.devnull,
        "THREEMAPS_PORT_HONEYCOMB": str(port),
    }
    settings = Settings.load(variables)
    url, log = settings.url("honeycomb"), folder / "honeycomb.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "threemaps.standins", "honeycomb"],
            env={**os.environ, **variables},
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: process.poll() is not None or answers(f"{url}/healthz"), START_SECONDS)
        if process.poll() is not None or not answers(f"{url}/healthz"):
            last = log.read_text(errors="replace")[-1000:]
            raise UserError(f"the local Honeycomb did not start:\n{last}", hint=f"see {log}")
        yield TestSystem(url, settings, headers=f"x-honeycomb-team={LOCAL_INGEST_KEY}")
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
