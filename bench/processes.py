"""Processes to measure: started on ports of their own, asked for the CPU and memory they used, stopped."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import requests

from tests.running import clean_environment, free_ports
from threemaps.settings import PORTS, PROJECT, Settings

START_SECONDS = 60.0


@contextlib.contextmanager
def started(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[psutil.Process]:
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextlib.contextmanager
def standin(name: str, settings: Settings) -> Iterator[psutil.Process]:
    environment = {
        **clean_environment(),
        "THREEMAPS_STATE": str(settings.state),
        "THREEMAPS_ENV_FILE": os.devnull,
        f"THREEMAPS_PORT_{name.upper()}": str(settings.ports[name]),
    }
    settings.state.mkdir(parents=True, exist_ok=True)
    command = (sys.executable, "-m", "threemaps.standins", name)
    with started(command, environment, settings.state / f"{name}.log") as process:
        wait_for_url(f"{settings.url(name)}/healthz")
        yield process


def settings_at(state: Path, **variables: str) -> Settings:
    ports = zip(PORTS, free_ports(len(PORTS)), strict=True)
    return Settings.load(
        {
            **{f"THREEMAPS_PORT_{name.upper()}": str(port) for name, port in ports},
            "THREEMAPS_STATE": str(state),
            "THREEMAPS_ENV_FILE": os.devnull,
            **variables,
        }
    )


def wait_for_url(url: str) -> None:
    def answers() -> bool:
        try:
            return requests.get(url, timeout=2).ok
        except requests.RequestException:
            return False

    wait_until(answers, START_SECONDS, f"no answer from {url}")


def wait_until(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{otherwise} within {seconds:g} s")
        time.sleep(0.02)


def family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """User and system time that they have used so far."""
    return sum(_cpu_seconds(process) for process in processes)


def _cpu_seconds(process: psutil.Process) -> float:
    if sys.platform == "linux":
        # clock_getcpuclockid(3), which Python lacks: nanoseconds where /proc has hundredths of a second.
        return time.clock_gettime(~process.pid << 3 | 2)
    times = process.cpu_times()
    return times.user + times.system


def wait_until_idle(processes: Sequence[psutil.Process], seconds: float = 20.0) -> None:
    """Until they have used next to no CPU for half a second: what they do behind the answers counts too."""
    deadline = time.monotonic() + seconds
    before = cpu_seconds(processes)
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = cpu_seconds(processes)
        if now - before <= 0.02 * len(processes):
            return
        before = now
