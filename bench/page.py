"""The page alone: what the server draws and sends, of maps in memory. Each update's maps are read anew."""

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson

from bench.report import Report, median
from threemaps.model.difference import Comparison, Window
from threemaps.model.servicemap import Edge, Node, ServiceMap
from threemaps.web.picture import NODES, Picture, picture
from threemaps.web.view import View

ABOUT = "the page: its first picture and its updates, drawn from maps in memory"
BACKENDS = ("honeycomb", "xray", "cloudwatch")
NAMES = ("cart", "pay", "user", "ship", "stock", "mail", "auth", "feed", "ads", "geo", "media", "risk")
UPDATES = 15
WINDOW = Window(datetime.now(UTC) - timedelta(minutes=15), datetime.now(UTC))


def measure(report: Report) -> None:
    for nodes, edges in ((3, 4), (500, 5_000), (2_000, 8_000)):
        first = drawn(crowd(nodes, edges))
        what = f"{nodes:,} services, {edges:,} edges"
        report.add(f"{what}: first picture", first[1] * 1000, "ms CPU")
        report.add(f"{what}: pieces of the first page", first_page_bytes(first[0]) / 1e6, "MB", "≤ 1 MB")
        seconds, sent = updates(crowd(nodes, edges), first[0])
        report.add(f"{what}: an update, one edge in every map", median(seconds) * 1000, "ms CPU", "≤ 50 ms")
        report.add(f"{what}: sent for it", median(sent) / 1e3, "kB")


def crowd(nodes: int, edges: int) -> list[Edge]:
    """Always the same services and calls."""
    chance = random.Random(7)
    names = [Node(f"{chance.choice(NAMES)}-{chance.choice(NAMES)}-{number}") for number in range(nodes)]
    pairs: set[tuple[Node, Node]] = set()
    while len(pairs) < edges:
        pairs.add((chance.choice(names), chance.choice(names)))
    return [Edge(*pair, chance.randrange(1, 9_999), chance.randrange(3), 5.0, 9.0) for pair in sorted(pairs)]


def read(edges: list[Edge]) -> Comparison:
    """As readers hand it over: no map shares an object with one that was read before."""

    def anew(node: Node) -> Node:
        return Node(node.name, node.kind)

    maps = {
        name: ServiceMap.of(
            (), (replace(one, source=anew(one.source), target=anew(one.target)) for one in edges)
        )
        for name in BACKENDS
    }
    return Comparison(WINDOW, maps)


def drawn(edges: list[Edge], before: Picture | None = None) -> tuple[Picture, float]:
    comparison = read(edges)
    began = time.process_time()
    return picture(time.time_ns(), comparison, View(), before), time.process_time() - began


def first_page_bytes(found: Picture) -> int:
    maps = range(len(BACKENDS) + 1)
    bodies = [found.whole(index, NODES) if index in found.later else found.whole(index) for index in maps]
    return sum(len(text) for text in (*bodies, *found.rows.values()))


def updates(edges: list[Edge], before: Picture) -> tuple[list[float], list[int]]:
    """One call more on one edge, each time on another: CPU seconds with the diff and its JSON, and bytes."""
    seconds, sent = [], []
    for known, latest, took in _updates(edges, before):
        began = time.process_time()
        text = orjson.dumps(latest.changes(known))
        seconds.append(took + time.process_time() - began)
        sent.append(len(text))
    return seconds, sent


def _updates(edges: list[Edge], before: Picture) -> Iterator[tuple[Picture, Picture, float]]:
    for number in range(UPDATES):
        place = number % len(edges)
        edges[place] = replace(edges[place], requests=(edges[place].requests or 0) + 1)
        latest, took = drawn(edges, before)
        yield before, latest, took
        before = latest
