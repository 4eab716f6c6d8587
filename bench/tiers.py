"""What a span costs each of two tiers: an agent that spreads requests over three gateways, and the gateways.

An agent passes on each request as it comes, so their size matters: 500 spans, as an SDK sends under load, and
16, as one sends twice a second. Behind the gateways is a sink. A turn ends when all are idle again.
"""

import contextlib
import random
import sys
import tempfile
from pathlib import Path

import psutil
import requests

from bench import spans
from bench.collector import MARK, ROUNDS
from bench.processes import cpu_seconds, started, wait_until_idle
from bench.report import Report, median
from tests.collector_process import CollectorProcess
from tests.component.deploy.tiers import tiers_in
from tests.running import clean_environment, free_ports

ABOUT = "CPU for one span of ten attributes, agent and gateways"
GATEWAYS = 3
SIZES = {500: 24, 16: 300}  # spans a request, and how many of these a turn has


def measure(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        sink_port, udp_port = free_ports(2)
        command = (sys.executable, "-m", "bench.sink", str(sink_port), str(udp_port))
        stack.enter_context(started(command, clean_environment(), Path(folder) / "sink.log"))
        sink = f"http://127.0.0.1:{sink_port}"
        tiers = stack.enter_context(tiers_in(Path(folder), {"honeycomb": sink, "aws": sink}))
        gateways = [tiers.gateway().start() for _ in range(GATEWAYS)]
        tiers.route(gateways)
        agent = tiers.agent().start()
        for size, count in SIZES.items():
            turns = [one_turn(template(turn, size), count, agent, gateways) for turn in range(ROUNDS + 1)][1:]
            costs = [[turn[tier] / size / count * 1e6 for turn in turns] for tier in (0, 1)]
            report.add(f"agent, {size} spans a request", median(costs[0]), "µs/span")
            report.add(f"gateways together, {size} spans a request", median(costs[1]), "µs/span")
        report.add("memory of the agent", memory(agent), "MB")
        report.add("memory of a gateway", median(map(memory, gateways)), "MB")


def template(turn: int, size: int) -> bytes:
    return spans.body(random.Random(turn), size, mark=MARK)


def one_turn(
    template: bytes, count: int, agent: CollectorProcess, gateways: list[CollectorProcess]
) -> tuple[float, float]:
    """Seconds of CPU: the agent's, and those of all gateways. The first turn fills caches."""
    processes = [psutil.Process(one.pid) for one in (agent, *gateways)]
    before = [cpu_seconds([one]) for one in processes]
    with requests.Session() as session:
        for _ in range(count):
            session.post(
                f"{agent.otlp_http}/v1/traces",
                template.replace(MARK, random.randbytes(len(MARK))),
                headers={"Content-Type": "application/x-protobuf"},
                timeout=60,
            ).raise_for_status()
    wait_until_idle(processes)
    used = [cpu_seconds([one]) - earlier for one, earlier in zip(processes, before, strict=True)]
    return used[0], sum(used[1:])


def memory(process: CollectorProcess) -> float:
    return float(psutil.Process(process.pid).memory_info().rss / 1e6)
