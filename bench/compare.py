"""Compare alone: three maps of 5,000 edges, alike but for one edge in a hundred, and all different."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bench.report import Report, median
from threemaps.diagnose import expected
from threemaps.model.diff import differences, merged
from threemaps.model.difference import Source, Window
from threemaps.model.servicemap import Edge, Node, ServiceMap

ABOUT = "the comparison alone, without reading"
EDGES = 5_000
SERVICES = 500
BACKENDS = ("honeycomb", "xray", "cloudwatch")
ROUNDS = 5

Pair = tuple[str, str]
Count = Callable[[int, int], int]


def measure(report: Report) -> None:
    pairs = sorted(random_pairs(random.Random(1)))
    whole, tenth = (median_cpu(pairs[:count], one_in_a_hundred) for count in (EDGES, EDGES // 10))
    report.add(f"three maps of {EDGES:,} edges", whole * 1000, "ms CPU", "≤ 200 ms")
    report.add("ten times the edges take", whole / tenth, "× as long")
    different = median_cpu(pairs, lambda number, source: 100 + source)
    report.add(f"three maps of {EDGES:,} edges, all different", different * 1000, "ms CPU", "≤ 200 ms")


def random_pairs(numbers: random.Random) -> set[Pair]:
    pairs: set[Pair] = set()
    while len(pairs) < EDGES:
        pairs.add((f"service-{numbers.randrange(SERVICES)}", f"service-{numbers.randrange(SERVICES)}"))
    return pairs


def one_in_a_hundred(number: int, source: int) -> int:
    return 100 + (source == len(BACKENDS) - 1 and number % 100 == 0)


def median_cpu(pairs: list[Pair], count: Count) -> float:
    return median(cpu_seconds_for(pairs, count) for _ in range(ROUNDS))


def cpu_seconds_for(pairs: list[Pair], count: Count) -> float:
    window = Window(datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC))
    sources = [Source(name, name, window, drawn(pairs, index, count)) for index, name in enumerate(BACKENDS)]
    began = time.process_time()
    list(merged(expected(sources, differences(sources))))
    return time.process_time() - began


def drawn(pairs: list[Pair], source: int, count: Count) -> ServiceMap:
    edges = (
        Edge(Node(caller), Node(called), count(number, source), 1, 10.0, None)
        for number, (caller, called) in enumerate(pairs)
    )
    return ServiceMap.of((), edges)
