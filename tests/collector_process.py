"""The real collector with the real configuration, on ports and in a folder of its own."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from tests.running import own_variables
from tests.wider_collector import say
from threemaps.demo.collector import collector_binary
from threemaps.demo.health import wait_until
from threemaps.demo.resolved import collector_environment, config_files, write_resolved
from threemaps.demo.room import FILE
from threemaps.diagnose.collector import Sample, parse_metrics
from threemaps.settings import Settings

START_SECONDS = 90.0  # a cold start on a machine that does other things


def wait_for(what: Callable[[], object], seconds: float = 60.0) -> None:
    """Until it is true; an error that names the condition otherwise."""
    assert wait_until(what, seconds, 0.02), f"not within {seconds} s: {getattr(what, '__name__', what)}"


def settings_at(state: Path, *, honeycomb: str, aws: str, **variables: str) -> Settings:
    """Settings with free ports whose stand-ins are at the given addresses."""
    vendors = {"THREEMAPS_URL_HONEYCOMB": honeycomb, "THREEMAPS_URL_AWS": aws}
    return Settings.load({**own_variables(state), **vendors, **variables})


class CollectorProcess:
    """Start, stop, kill and ask a collector. Its log is `log`, its queue is in `settings.queue`.

    `configs` are laid over each other: those of the launcher unless told otherwise. `values` are files beside
    the resolved settings.
    """

    def __init__(
        self,
        settings: Settings,
        configs: tuple[Path, ...] = (),
        values: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings
        self.configs = configs or (*config_files(settings.xray_ingest), settings.run / FILE)
        self.values, self.environment = values or {}, environment or {}
        self.log = settings.logs / "collector.log"
        self.binary = collector_binary(say)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "CollectorProcess":
        write_resolved(self.settings)
        for name, value in self.values.items():
            (self.settings.run / name).write_text(value)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        surroundings = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.binary, *(f"--config={config}" for config in self.configs)],
                env={**surroundings, **collector_environment(self.settings), **self.environment},
                stdout=log,
                stderr=log,
            )
        wait_for(self._healthy_or_gone, START_SECONDS)
        assert self.running, f"the collector ended while starting:\n{self.log.read_text()[-3000:]}"
        return self

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9: nothing is flushed, nothing is said good-bye to."""
        self._end(signal.SIGKILL)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def otlp_http(self) -> str:
        return f"http://127.0.0.1:{self.settings.ports['otlp_http']}"

    def samples(self) -> list[Sample]:
        """Its own metrics, as doctor and compare read them."""
        return list(parse_metrics(requests.get(self.settings.url("collector_metrics") + "/metrics").text))

    def metric(self, name: str, **labels: str) -> float:
        return sum(
            sample.value
            for sample in self.samples()
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def _healthy_or_gone(self) -> bool:
        try:
            return requests.get(self.settings.url("health"), timeout=1).ok
        except requests.RequestException:
            return not self.running

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
