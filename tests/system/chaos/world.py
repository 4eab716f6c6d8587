"""The real collector and the real stand-ins, with a proxy between them that can misbehave."""

import contextlib
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import requests

from tests.collector_process import CollectorProcess, settings_at, wait_for
from tests.running import clean_environment, free_ports
from tests.system.chaos.proxy import Fault, Ledger, Proxy
from threemaps.account.log_group import make_log_group
from threemaps.diagnose.losses import losses, sent_again
from threemaps.diagnose.recorder import Recorder
from threemaps.settings import PROJECT, Settings

# The collector's components, and the pipeline that they are on.
PIPELINE_OF = {
    "otlp_grpc/honeycomb": "honeycomb",
    "otlp_http/honeycomb": "honeycomb",
    "otlp_grpc/xray": "xray",
    "otlp_http/xray": "xray",
    "awsxray": "xray",
    "otlp_grpc/logs": "logs",
    "otlp_http/cloudwatch_logs": "logs",
}
LOOKS = 3  # of the recorder, until it believes what it sees


class World:
    def __init__(self, state: Path, ingest: str) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.state = state
        self.random = random.Random()
        self.faults: dict[str, Fault] = {}
        self.ledger = Ledger()
        self.ports = dict(zip(("honeycomb", "aws"), free_ports(2), strict=True))
        self.standins: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **clean_environment(),
            "THREEMAPS_STATE": str(state),
            "THREEMAPS_ENV_FILE": os.devnull,
            **{f"THREEMAPS_PORT_{name.upper()}": str(port) for name, port in self.ports.items()},
        }
        self.proxies = {
            "honeycomb": Proxy(self.ports["honeycomb"], "honeycomb", self.faults, self.ledger),
            "aws": Proxy(self.ports["aws"], "", self.faults, self.ledger),
        }
        urls = {name: proxy.url for name, proxy in self.proxies.items()}
        self.collector = CollectorProcess(settings_at(state, **urls, THREEMAPS_XRAY_INGEST=ingest))
        self.recorder = Recorder(self.collector.settings)
        # The readers ask the stand-ins themselves.
        metrics = self.collector.settings.ports["collector_metrics"]
        self.environment["THREEMAPS_PORT_COLLECTOR_METRICS"] = str(metrics)
        self.readers = Settings.load(self.environment)

    @classmethod
    @contextlib.contextmanager
    def running(cls, state: Path, ingest: str = "otlp") -> Iterator["World"]:
        world = cls(state, ingest)
        try:
            for name in world.ports:
                world.start_standin(name)
            world.collector.start()
            make_log_group(world.readers)
            yield world
        finally:
            world.collector.stop()
            for name in list(world.standins):
                world.standins[name].terminate()
                world.standins[name].wait(60)
            for proxy in world.proxies.values():
                proxy.close()

    def start_standin(self, name: str) -> None:
        with (self.state / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "threemaps.standins", name],
                env=self.environment,
                cwd=PROJECT,
                stdout=log,
                stderr=log,
            )
        self.standins[name] = process
        wait_for(lambda: self._healthy(name), 90)

    def kill_standin(self, name: str) -> None:
        self.standins[name].kill()
        self.standins[name].wait(60)

    def _healthy(self, name: str) -> bool:
        assert self.standins[name].poll() is None, f"{name} ended: {self.state}/{name}.log"
        try:
            return requests.get(f"http://127.0.0.1:{self.ports[name]}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    @contextlib.contextmanager
    def faulty(self, fault: Fault, *pipelines: str) -> Iterator[None]:
        """Ends only when each of the pipelines has met the fault."""
        self.ledger.hit.clear()
        self.faults |= dict.fromkeys(pipelines, fault)
        try:
            yield
            wait_for(lambda: set(pipelines) <= set(self.ledger.hit), 90)
        finally:
            self.faults.clear()

    def recorded(self) -> tuple[Counter[str], Counter[str]]:
        """What was lost and what was sent again, by pipeline, as `status` and `doctor` say it."""
        for _ in range(LOOKS):
            self.recorder.look()
        lost, again = Counter[str](), Counter[str]()
        for loss in losses(self.collector.settings):
            lost[PIPELINE_OF.get(loss.who, loss.who)] += loss.count
        for one in sent_again(self.collector.settings):
            again[PIPELINE_OF[one.who]] += one.count
        return lost, again
