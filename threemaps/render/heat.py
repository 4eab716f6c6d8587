"""A heatmap's buckets on a regular grid: time from left to right, duration from bottom to top. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from threemaps.model.difference import Window

COLUMN = "HEATMAP(duration_ms)"


@dataclass(frozen=True, slots=True)
class Grid:
    """`shares` are rows from the bottom up, each cell between 0 and 1, the fullest 1."""

    low: float
    high: float
    shares: tuple[tuple[float, ...], ...]

    def value_at(self, row: int) -> float:
        return self.low + (self.high - self.low) * row / len(self.shares)


def cells(
    series: tuple[tuple[str, Mapping[str, Any]], ...], window: Window, rows: int, columns: int
) -> Grid | None:
    """The counts over the whole window; None where there are none."""
    found = list(_buckets(series))
    if not found:
        return None
    low, high = min(one[1] for one in found), max(one[2] for one in found)
    first, last = window.start.timestamp(), window.end.timestamp()
    counts = [[0.0] * columns for _ in range(rows)]
    for moment, bottom, top, count in found:
        column = max(0, min(int((moment - first) / (last - first) * columns), columns - 1))
        middle = (bottom + top) / 2
        row = int((middle - low) / (high - low) * rows) if high > low else 0
        counts[min(row, rows - 1)][column] += count
    most = max(max(row) for row in counts)
    shares = tuple(tuple(count / most for count in row) for row in counts)
    return Grid(low, high, shares)


def _buckets(
    series: tuple[tuple[str, Mapping[str, Any]], ...],
) -> Iterator[tuple[float, float, float, float]]:
    """Moment, lower and upper bound, count: of what Honeycomb gave, what is a bucket."""
    for time, data in series:
        for bucket in data.get(COLUMN) or []:
            if isinstance(bucket, dict) and bucket.get("count"):
                moment = datetime.fromisoformat(time).timestamp()
                yield moment, float(bucket["min"]), float(bucket["max"]), float(bucket["count"])
