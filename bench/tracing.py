"""What tracing costs the services: CPU of all three for one home request, in several modes side by side.

All modes run at the same time, as shipped (gunicorn, its config, real HTTP between the services), and take
turns with short rounds of requests. What a mode adds is the median of the differences to the untraced mode
in the same turn. Sending is part of it: a round ends when the services are idle again. A sink receives it.
"""

import contextlib
import http.client
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.processes import cpu_seconds, family, settings_at, started, wait_for_url, wait_until_idle
from bench.report import Report, median
from tests.running import clean_environment, free_ports
from threemaps.settings import SERVICES
from threemaps.tracing.environment import OTEL, XRAY_SDK, service_command, service_environment

ABOUT = "CPU of the three services for one home request (8 spans, 4 log records)"
REQUESTS = 300
ROUNDS = 6
STOCK = {"THREEMAPS_INSTRUMENTATION": "stock", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ""}
NO_LOGS = {"OTEL_LOGS_EXPORTER": "none", "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "false"}


@dataclass(frozen=True, slots=True)
class Mode:
    """`launcher` false: gunicorn alone, nothing is traced."""

    name: str
    tracing: str = OTEL
    variables: Mapping[str, str] | None = None
    launcher: bool = True


OFF = Mode("telemetry off", launcher=False)
XRAY = Mode("aws-xray-sdk, sampling off, spans only", XRAY_SDK, {"CLOUDWATCH_LOGS": "collector"})
MODES = (
    OFF,
    Mode("OpenTelemetry lean, spans and log records (default)"),
    Mode("OpenTelemetry lean, spans only", variables=NO_LOGS),
    Mode("OpenTelemetry stock, spans and log records", variables=STOCK),
    Mode("OpenTelemetry stock, spans only", variables=STOCK | NO_LOGS),
    XRAY,
)


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        rounds = side_by_side([(mode, stack.enter_context(running(mode, Path(folder)))) for mode in MODES])
    off, xray = rounds[OFF.name], added_by(rounds, XRAY.name)
    report.add(OFF.name, median(off) * 1e6, "µs/request")
    for mode in MODES[1:]:
        added = added_by(rounds, mode.name)
        report.add(f"{mode.name}: adds", added * 1e6, "µs/request")
        if mode is not XRAY:
            report.add("… of what aws-xray-sdk adds", added / xray, "×", "< 1")


def added_by(rounds: dict[str, list[float]], mode: str) -> float:
    return median(cost - off for cost, off in zip(rounds[mode], rounds[OFF.name], strict=True))


def side_by_side(systems: list[tuple[Mode, "Services"]]) -> dict[str, list[float]]:
    """Mode → CPU seconds a request, round by round."""
    for _, services in systems:
        services.send(REQUESTS)  # caches fill, connections are made
    rounds: dict[str, list[float]] = {mode.name: [] for mode, _ in systems}
    for turn in range(ROUNDS):
        # Who comes first was seen to pay up to 1.4 ms more a request than who comes last.
        begin = turn % len(systems)
        for mode, services in systems[begin:] + systems[:begin]:
            rounds[mode.name].append(services.cost(REQUESTS))
    return rounds


@dataclass(slots=True)
class Services:
    port: int
    processes: list[psutil.Process]

    def cost(self, requests: int) -> float:
        wait_until_idle(self.processes)
        before = cpu_seconds(self.processes)
        self.send(requests)
        wait_until_idle(self.processes)
        return (cpu_seconds(self.processes) - before) / requests

    def send(self, requests: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        for _ in range(requests):
            connection.request("GET", "/api/activities/home")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 or b'"degraded":true' in body:
                raise RuntimeError(f"a home request was answered {answer.status}: {body[:100]!r}")
        connection.close()


@contextlib.contextmanager
def running(mode: Mode, folder: Path) -> Iterator[Services]:
    http_port, udp_port = free_ports(2)
    sink = f"http://127.0.0.1:{http_port}"
    settings = settings_at(
        folder / mode.name.replace(" ", "_"),
        THREEMAPS_URL_OTLP_HTTP=sink,
        THREEMAPS_URL_AWS=sink,
        THREEMAPS_PORT_XRAY=str(udp_port),
    )
    settings.state.mkdir()
    environment = clean_environment()
    with contextlib.ExitStack() as stack:
        command = (sys.executable, "-m", "bench.sink", str(http_port), str(udp_port))
        stack.enter_context(started(command, environment, settings.state / "sink.log"))
        services = [
            stack.enter_context(
                started(
                    launched(service_command(settings, name, mode.tracing), mode),
                    environment
                    | service_environment(settings, name, mode.tracing)
                    | dict(mode.variables or {}),
                    settings.state / f"{name}.log",
                )
            )
            for name in SERVICES
        ]
        for name in SERVICES:
            wait_for_url(f"{settings.url(name)}/api/health")
        processes: list[Any] = [member for service in services for member in family(service)]
        yield Services(settings.ports["frontend_api"], processes)


def launched(command: list[str], mode: Mode) -> list[str]:
    return command if mode.launcher else [sys.executable, *command[1:]]
