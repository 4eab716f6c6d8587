"""What a span costs each of two tiers: an agent that spreads spans over three gateways, and the gateways.

Behind the gateways is a sink. A turn ends when all are idle again.
"""

import contextlib
import random
import sys
import tempfile
from pathlib import Path

import psutil
import requests

from bench import spans
from bench.collector import BODIES, MARK, ROUNDS, SPANS_PER_BODY
from bench.processes import cpu_seconds, started, wait_until_idle
from bench.report import Report, median
from tests.collector_process import CollectorProcess
from tests.component.deploy.tiers import tiers_in
from tests.running import clean_environment, free_ports

ABOUT = "CPU for one span of ten attributes, agent and gateways"
GATEWAYS = 3


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
        turns = [one_turn(turn, agent, gateways) for turn in range(ROUNDS + 1)][1:]  # the first fills caches
        report.add("agent", median(agent_cost for agent_cost, _ in turns) * 1e6, "µs/span")
        report.add("gateways together", median(cost for _, cost in turns) * 1e6, "µs/span")
        report.add("memory of the agent", memory(agent), "MB")
        report.add("memory of a gateway", median(map(memory, gateways)), "MB")


def one_turn(turn: int, agent: CollectorProcess, gateways: list[CollectorProcess]) -> tuple[float, float]:
    processes = [psutil.Process(one.pid) for one in (agent, *gateways)]
    template = spans.body(random.Random(turn), SPANS_PER_BODY, mark=MARK)
    bodies = [template.replace(MARK, random.randbytes(len(MARK))) for _ in range(BODIES)]
    before = [cpu_seconds([one]) for one in processes]
    with requests.Session() as session:
        for body in bodies:
            session.post(
                f"{agent.otlp_http}/v1/traces",
                body,
                headers={"Content-Type": "application/x-protobuf"},
                timeout=60,
            ).raise_for_status()
    wait_until_idle(processes)
    used = [cpu_seconds([one]) - earlier for one, earlier in zip(processes, before, strict=True)]
    sent = BODIES * SPANS_PER_BODY
    return used[0] / sent, sum(used[1:]) / sent


def memory(process: CollectorProcess) -> float:
    return float(psutil.Process(process.pid).memory_info().rss / 1e6)
