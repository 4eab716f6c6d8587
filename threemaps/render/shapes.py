"""The shapes of a map as SVG: lines with round corners, arrow heads, boxes, rings of health."""

from collections.abc import Sequence
from itertools import pairwise
from math import cos, hypot, log10, pi, sin

from threemaps.model.servicemap import Kind
from threemaps.render.grouping import Spot
from threemaps.render.layout import NODE_HEIGHT, NODE_WIDTH, Point
from threemaps.render.scene import Figures

CORNER = 9.0
HEAD_LENGTH, HEAD_ANGLE = 8.0, 0.42
RING_RADIUS = 8.0
LEAST_ARC = 0.06  # of the ring: what is rare is seen


def thickness(requests: int | None) -> float:
    """How thick the line of so many calls is: each tenfold adds the same."""
    return 1.4 + 0.75 * log10(1 + (requests or 0))


def ring(figures: Figures, middle: Point) -> str:
    """A ring with a red share of 5xx and an amber one of 4xx; none where no calls are known."""
    if figures.state != "drawn" or not figures.requests:
        return ""
    place = f'cx="{middle.x:.1f}" cy="{middle.y:.1f}" r="{RING_RADIUS}"'
    known = "" if figures.errors is not None else " unknown"
    arcs, begin = [f'<circle class="ring{known}" {place}/>'], 0.0
    for style, count in (("bad", figures.errors), ("warn", figures.client_errors)):
        if count:
            share = min(max(count / figures.requests, LEAST_ARC) * 100, 100.0)
            turn = f'transform="rotate({begin * 3.6 - 90:.1f} {middle.x:.1f} {middle.y:.1f})"'
            arcs.append(
                f'<circle class="ring {style}" {place} pathLength="100"'
                f' stroke-dasharray="{share:.1f} 100" {turn}/>'
            )
            begin += share
    return "".join(arcs)


def box(spot: Spot, middle: Point) -> str:
    """The box of a node, with another behind it where it stands for several."""
    x, y = middle.x - NODE_WIDTH / 2, middle.y - NODE_HEIGHT / 2
    round_ = {Kind.SERVICE: 9, Kind.OUTSIDE: NODE_HEIGHT / 2, Kind.REMOTE: 1}[spot.kind]
    size = f'width="{NODE_WIDTH:.0f}" height="{NODE_HEIGHT:.0f}" rx="{round_:.0f}"'
    stack = f'<rect class="stack" x="{x + 4:.1f}" y="{y + 4:.1f}" {size}/>' if len(spot.members) > 1 else ""
    return f'{stack}<rect class="box" x="{x:.1f}" y="{y:.1f}" {size}/>'


def path(points: Sequence[Point]) -> str:
    """The data of a `<path>` along these corners."""
    first, *rest = points
    parts = [f"M{_at(first)}"]
    for before, corner, after in zip(points, rest, rest[1:], strict=False):
        radius = min(CORNER, _distance(before, corner) / 2, _distance(corner, after) / 2)
        into, out = _towards(corner, before, radius), _towards(corner, after, radius)
        parts.append(f"L{_at(into)}Q{_at(corner)} {_at(out)}")
    parts.append(f"L{_at(rest[-1] if rest else first)}")
    return "".join(parts)


def head(points: Sequence[Point], width: float) -> str:
    """The corners of the arrow head at the end of a line of this width."""
    end = points[-1]
    before = next((one for one, other in reversed(list(pairwise(points))) if one != other), end)
    length = _distance(before, end) or 1.0
    dx, dy = (end.x - before.x) / length, (end.y - before.y) / length
    size = HEAD_LENGTH + width
    sides = (
        Point(
            end.x + size * (dx * cos(turn) - dy * sin(turn)), end.y + size * (dx * sin(turn) + dy * cos(turn))
        )
        for turn in (pi - HEAD_ANGLE, pi + HEAD_ANGLE)
    )
    return " ".join(f"{one.x:.1f},{one.y:.1f}" for one in (end, *sides))


def _at(point: Point) -> str:
    return f"{point.x:.1f} {point.y:.1f}"


def _distance(one: Point, other: Point) -> float:
    return hypot(other.x - one.x, other.y - one.y)


def _towards(start: Point, end: Point, length: float) -> Point:
    share = length / (_distance(start, end) or 1.0)
    return Point(start.x + (end.x - start.x) * share, start.y + (end.y - start.y) * share)
