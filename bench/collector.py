"""What a span costs the collector: the shipped configuration, parts of it, and a naive one, side by side.

All run at the same time and take turns; behind them is a sink. A turn ends when the collector is idle again.
"""

import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests
import yaml

from bench import spans
from bench.processes import cpu_seconds, settings_at, started, wait_for_url, wait_until_idle
from bench.report import Report, median
from tests.running import clean_environment, free_ports
from threemaps.demo.collector import collector_binary
from threemaps.demo.resolved import CONFIG, collector_environment, write_resolved

ABOUT = "CPU of the collector for one span of ten attributes"
NAIVE = Path(__file__).with_name("naive.yaml")
BODIES = 24
MARK = b"\xab" * 4 + b"mark"
SPANS_PER_BODY = 500
# What a collector takes that nobody told: the launcher gives ours one.
ALL_CORES = {"GOMAXPROCS": str(os.cpu_count())}
ROUNDS = 5

Config = dict[str, Any]
Change = Callable[[Config], None]


@dataclass(frozen=True, slots=True)
class Variation:
    name: str
    base: Path = CONFIG
    change: Change = lambda _: None
    environment: Mapping[str, str] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def without_redaction(config: Config) -> None:
    config["service"]["pipelines"]["traces/in"]["processors"] = ["memory_limiter", "transform/peer"]


def only(*exporters: str) -> Change:
    def change(config: Config) -> None:
        pipelines = config["service"]["pipelines"]
        pipelines["traces/in"]["exporters"] = list(exporters)
        if "failover/map" not in exporters:
            for name in ("traces/entries", "traces/calls", "metrics/map", "metrics/emf", "metrics/out_emf"):
                del pipelines[name]

    return change


def in_memory(config: Config) -> None:
    for name in ("otlp_grpc/honeycomb", "otlp_grpc/xray", "otlp_grpc/emf"):
        del config["exporters"][name]["sending_queue"]["storage"]


def naive_leg(exporter: str) -> Change:
    def change(config: Config) -> None:
        config["service"]["pipelines"]["traces"]["exporters"] = [exporter]

    return change


SHIPPED = Variation("three legs, durable (as shipped)")
BY_OTLP = Variation("three legs, durable, X-Ray by OTLP", settings={"THREEMAPS_XRAY_DOOR": "otlp"})
PLAIN = Variation(
    "two legs, naive: no queue on disk, no redaction, no CloudWatch", NAIVE, environment=ALL_CORES
)
VARIATIONS = (
    SHIPPED,
    PLAIN,
    Variation("three legs, durable, on all cores", environment=ALL_CORES),
    Variation("three legs, durable, without redaction", change=without_redaction),
    Variation("three legs, queues in memory", change=in_memory),
    Variation("Honeycomb leg alone, durable", change=only("otlp_grpc/honeycomb")),
    Variation("X-Ray leg alone, durable", change=only("otlp_grpc/xray")),
    BY_OTLP,
    Variation("X-Ray leg alone by OTLP, durable", change=only("otlp_grpc/xray"), settings=BY_OTLP.settings),
    Variation("CloudWatch map alone, durable", change=only("failover/map")),
    Variation("Honeycomb leg alone, naive", NAIVE, naive_leg("otlp_http/honeycomb"), ALL_CORES),
    Variation("X-Ray leg alone, naive", NAIVE, naive_leg("awsxray"), ALL_CORES),
)


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
    for what, one in (("as shipped", SHIPPED), ("X-Ray by OTLP", BY_OTLP)):
        if {one.name, PLAIN.name} <= costs.keys():
            # In pairs: what else the machine does at the time weighs on both.
            ratio = median(a / b for a, b in zip(costs[one.name], costs[PLAIN.name], strict=True))
            report.add(f"{what}, of the naive one", ratio, "×", "≤ 1")


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
    told = {"THREEMAPS_URL_HONEYCOMB": sink, "THREEMAPS_URL_AWS": sink, **variation.settings}
    settings = settings_at(state, **told)
    write_resolved(settings)
    config = yaml.safe_load(variation.base.read_text())
    variation.change(config)
    path = state / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **collector_environment(settings),
        **(variation.environment or {}),
    }
    with started((str(binary), "--config", str(path)), environment, state / "collector.log") as process:
        wait_for_url(settings.url("health"))
        yield process, settings.url("otlp_http")
