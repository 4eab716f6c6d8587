"""Heatmaps and lines as SVG that the page's style sheet colours."""

from datetime import datetime

from threemaps.model.difference import Window
from threemaps.readers.questions import Answer
from threemaps.render.heat import cells
from threemaps.render.names import markup
from threemaps.render.numbers import count, duration

WIDTH, LABELS, ROW = 640, 250, 24
PLOT_LEFT, PLOT_HEIGHT = 64, 180
HEAT_ROWS, HEAT_COLUMNS = 16, 60


def heatmap(answer: Answer, window: Window) -> str:
    grid = cells(answer.series, window, HEAT_ROWS, HEAT_COLUMNS)
    if grid is None:
        return ""
    wide = (WIDTH - PLOT_LEFT) / HEAT_COLUMNS
    high = PLOT_HEIGHT / HEAT_ROWS
    parts = [_axes(duration(grid.value_at(HEAT_ROWS)), duration(grid.low), window)]
    for row, shares in enumerate(grid.shares):
        y = PLOT_HEIGHT - (row + 1) * high
        parts += [
            f'<rect class="cell" x="{PLOT_LEFT + column * wide:.1f}" y="{y:.1f}" width="{wide:.1f}"'
            f' height="{high:.1f}" fill-opacity="{0.15 + 0.85 * share:.2f}"/>'
            for column, share in enumerate(shares)
            if share
        ]
    return _svg("Heatmap of durations over time", PLOT_HEIGHT + 22, "".join(parts))


def line(answer: Answer, column: str, window: Window) -> str:
    """A column of the answer over time; nothing where it has groups or no points."""
    points = [(time, data.get(column)) for time, data in answer.series]
    known = [
        (datetime.fromisoformat(time), value) for time, value in points if isinstance(value, int | float)
    ]
    if not known or len({moment for moment, _ in known}) < len(known):
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
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    write = duration if "duration" in column else count
    inside = f'{_axes(write(most), write(0.0), window)}<polyline class="line" points="{corners}"/>{dots}'
    return _svg(f"{column} over time", PLOT_HEIGHT + 22, inside)


def _axes(high: str, low: str, window: Window) -> str:
    return (
        f'<line class="axis" x1="{PLOT_LEFT}" y1="0" x2="{PLOT_LEFT}" y2="{PLOT_HEIGHT}"/>'
        f'<line class="axis" x1="{PLOT_LEFT}" y1="{PLOT_HEIGHT}" x2="{WIDTH}" y2="{PLOT_HEIGHT}"/>'
        f'<text x="0" y="12">{high}</text><text x="0" y="{PLOT_HEIGHT}">{low}</text>'
        f'<text x="{PLOT_LEFT}" y="{PLOT_HEIGHT + 16}">{window.start:%H:%M:%S}</text>'
        f'<text x="{WIDTH}" y="{PLOT_HEIGHT + 16}" text-anchor="end">{window.end:%H:%M:%S}</text>'
    )


def _svg(label: str, height: float, inside: str) -> str:
    frame = f'viewBox="0 0 {WIDTH} {height:.0f}"'
    return f'<svg class="chart" role="img" aria-label="{markup(label)}" {frame}>{inside}</svg>'
