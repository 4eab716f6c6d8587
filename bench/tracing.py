"""What tracing costs the services: CPU of all three for one home request, in several modes side by side.

As shipped: gunicorn, its config, real HTTP between the services. Two starts of the same services differ by
more than what is measured, so each turn starts all modes anew. A machine is not as fast in one minute as in
the next, so all of a turn run at the same time and are asked in short rounds, one after the other. What a
mode costs more than another is, for each turn, the median of its rounds' differences, and of these the median
of the turns, with the least and the most beside it. Sending is part of it: a round ends when the services are
idle again. A sink receives it.
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
from threemaps.tracing.environment import LEAN, OTEL, XRAY_SDK, service_command, service_environment

ABOUT = "CPU of the three services for one home request (8 spans, 4 log records)"
WARM_UP, REQUESTS = 300, 150
TURNS, ROUNDS = 4, 9
NO_LOGS = {"OTEL_LOGS_EXPORTER": "none", "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "false"}


Costs = dict[str, list[float]]  # a mode's, CPU seconds a request in each round


@dataclass(frozen=True, slots=True)
class Mode:
    """`launcher` false: gunicorn alone, nothing is traced."""

    name: str
    tracing: str = OTEL
    variables: Mapping[str, str] | None = None
    instrumentation: str = "stock"
    launcher: bool = True


OFF = Mode("telemetry off", launcher=False)
XRAY = Mode("aws-xray-sdk, sampling off, spans only", XRAY_SDK, {"CLOUDWATCH_LOGS": "collector"})
MODES = (
    OFF,
    Mode("OpenTelemetry lean, spans and log records", instrumentation=LEAN),
    Mode("OpenTelemetry lean, spans only", variables=NO_LOGS, instrumentation=LEAN),
    Mode("OpenTelemetry stock, spans and log records (default)"),
    Mode("OpenTelemetry stock, spans only", variables=NO_LOGS),
    XRAY,
)


def measure(report: Report) -> None:
    turns = [side_by_side(turn) for turn in range(TURNS)]
    report.add(OFF.name, median(median(turn[OFF.name]) for turn in turns) * 1e6, "µs/request")
    for mode in MODES[1:]:
        added = [more(turn, mode, OFF) for turn in turns]
        report.add(f"{mode.name}: adds", median(added), "µs/request")
        report.say("… by turn", f"{min(added):,.0f} to {max(added):,.0f} µs/request")
        if mode is not XRAY:
            beside = [more(turn, mode, XRAY) for turn in turns]
            report.add("… more than aws-xray-sdk", median(beside), "µs/request", "< 0")
            report.say("… by turn", f"{min(beside):,.0f} to {max(beside):,.0f} µs/request")


def more(costs: Costs, mode: Mode, other: Mode) -> float:
    """Microseconds a request that the one costs more than the other, in the median of the rounds."""
    return median(one - two for one, two in zip(costs[mode.name], costs[other.name], strict=True)) * 1e6


def side_by_side(turn: int) -> Costs:
    """Who begins changes from turn to turn and from round to round."""
    costs: Costs = {mode.name: [] for mode in MODES}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        services = {
            mode.name: stack.enter_context(running(mode, Path(folder) / str(number)))
            for number, mode in enumerate(MODES)
        }
        for one in services.values():
            one.send(WARM_UP)  # caches fill, connections are made
        for number in range(ROUNDS):
            begin = (turn + number) % len(MODES)
            for mode in MODES[begin:] + MODES[:begin]:
                costs[mode.name].append(services[mode.name].cost(REQUESTS))
    return costs


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
        folder / "state",
        THREEMAPS_URL_OTLP_HTTP=sink,
        THREEMAPS_URL_AWS=sink,
        THREEMAPS_PORT_XRAY=str(udp_port),
        THREEMAPS_INSTRUMENTATION=mode.instrumentation,
    )
    settings.state.mkdir(parents=True)
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
