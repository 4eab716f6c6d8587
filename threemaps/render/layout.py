"""One layered layout, callers above callees. Pure: the same nodes and edges always get the same places.

It knows numbers only: nodes are 0..count-1, edges are pairs of them.
Cycles, self loops and lonely nodes are fine.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import igraph

NODE_WIDTH, NODE_HEIGHT = 128.0, 40.0
ROW_GAP, COLUMN_GAP = 64.0, 24.0
MARGIN = 18.0
# A layer with more nodes than this is broken into rows, so that a map stays a page and no ribbon.
LONGEST_ROW = 12
# Beyond this many bends an edge's way around the nodes in between costs more time than it saves the eye.
MOST_BENDS = 600

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Middles of the nodes, the bends of the edges that pass other layers, and the size of it all."""

    nodes: tuple[Point, ...]
    bends: dict[Pair, tuple[Point, ...]]
    width: float
    height: float


def layered(count: int, edges: Iterable[Pair], tops: Iterable[int] = ()) -> Layout:
    """Places for all nodes; `tops` are those that cycles are entered at, such as the callers from outside."""
    pairs = sorted({edge for edge in edges if edge[0] != edge[1]})
    down = _without_cycles(count, pairs, list(tops))
    layers = _layers(count, down)
    long = [edge for edge in down if layers[edge[1]] - layers[edge[0]] > 1]
    if sum(layers[target] - layers[source] - 1 for source, target in long) > MOST_BENDS:
        layers = _shallow_layers(count, down)
        long = []
    rows, dummies = _ordered(count, down, layers, long)
    return _placed(count, rows, dummies)


def _without_cycles(count: int, pairs: Sequence[Pair], tops: Sequence[int]) -> list[Pair]:
    """The edges that a walk from the tops does not find closing a circle."""
    callees: dict[int, list[int]] = defaultdict(list)
    called = {target for _, target in pairs}
    for source, target in pairs:
        callees[source].append(target)
    starts = [*tops, *(node for node in range(count) if node not in called), *range(count)]
    kept: list[Pair] = []
    state = [0] * count  # 1: on the way, 2: done
    for start in starts:
        if state[start]:
            continue
        way = [(start, iter(callees[start]))]
        state[start] = 1
        while way:
            node, rest = way[-1]
            callee = next(rest, None)
            if callee is None:
                state[node] = 2
                way.pop()
                continue
            if state[callee] != 1:
                kept.append((node, callee))
            if not state[callee]:
                state[callee] = 1
                way.append((callee, iter(callees[callee])))
    return sorted(kept)


def _layers(count: int, down: Sequence[Pair]) -> list[int]:
    """Each node right below the lowest of its callers."""
    graph = igraph.Graph(count, down, directed=True)
    layers = [0] * count
    for node in graph.topological_sorting():
        for callee in graph.successors(node):
            layers[callee] = max(layers[callee], layers[node] + 1)
    return layers


def _shallow_layers(count: int, down: Sequence[Pair]) -> list[int]:
    """Each node right below the highest of its callers."""
    graph = igraph.Graph(count, down, directed=True)
    layers = [count] * count
    for node in graph.topological_sorting():
        if layers[node] == count:
            layers[node] = 0
        for callee in graph.successors(node):
            layers[callee] = min(layers[callee], layers[node] + 1)
    return layers


def _ordered(
    count: int, down: Sequence[Pair], layers: list[int], long: Sequence[Pair]
) -> tuple[list[list[tuple[float, int]]], dict[Pair, list[int]]]:
    """The nodes of each layer from left to right with their columns, and the stand-ins along long edges."""
    layers = list(layers)
    dummies: dict[Pair, list[int]] = {}
    segments = [edge for edge in down if layers[edge[1]] - layers[edge[0]] == 1]
    for source, target in long:
        chain = list(range(len(layers), len(layers) + layers[target] - layers[source] - 1))
        layers += range(layers[source] + 1, layers[target])
        dummies[source, target] = chain
        segments += zip([source, *chain], [*chain, target], strict=True)
    rows: list[list[tuple[float, int]]] = [[] for _ in range(max(layers, default=-1) + 1)]
    if not rows:
        return rows, dummies
    graph = igraph.Graph(len(layers), segments, directed=True)
    places = graph.layout_sugiyama(layers=layers, maxiter=20).coords
    for node, layer in enumerate(layers):
        rows[layer].append((places[node][0], node))
    return [sorted(row) for row in rows], dummies


def _placed(count: int, rows: list[list[tuple[float, int]]], dummies: dict[Pair, list[int]]) -> Layout:
    places: dict[int, Point] = {}
    step = NODE_WIDTH + COLUMN_GAP
    columns = [column for row in rows for column, _ in row]
    wide = bool(columns) and max(columns) - min(columns) >= LONGEST_ROW
    number = 0
    for row in rows:
        for line in _broken(row, count) if wide else [row]:
            y = number * (NODE_HEIGHT + ROW_GAP)
            for index, (column, node) in enumerate(line):
                x = (index - (len(line) - 1) / 2) if wide else column
                places[node] = Point(x * step, y)
            number += 1
    left = min((place.x for place in places.values()), default=0.0) - NODE_WIDTH / 2 - MARGIN
    right = max((place.x for place in places.values()), default=0.0) + NODE_WIDTH / 2 + MARGIN
    top = NODE_HEIGHT / 2 + MARGIN
    moved = {node: Point(place.x - left, place.y + top) for node, place in places.items()}
    bends = (
        {edge: tuple(moved[node] for node in chain) for edge, chain in dummies.items()} if not wide else {}
    )
    height = max(number - 1, 0) * (NODE_HEIGHT + ROW_GAP) + NODE_HEIGHT + 2 * MARGIN
    return Layout(tuple(moved[node] for node in range(count)), bends, right - left, height)


def _broken(row: list[tuple[float, int]], count: int) -> list[list[tuple[float, int]]]:
    real = [item for item in row if item[1] < count]
    lines = -(-len(real) // LONGEST_ROW)
    length = -(-len(real) // lines) if lines else 1
    return [real[start : start + length] for start in range(0, len(real), length)]
