"""Routes as SVG: lines with round corners, and arrow heads."""

from collections.abc import Sequence
from itertools import pairwise
from math import cos, hypot, pi, sin

from threemaps.render.layout import Point

CORNER = 9.0
HEAD_LENGTH, HEAD_ANGLE = 8.0, 0.42


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
