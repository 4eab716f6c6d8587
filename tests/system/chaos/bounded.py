"""`python -m tests.system.chaos.bounded`: two hours of load in minutes, and what each process holds of it."""

import argparse
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import requests
import yaml

from tests.collector_process import wait_for
from tests.running import System
from tests.system.chaos.load import Load
from threemaps.account.log_group import make_log_group
from threemaps.account.metering import collector_samples
from threemaps.demo import lifecycle, processes, system
from threemaps.demo.collector import collector_binary
from threemaps.demo.processes import Spec
from threemaps.demo.resolved import write_resolved
from threemaps.settings import PROJECT, Settings

# Two hours of 30 home requests a second; each makes 8 spans.
SPANS = 2 * 3600 * 30 * 8
KEPT_MEGABYTES = 100.0
# A store's file holds what was deleted until that space is used again; it is looked at every 10 s.
STORE_MEGABYTES = 3 * KEPT_MEGABYTES
QUEUE_MEGABYTES = 4 * 268.4
LOG_MEGABYTES = 2 * 10.0 + 5
EMPTY_SECONDS = 900.0
MARKS = (0.0, 0.25, 0.5, 1.0)


@dataclass
class Holding:
    """Megabytes at each mark, and the most that was seen in between."""

    limit: float
    marks: list[float] = field(default_factory=list)
    most: float = 0.0


def memory_limits() -> dict[str, float]:
    """Those that the containers have."""
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    return {
        name: float(service["mem_limit"].removesuffix("m")) * 1.048576 for name, service in services.items()
    }


def small_specs(settings: Settings) -> list[Spec]:
    """The whole system as `up` starts it, with stand-ins that keep little."""
    binary = collector_binary(lambda line: None)
    command = (sys.executable, "-m", "tests.system.chaos.small")
    standins = [
        replace(spec, command=(*command, spec.name, str(KEPT_MEGABYTES)))
        for spec in system.local_specs(settings)
    ]
    services = system.service_specs(settings, system.parse_tracing("otel"))
    return [
        *standins,
        system.collector_spec(settings, binary),
        *services,
        system.web_spec(settings),
        system.guard_spec(settings, binary),
    ]


class Watch:
    """Looks at every process and folder once a second."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        limits = memory_limits()
        self._processes = processes.records(settings).load()
        self.memory = {name: Holding(limits[name]) for name in self._processes}
        stores = [path for path in settings.data.iterdir() if path.suffix == ".duckdb"]
        self._files = {f"store of {path.stem}": (path, STORE_MEGABYTES) for path in stores}
        self._files["queues"] = (settings.queue, QUEUE_MEGABYTES)
        self._files |= {
            f"log of {name}": (settings.logs / f"{name}.log", LOG_MEGABYTES) for name in self._processes
        }
        self.disk = {name: Holding(limit) for name, (_, limit) in self._files.items()}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Watch":
        self.mark()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def mark(self) -> None:
        for holding, now in self._look():
            holding.marks.append(now)

    def _run(self) -> None:
        while not self._ended.wait(1):
            self._look()

    def _look(self) -> list[tuple[Holding, float]]:
        seen = [(self.memory[name], resident(process)) for name, process in self._processes.items()]
        seen += [(self.disk[name], on_disk(path)) for name, (path, _) in self._files.items()]
        for holding, now in seen:
            holding.most = max(holding.most, now)
        return seen


def resident(process: lifecycle.Running) -> float:
    return sum(member.memory_info().rss for member in process.members()) / 1e6


def on_disk(path: Path) -> float:
    """With what stands beside a file: a store's log, a log's older half."""
    files = path.iterdir() if path.is_dir() else path.parent.glob(f"{path.name}*")
    total = 0
    for file in files:
        try:
            total += file.stat().st_blocks * 512
        except FileNotFoundError:  # a log of a store that was just written into it
            continue
    return total / 1e6


def run(settings: Settings, spans: int) -> tuple[Watch, Load]:
    load = Load(settings.url("otlp_http"))
    ended = threading.Event()
    visitor = threading.Thread(target=visit, args=(settings.url("frontend_api"), ended))
    with Watch(settings) as watch:
        visitor.start()
        for share in MARKS[1:]:
            while load.spans < share * spans:
                load.send()
            watch.mark()
            sys.stderr.write(f"{share:.0%} of {spans} spans\n")
        ended.set()
        visitor.join()
        wait_for(lambda: waiting(settings) == 0, EMPTY_SECONDS)
    return watch, load


def visit(url: str, ended: threading.Event) -> None:
    """One visitor who never stops, for the services' sake."""
    with requests.Session() as session:
        while not ended.is_set():
            session.get(f"{url}/api/activities/home", timeout=30)


def waiting(settings: Settings) -> float:
    samples = collector_samples(settings)
    return sum(one.value for one in samples if one.name == "exporter_queue_size")


def sent(settings: Settings, exporter: str) -> float:
    samples = [one for one in collector_samples(settings) if one.labels.get("exporter") == exporter]
    return sum(one.value for one in samples if one.name.startswith("exporter_sent_"))


def table(title: str, held: dict[str, Holding]) -> Iterable[str]:
    yield f"{title:<24}" + "".join(f"{f'{mark:.0%}':>8}" for mark in MARKS) + f"{'most':>8}{'limit':>8}"
    for name, one in held.items():
        cells = "".join(f"{value:>8.0f}" for value in (*one.marks, one.most, one.limit))
        yield f"{name:<24}{cells}" + ("" if one.most <= one.limit else "  BEYOND ITS LIMIT")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.system.chaos.bounded", description=__doc__)
    parser.add_argument("--spans", type=int, default=SPANS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = System.at(Path(folder) / "state").settings
        write_resolved(settings)
        lifecycle.bring_up(settings, small_specs(settings), lambda line: None)
        try:
            make_log_group(settings)
            watch, load = run(settings, options.spans)
            ends = {name: sent(settings, name) for name in ("otlp_http/honeycomb", "otlp_http/xray")}
        finally:
            lifecycle.bring_down(settings, lambda line: None)
    lines = [
        *table("MB of memory", watch.memory),
        "",
        *table("MB on disk", watch.disk),
        "",
        f"sent: {load.spans} spans and {load.lines} lines, with {load.refused} requests refused on the way,",
        "besides one visitor. Passed on: " + ", ".join(f"{name} {count:.0f}" for name, count in ends.items()),
    ]
    sys.stdout.write("\n".join([*lines, ""]))
    beyond = [one for held in (watch.memory, watch.disk) for one in held.values() if one.most > one.limit]
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
