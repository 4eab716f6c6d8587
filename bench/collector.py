"""What a span costs the collector: the core, its parts, and a naive one, side by side.

All run at the same time and take turns; behind them is a sink. A turn ends when the collector is idle again.
"""

import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from bench import spans
from bench.processes import cpu_seconds, settings_at, started, wait_for_url, wait_until_idle
from bench.report import Report, median
from tests.running import clean_environment, free_ports
from threemaps.demo.collector import collector_binary
from threemaps.demo.resolved import CONFIG, PARTS, collector_environment, config_files, write_resolved

ABOUT = "CPU of the collector for one span of ten attributes"
BODIES = 24
MARK = b"\xab" * 4 + b"mark"
SPANS_PER_BODY = 500
# A collector's default; the launcher gives ours one core.
GO = {"GOMAXPROCS": str(os.cpu_count()), "GOGC": "100", "GOMEMLIMIT": "off"}
ONE_CORE = GO | {"GOMAXPROCS": "1"}
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Variation:
    name: str
    configs: tuple[Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def parts(*names: str) -> tuple[Path, ...]:
    return (CONFIG, *(PARTS / f"{name}.yaml" for name in names))


NAIVE = Variation("naive: two OTLP exporters, nothing on disk", (Path(__file__).with_name("naive.yaml"),), GO)
CORE = Variation("core alone, Go's defaults", (CONFIG,), ONE_CORE)
SHIPPED = Variation("all parts, as shipped", config_files("otlp"))
VARIATIONS = (
    NAIVE,
    CORE,
    SHIPPED,
    Variation("core alone, as the launcher starts it", (CONFIG,)),
    Variation("core and keep-refused", parts("keep-refused", "x-ray-otlp")),
    Variation("core, keep-refused and names", parts("names", "keep-refused", "x-ray-otlp")),
    Variation("core, keep-refused and masking", parts("masking", "keep-refused", "x-ray-otlp")),
    Variation("all parts, X-Ray by segments", config_files("segments")),
)
GOALS = ((CORE, "≤ 1.8"), (SHIPPED, "≤ 2.6"))


def measure(report: Report, variations: tuple[Variation, ...] = VARIATIONS) -> None:
    binary = collector_binary(print)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        sink_port, udp_port = free_ports(2)
        command = (sys.executable, "-m", "bench.sink", str(sink_port), str(udp_port))
        stack.enter_context(started(command, clean_environment(), Path(folder) / "sink.log"))
        sink = f"http://127.0.0.1:{sink_port}"
        running = {
            variation.name: stack.enter_context(
                collector(variation, binary, Path(folder) / str(number), sink)
            )
            for number, variation in enumerate(variations)
        }
        costs: dict[str, list[float]] = {name: [] for name in running}
        for turn in range(ROUNDS + 1):
            for name, (process, url) in running.items():
                cost = one_turn(process, url, turn)
                costs[name] += [cost] if turn else []  # the first fills caches
    for name, found in costs.items():
        report.add(name, median(found) * 1e6, "µs/span")
    for one, goal in GOALS:
        if {one.name, NAIVE.name} <= costs.keys():
            # In pairs: what else the machine does at the time weighs on both.
            ratio = median(a / b for a, b in zip(costs[one.name], costs[NAIVE.name], strict=True))
            report.add(f"{one.name}, of the naive one", ratio, "×", goal)


def one_turn(process: psutil.Process, url: str, turn: int) -> float:
    # The time of a span is read out of its trace's id: a template is made for each turn.
    template = spans.body(random.Random(turn), SPANS_PER_BODY, mark=MARK)
    bodies = [template.replace(MARK, random.randbytes(len(MARK))) for _ in range(BODIES if turn else 6)]
    before = cpu_seconds([process])
    with requests.Session() as session:
        for body in bodies:
            session.post(
                f"{url}/v1/traces", body, headers={"Content-Type": "application/x-protobuf"}, timeout=60
            ).raise_for_status()
    wait_until_idle([process])
    return (cpu_seconds([process]) - before) / (len(bodies) * SPANS_PER_BODY)


@contextlib.contextmanager
def collector(
    variation: Variation, binary: Path, state: Path, sink: str
) -> Iterator[tuple[psutil.Process, str]]:
    settings = settings_at(state, THREEMAPS_URL_HONEYCOMB=sink, THREEMAPS_URL_AWS=sink)
    write_resolved(settings)
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **collector_environment(settings),
        **variation.environment,
    }
    command = (str(binary), *(f"--config={path}" for path in variation.configs))
    with started(command, environment, state / "collector.log") as process:
        wait_for_url(settings.url("health"))
        yield process, settings.url("otlp_http")
