"""Compare alone: three maps of 5,000 edges, one edge in a hundred counted differently."""

import random
import time
from datetime import UTC, datetime, timedelta

from bench.report import Report, median
from threemaps.compare import Source, Window, compare
from threemaps.servicemap import Edge, Node, ServiceMap

ABOUT = "the comparison alone, without reading"
EDGES = 5_000
SERVICES = 500
BACKENDS = ("honeycomb", "xray", "cloudwatch")

Pair = tuple[str, str]


def measure(report: Report) -> None:
    pairs = sorted(random_pairs(random.Random(1)))
    whole, tenth = (
        median(cpu_seconds_for(pairs[:count]) for _ in range(5)) for count in (EDGES, EDGES // 10)
    )
    report.add(f"three maps of {EDGES:,} edges", whole * 1000, "ms CPU", "≤ 200 ms")
    report.add("ten times the edges take", whole / tenth, "× as long")


def random_pairs(numbers: random.Random) -> set[Pair]:
    pairs: set[Pair] = set()
    while len(pairs) < EDGES:
        pairs.add((f"service-{numbers.randrange(SERVICES)}", f"service-{numbers.randrange(SERVICES)}"))
    return pairs


def cpu_seconds_for(pairs: list[Pair]) -> float:
    window = Window(datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC))
    sources = [
        Source(name, name, window, ServiceMap.of((), (edge(pair, index) for pair in pairs)))
        for index, name in enumerate(BACKENDS)
    ]
    began = time.process_time()
    compare(window, sources, lambda difference: difference)
    return time.process_time() - began


def edge(pair: Pair, source: int) -> Edge:
    requests = 100 + (source == len(BACKENDS) - 1 and hash(pair) % 100 == 0)
    return Edge(Node(pair[0]), Node(pair[1]), requests, 1, 10.0, None)
