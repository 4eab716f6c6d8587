"""Heatmaps and lines as SVG that the page's style sheet colours."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from urllib.parse import urlencode

from markupsafe import Markup

from threemaps.model.difference import Window, to_iso
from threemaps.readers.over_time import Course, Period
from threemaps.readers.questions import Answer
from threemaps.render.heat import Grid, cells
from threemaps.render.names import markup
from threemaps.render.numbers import count, duration

WIDTH, LABELS, ROW = 640, 250, 24
PLOT_LEFT, PLOT_HEIGHT = 64, 180
MARGIN_SECONDS = 5  # a trace begins before its spans do
HEAT_ROWS, HEAT_COLUMNS = 16, 60
SPARK_WIDTH, SPARK_HEIGHT = 300, 48


def heatmap(answer: Answer, window: Window) -> str:
    grid = cells(answer.series, window, HEAT_ROWS, HEAT_COLUMNS)
    if grid is None:
        return ""
    wide = (WIDTH - PLOT_LEFT) / HEAT_COLUMNS
    high = PLOT_HEIGHT / HEAT_ROWS
    parts = [_axes(duration(grid.value_at(HEAT_ROWS)), duration(grid.low), window)]
    for row, shares in enumerate(grid.shares):
        y = PLOT_HEIGHT - (row + 1) * high
        for column, share in enumerate(shares):
            if share:
                span = f"{duration(grid.value_at(row))} to {duration(grid.value_at(row + 1))}"
                parts.append(
                    f'<a tabindex="-1" href="{markup(_traces_of(grid, window, row, column))}">'
                    f"<title>Traces that took {span} or more</title>"
                    f'<rect class="cell" x="{PLOT_LEFT + column * wide:.1f}" y="{y:.1f}" width="{wide:.1f}"'
                    f' height="{high:.1f}" fill-opacity="{0.15 + 0.85 * share:.2f}"/></a>'
                )
    return _svg("Heatmap of durations over time", PLOT_HEIGHT + 22, "".join(parts))


def _traces_of(grid: Grid, window: Window, row: int, column: int) -> str:
    """The page of the traces in whose time a span of this cell lies: they took at least as long as it."""
    seconds = window.seconds / HEAT_COLUMNS
    end = window.start + timedelta(seconds=(column + 1) * seconds + MARGIN_SECONDS)
    length = ceil(seconds + 2 * MARGIN_SECONDS)
    least = grid.value_at(row)
    return "/traces?" + urlencode(
        {"since": f"{length}s", "until": to_iso(end), "least": f"{least:.3f}", "order": "slowest"}
    )


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


def sparkline(periods: Sequence[Period], window: Window) -> Markup:
    """Requests over time, the failed ones red; one bar a period. A window is dragged out on it."""
    if not periods:
        return Markup("")
    most = max(one.requests for one in periods) or 1
    wide = max(2.0, SPARK_WIDTH / max(window.seconds / 60, 1) - 1)
    bars = []
    for one in periods:
        x = min(_place(one.moment, window), SPARK_WIDTH - wide)
        for css, value in (("bar", one.requests), ("bar failed", one.faults)):
            high = value / most * (SPARK_HEIGHT - 2)
            bars.append(
                f'<rect class="{css}" x="{x:.1f}" y="{SPARK_HEIGHT - high:.1f}"'
                f' width="{wide:.1f}" height="{high:.1f}"/>'
            )
    bars.append(f'<rect class="chosen" y="0" width="0" height="{SPARK_HEIGHT}"/>')
    ends = window.to_json()
    return _spark(
        f"Requests over time, at most {most} in a period",
        "".join(bars),
        f' data-start="{ends["start"]}" data-end="{ends["end"]}"',
    )


def latencies(courses: Sequence[Course], window: Window) -> list[Markup]:
    """p50 and p95 of each backend, all on one scale; nothing where it reports none."""
    values = [value for one in courses for _, *pair in one.points for value in pair if value is not None]
    most = max(values, default=0.0) or 1.0
    return [_latency(one, window, most) for one in courses]


def _latency(course: Course, window: Window, most: float) -> Markup:
    if not course.points:
        return Markup("")
    lines = []
    for css, column in (("line", 1), ("line high", 2)):
        known = [(one[0], value) for one in course.points if isinstance(value := one[column], float)]
        places = [
            (_place(moment, window), SPARK_HEIGHT - 2 - value / most * (SPARK_HEIGHT - 4))
            for moment, value in known
        ]
        if len(places) == 1:  # a line needs two
            places = [(places[0][0] - 4, places[0][1]), (places[0][0] + 4, places[0][1])]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        lines.append(f'<polyline class="{css}" points="{corners}"/>')
    highest = max((one[2] or 0.0 for one in course.points), default=0.0)
    return _spark(f"p50 and p95 over time, at most {duration(highest)}", "".join(lines))


def _place(moment: datetime, window: Window) -> float:
    share = (moment - window.start).total_seconds() / (window.seconds or 1)
    return min(max(share, 0.0), 1.0) * SPARK_WIDTH


def _spark(label: str, inside: str, attributes: str = "") -> Markup:
    return Markup(  # noqa: S704 - numbers alone
        f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="{label}"{attributes}>{inside}</svg>'
    )


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
    role = "group" if "<a " in inside else "img"  # an image holds no links
    return f'<svg class="chart" role="{role}" aria-label="{markup(label)}" {frame}>{inside}</svg>'
