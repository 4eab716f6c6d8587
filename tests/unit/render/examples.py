"""Comparisons to draw: the demo's triangle, a broken pipeline, hostile names, a crowd."""

import random
from datetime import UTC, datetime, timedelta

from threemaps.model.diff import differences, merged
from threemaps.model.difference import Comparison, Difference, Source, Window
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(minutes=15))

OUTSIDE = Node.outside()
FRONT, ACTIVITIES, USERS = Node("frontend_api"), Node("activities"), Node("users")
REDIS = Node("redis:6379", Kind.REMOTE)

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202egnp.exe\u2066right to left\u200f",
    "x" * 10_000,
    "nul\0byte\x1b[31mred\x07\r\n\t",
    "👩‍👩‍👧‍👦 family 日本語サービス",
    "]]></style></title><svg onload=alert(1)>",
    '`${x}` end #quot; &amp; \\N \\" %% ;',
    "z\u0301\u0302\u0303\u0304\u0305\u0306algo\udcff\ufffe",
    "end",
    "",
)


def explained(one: Difference) -> Difference:
    from dataclasses import replace

    outside = Node.outside() in (one.source, one.target)
    if (
        outside
        or (one.source and one.source.kind is Kind.REMOTE)
        or (one.target and one.target.kind is Kind.REMOTE)
    ):
        return replace(one, expected=True, cause="Honeycomb draws no callers from outside")
    return replace(
        one,
        cause="the X-Ray pipeline's queue is still draining",
        evidence=("12 spans wait in the queue of the X-Ray pipeline",),
        advice="wait a minute, then run threemaps doctor",
    )


def comparison(**maps: ServiceMap | None) -> Comparison:
    sources = [Source(name, name, WINDOW, found) for name, found in maps.items()]
    found = tuple(merged(map(explained, differences(sources))))
    return Comparison(WINDOW, dict(maps), found, {source.name: source for source in sources})


def triangle(requests: int = 40, *, errors: int = 0) -> list[Edge]:
    return [
        Edge(FRONT, ACTIVITIES, requests, errors, 12.34, 31.0),
        Edge(FRONT, USERS, requests, 0, 4.2, 9.0),
        Edge(ACTIVITIES, USERS, requests, errors, 3.9, 8.0),
    ]


def agreeing() -> Comparison:
    outside = Edge(OUTSIDE, FRONT, 40, 0, 22.0, 50.0)
    bare = [Edge(edge.source, edge.target, edge.requests) for edge in triangle()]
    return comparison(
        honeycomb=ServiceMap.of((), bare),
        xray=ServiceMap.of((), [outside, *triangle()]),
        cloudwatch=ServiceMap.of((), [outside, *triangle()]),
    )


def differing() -> Comparison:
    outside = Edge(OUTSIDE, FRONT, 40, 3, 22.0, 50.0)
    bare = [Edge(edge.source, edge.target, edge.requests) for edge in triangle()]
    remote = Edge(USERS, REDIS, 40, 0, 0.4, 1.0)
    return comparison(
        honeycomb=ServiceMap.of((), bare),
        xray=ServiceMap.of((), [outside, remote, *triangle(errors=3)[:2]]),
        cloudwatch=ServiceMap.of(
            (), [outside, remote, *triangle(38, errors=3)[:1], *triangle(40, errors=3)[1:]]
        ),
    )


def unreadable() -> Comparison:
    return comparison(
        honeycomb=None, xray=ServiceMap.of((), triangle()), cloudwatch=ServiceMap.of((), triangle())
    )


def empty() -> Comparison:
    return comparison(honeycomb=ServiceMap(), xray=ServiceMap(), cloudwatch=ServiceMap())


def hostile() -> Comparison:
    nodes = [Node(name) for name in HOSTILE]
    ring = [Edge(one, other, 3, 1, 2.5) for one, other in zip(nodes, [*nodes[1:], nodes[0]], strict=True)]
    loops = [Edge(node, node, 1) for node in nodes[:2]]
    return comparison(
        honeycomb=ServiceMap.of((Node("alone"),), ring),
        xray=ServiceMap.of((), [*ring[1:], *loops]),
        **{HOSTILE[0]: ServiceMap.of((), ring)},
    )


def crowd(nodes: int = 500, edges: int = 5000) -> Comparison:
    chance = random.Random(7)
    names = [Node(f"service-{number:03}-of-the-shop") for number in range(nodes)]
    pairs: set[tuple[Node, Node]] = set()
    while len(pairs) < edges:
        pairs.add((chance.choice(names), chance.choice(names)))
    drawn = [Edge(*pair, chance.randrange(1, 100_000), chance.randrange(3), 5.0) for pair in sorted(pairs)]
    whole = ServiceMap.of(names, drawn)
    return comparison(honeycomb=whole, xray=ServiceMap.of(names, drawn[3:]), cloudwatch=whole)
