"""Heatmaps and lines as SVG that the page's style sheet colours."""

from datetime import datetime

from threemaps.model.difference import Window
from threemaps.readers.questions import Answer
from threemaps.render.heat import cells
from threemaps.render.names import fitted, markup
from threemaps.render.numbers import duration

WIDTH, LABELS, ROW = 640, 250, 24
PLOT_LEFT, PLOT_HEIGHT = 64, 180
HEAT_ROWS, HEAT_COLUMNS = 16, 60


def heatmap(answer: Answer, window: Window) -> str:
    grid = cells(answer.series, window, HEAT_ROWS, HEAT_COLUMNS)
    if grid is None:
        return ""
    wide = (WIDTH - PLOT_LEFT) / HEAT_COLUMNS
    high = PLOT_HEIGHT / HEAT_ROWS
    parts = [_axes(grid.value_at(HEAT_ROWS), grid.low, window)]
    for row, shares in enumerate(grid.shares):
        y = PLOT_HEIGHT - (row + 1) * high
        parts += [
            f'<rect class="cell" x="{PLOT_LEFT + column * wide:.1f}" y="{y:.1f}" width="{wide:.1f}"'
            f' height="{high:.1f}" fill-opacity="{0.15 + 0.85 * share:.2f}"/>'
            for column, share in enumerate(shares)
            if share
        ]
    return _svg("Heatmap of durations over time", PLOT_HEIGHT + 22, "".join(parts))


def percentile_line(answer: Answer, window: Window) -> str:
    points = [(time, data.get("P90(duration_ms)")) for time, data in answer.series]
    known = [
        (datetime.fromisoformat(time), value) for time, value in points if isinstance(value, int | float)
    ]
    if not known:
        return ""
    most = max(value for _, value in known) or 1.0
    wide = (WIDTH - PLOT_LEFT) / window.seconds
    places = [
        (
            PLOT_LEFT + max(0.0, (moment - window.start).total_seconds()) * wide,
            PLOT_HEIGHT - value / most * (PLOT_HEIGHT - 12),
        )
        for moment, value in known
    ]
    dots = "".join(f'<circle class="bar" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    inside = _axes(most, 0.0, window) + f'<polyline class="line" points="{line}"/>{dots}'
    return _svg("90th percentile of durations over time", PLOT_HEIGHT + 22, inside)


def counts(answer: Answer, window: Window) -> str:
    rows = [(str(row.get("trace.trace_id") or ""), row.get("COUNT") or 0) for row in answer.rows]
    most = max((count for _, count in rows), default=0) or 1
    scale = (WIDTH - LABELS - 60) / most
    parts = [
        f'<text class="name" x="0" y="{number * ROW + 16}">{markup(fitted(trace, 34))}</text>'
        f'<rect class="bar" x="{LABELS}" y="{number * ROW + 5}" height="14" rx="3"'
        f' width="{count * scale:.1f}"/>'
        f'<text x="{LABELS + count * scale + 6:.1f}" y="{number * ROW + 16}">{count}</text>'
        for number, (trace, count) in enumerate(rows)
    ]
    return _svg("Spans by trace", len(rows) * ROW + 4, "".join(parts)) if rows else ""


def _axes(high: float, low: float, window: Window) -> str:
    return (
        f'<line class="axis" x1="{PLOT_LEFT}" y1="0" x2="{PLOT_LEFT}" y2="{PLOT_HEIGHT}"/>'
        f'<line class="axis" x1="{PLOT_LEFT}" y1="{PLOT_HEIGHT}" x2="{WIDTH}" y2="{PLOT_HEIGHT}"/>'
        f'<text x="0" y="12">{duration(high)}</text><text x="0" y="{PLOT_HEIGHT}">{duration(low)}</text>'
        f'<text x="{PLOT_LEFT}" y="{PLOT_HEIGHT + 16}">{window.start:%H:%M:%S}</text>'
        f'<text x="{WIDTH}" y="{PLOT_HEIGHT + 16}" text-anchor="end">{window.end:%H:%M:%S}</text>'
    )


def _svg(label: str, height: float, inside: str) -> str:
    frame = f'viewBox="0 0 {WIDTH} {height:.0f}"'
    return f'<svg class="chart" role="img" aria-label="{label}" {frame}>{inside}</svg>'
