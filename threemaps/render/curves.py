"""The ways of the edges between the places of a layout: curves, arrow heads and where the numbers stand."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, hypot, pi, sin

from threemaps.render.layout import NODE_HEIGHT, NODE_WIDTH, Layout, Pair, Point

ARROW = 7.0
LABEL_WIDTH, LABEL_HEIGHT = 62.0, 17.0
LABEL_SPOTS = (0.5, 0.36, 0.64, 0.25, 0.75)


@dataclass(frozen=True, slots=True)
class Curve:
    path: str
    arrow: str
    label: Point
    left: float
    right: float


def curves(layout: Layout, pairs: Sequence[Pair], *, labels: bool) -> dict[Pair, Curve]:
    """One curve an edge; labels, if wanted, keep out of each other's way as far as there is room."""
    taken = _Taken(layout.nodes) if labels else None
    return {pair: _curve(layout, pair, taken) for pair in pairs}


class _Taken:
    """Where nothing else may be written, in squares so that a look-up stays cheap."""

    def __init__(self, nodes: Iterable[Point]) -> None:
        self._squares: set[tuple[int, int]] = set()
        for node in nodes:
            self._take(node, NODE_WIDTH, NODE_HEIGHT)

    def place(self, candidates: Sequence[Point]) -> Point:
        wanted = ((point, set(_squares(point, LABEL_WIDTH, LABEL_HEIGHT))) for point in candidates)
        chosen = next((point for point, squares in wanted if not self._squares & squares), candidates[0])
        self._take(chosen, LABEL_WIDTH, LABEL_HEIGHT)
        return chosen

    def _take(self, middle: Point, width: float, height: float) -> None:
        self._squares.update(_squares(middle, width, height))


def _squares(middle: Point, width: float, height: float) -> Iterator[tuple[int, int]]:
    size = 8
    for column in range(int((middle.x - width / 2) // size), int((middle.x + width / 2) // size) + 1):
        for row in range(int((middle.y - height / 2) // size), int((middle.y + height / 2) // size) + 1):
            yield column, row


def _curve(layout: Layout, pair: Pair, taken: _Taken | None) -> Curve:
    source, target = layout.nodes[pair[0]], layout.nodes[pair[1]]
    if pair[0] == pair[1]:
        points = _loop(source)
    elif target.y > source.y:
        points = _downward(source, layout.bends.get(pair, ()), target)
    else:
        points = _around(source, target)
    end, before = points[-1], points[-2]
    label = taken.place([_at(points, share) for share in LABEL_SPOTS]) if taken else _at(points, 0.5)
    across = [point.x for point in points]
    return Curve(_path(points), _arrow(before, end), label, min(across), max(across))


def _downward(source: Point, bends: Sequence[Point], target: Point) -> list[Point]:
    """From the bottom of the caller to the top of the callee, upright at every bend."""
    stops = [
        Point(source.x + _lean(source, bends[0] if bends else target), source.y + NODE_HEIGHT / 2),
        *bends,
        Point(target.x + _lean(target, bends[-1] if bends else source), target.y - NODE_HEIGHT / 2 - 1),
    ]
    points = [stops[0]]
    for one, other in pairwise(stops):
        half = (other.y - one.y) / 2
        points += [Point(one.x, one.y + half), Point(other.x, other.y - half), other]
    return points


def _lean(middle: Point, towards: Point) -> float:
    """Edges leave a node on the side they go to."""
    most = NODE_WIDTH * 0.34
    return max(-most, min(most, (towards.x - middle.x) * 0.3))


def _around(source: Point, target: Point) -> list[Point]:
    """Back up, or along a row: out at one side and in at the same side of the other."""
    side = 1 if target.x <= source.x else -1
    reach = min(36 + hypot(target.x - source.x, target.y - source.y) * 0.12, 110)
    out = Point(source.x + side * NODE_WIDTH / 2, source.y)
    into = Point(target.x + side * (NODE_WIDTH / 2 + 1), target.y)
    if source.y == target.y and source.x != target.x:
        dip = NODE_HEIGHT / 2
        out = Point(source.x - side * NODE_WIDTH * 0.3, source.y + dip)
        into = Point(target.x + side * NODE_WIDTH * 0.3, target.y + dip + 1)
        return [out, Point(out.x, out.y + reach * 0.8), Point(into.x, into.y + reach * 0.8), into]
    far = max(out.x, into.x) + reach if side > 0 else min(out.x, into.x) - reach
    return [out, Point(far, out.y), Point(far, into.y), into]


def _loop(node: Point) -> list[Point]:
    right, top = node.x + NODE_WIDTH / 2, node.y
    return [
        Point(right, top + 8),
        Point(right + 30, top + 16),
        Point(right + 30, top - 16),
        Point(right + 1, top - 8),
    ]


def _path(points: Sequence[Point]) -> str:
    parts = [f"M{points[0].x:.1f} {points[0].y:.1f}"]
    for index in range(1, len(points), 3):
        parts.append("C" + " ".join(f"{point.x:.1f} {point.y:.1f}" for point in points[index : index + 3]))
    return "".join(parts)


def _at(points: Sequence[Point], share: float) -> Point:
    """The point after this share of the way, counted in pieces of the curve."""
    pieces = (len(points) - 1) // 3
    piece = min(int(share * pieces), pieces - 1)
    t = share * pieces - piece
    a, b, c, d = points[piece * 3 : piece * 3 + 4]
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    return Point(
        sum(w * p.x for w, p in zip(weights, (a, b, c, d), strict=True)),
        sum(w * p.y for w, p in zip(weights, (a, b, c, d), strict=True)),
    )


def _arrow(before: Point, end: Point) -> str:
    length = hypot(end.x - before.x, end.y - before.y) or 1.0
    dx, dy = (end.x - before.x) / length, (end.y - before.y) / length
    corners = [end]
    for turn in (pi - 0.42, pi + 0.42):
        corners.append(
            Point(
                end.x + ARROW * (dx * cos(turn) - dy * sin(turn)),
                end.y + ARROW * (dx * sin(turn) + dy * cos(turn)),
            )
        )
    return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in corners)
