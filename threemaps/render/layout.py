"""One layered layout: callers before callees, edges around the boxes. Same graph, same places.

graphlay places and routes. This module knows numbers only: nodes are 0..count-1, edges are pairs of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import graphlay

NODE_WIDTH, NODE_HEIGHT = 164.0, 56.0
LABEL_WIDTH, LABEL_HEIGHT = 128.0, 30.0
MARGIN = 18.0
# A map that would be wider than this when drawn downwards is drawn from left to right if that is narrower.
WIDEST = 1_000.0
# Beyond this many edges, routing each takes longer than anybody wants to wait, and nobody could follow one:
# the edges of a spanning forest are routed, and the others are straight lines behind the boxes.
MOST_ROUTED = 240

Pair = tuple[int, int]

OPTIONS = {
    "spacing": {"layer_gap": 72.0, "node_gap": 36.0, "dummy_gap": 64.0, "self_loop_gap": 16.0},
    "labels": {"reservation": "always"},
}


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Route:
    """The corners of an edge from the caller's border to the callee's, and the middle of its label."""

    points: tuple[Point, ...]
    label: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """The middles of the nodes, the routes of the edges, and the size of it all."""

    nodes: tuple[Point, ...]
    routes: dict[Pair, Route]
    width: float
    height: float


def layered(count: int, edges: Iterable[Pair], tops: Iterable[int] = ()) -> Layout:
    """Places for all nodes; `tops` are those that cycles are entered at, such as the callers from outside."""
    return _layered(count, tuple(sorted(set(edges))), tuple(tops))


@lru_cache(maxsize=16)  # numbers change from one look to the next, who calls whom rarely does
def _layered(count: int, pairs: tuple[Pair, ...], tops: tuple[int, ...]) -> Layout:
    if not count:
        return Layout((), {}, 2 * MARGIN, 2 * MARGIN)
    forward, backward = _split(count, pairs, tops)
    routed: Sequence[Pair] = pairs
    if len(pairs) > MOST_ROUTED:
        forward, backward = _spanning(forward), set()
        routed = forward
    # An edge that closes a cycle is laid out the other way round, so that callers come first.
    drawn = [pair if pair not in backward else pair[::-1] for pair in routed]
    down = _laid_out(count, drawn, "topbottom")
    chosen = down
    if _size(down)[0] > WIDEST:
        across = _laid_out(count, drawn, "leftright")
        chosen = min(down, across, key=lambda one: _size(one)[0])
    return _placed(pairs, routed, backward, chosen)


def _split(count: int, pairs: Sequence[Pair], tops: Sequence[int]) -> tuple[list[Pair], set[Pair]]:
    """Edges in the order in which a walk from the tops meets them, and those that close a cycle."""
    callees: dict[int, list[int]] = defaultdict(list)
    for source, target in pairs:
        callees[source].append(target)
    called = {target for source, target in pairs if source != target}
    starts = [*tops, *(node for node in range(count) if node not in called), *range(count)]
    forward: list[Pair] = []
    backward: set[Pair] = set()
    under_way, done = set[int](), set[int]()
    for start in starts:
        stack = [] if start in done else [(start, iter(callees[start]))]
        under_way.update(node for node, _ in stack)
        while stack:
            node, rest = stack[-1]
            callee = next(rest, None)
            if callee is None:
                under_way.discard(node)
                done.add(node)
                stack.pop()
            elif callee in under_way and callee != node:
                backward.add((node, callee))
            else:
                forward.append((node, callee))
                if callee not in done and callee != node:
                    under_way.add(callee)
                    stack.append((callee, iter(callees[callee])))
    return forward, backward


def _spanning(forward: Sequence[Pair]) -> list[Pair]:
    """The first edge to each callee: a forest."""
    first: dict[int, Pair] = {}
    for pair in forward:
        if pair[0] != pair[1]:
            first.setdefault(pair[1], pair)
    return list(first.values())


def _laid_out(count: int, drawn: Sequence[Pair], direction: str) -> graphlay.Layout:
    graph = graphlay.Graph()
    for node in range(count):
        graph.node(node, width=NODE_WIDTH, height=NODE_HEIGHT)
    size = {"width": LABEL_WIDTH, "height": LABEL_HEIGHT}
    for source, target in drawn:
        graph.edge(source, target, label_size=size)
    return graphlay.layout(graph, options={**OPTIONS, "direction": direction})


def _size(found: graphlay.Layout) -> tuple[float, float]:
    """With room for the labels, which may reach over the edges' bounds."""
    (left, top), (right, bottom) = _bounds(found)
    return right - left, bottom - top


def _bounds(found: graphlay.Layout) -> tuple[tuple[float, float], tuple[float, float]]:
    labels = [edge["label_anchor"] for edge in found.edges if edge.get("label_anchor")]
    least, most = found.bounds["min"], found.bounds["max"]
    across = [least["x"], most["x"]]
    across += [label["x"] + side for label in labels for side in (-LABEL_WIDTH / 2, LABEL_WIDTH / 2)]
    along = [least["y"], most["y"]]
    along += [label["y"] + side for label in labels for side in (-LABEL_HEIGHT / 2, LABEL_HEIGHT / 2)]
    return (min(across), min(along)), (max(across), max(along))


def _placed(
    pairs: Sequence[Pair], routed: Sequence[Pair], backward: set[Pair], found: graphlay.Layout
) -> Layout:
    (left, top), _ = _bounds(found)

    def point(given: dict[str, Any]) -> Point:
        return Point(given["x"] - left + MARGIN, given["y"] - top + MARGIN)

    nodes = tuple(point(node["center"]) for node in found.nodes)
    routes: dict[Pair, Route] = {}
    for pair, edge in zip(routed, found.edges, strict=True):
        corners = tuple(point(corner) for corner in edge["points"])
        routes[pair] = Route(corners[::-1] if pair in backward else corners, point(edge["label_anchor"]))
    for pair in pairs:
        if pair not in routes:
            routes[pair] = _straight(nodes[pair[0]], nodes[pair[1]])
    width, height = _size(found)
    return Layout(nodes, routes, width + 2 * MARGIN, height + 2 * MARGIN)


def _straight(source: Point, target: Point) -> Route:
    """From border to border, straight through whatever is in between; boxes are drawn over it."""
    ends = _border(source, target), _border(target, source)
    return Route(ends, Point((ends[0].x + ends[1].x) / 2, (ends[0].y + ends[1].y) / 2))


def _border(node: Point, towards: Point) -> Point:
    across, along = towards.x - node.x, towards.y - node.y
    shares = [NODE_WIDTH / 2 / abs(across)] if across else []
    shares += [NODE_HEIGHT / 2 / abs(along)] if along else []
    share = min(shares, default=0.0)
    return Point(node.x + across * share, node.y + along * share)
