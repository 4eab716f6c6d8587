"""The words on and of the pieces of a map: labels of edges, second lines of nodes, titles."""

import re
from html import escape

from threemaps.model.servicemap import Kind
from threemaps.render import numbers
from threemaps.render.grouping import Link, Spot
from threemaps.render.layout import LABEL_HEIGHT, Point
from threemaps.render.names import markup, shown
from threemaps.render.scene import Figures

# A call that takes longer than this on average is drawn as slow.
SLOW_MS = 500.0
CHARACTER_WIDTH = 6.2
TAGS = re.compile(r"<[^>]*>")


def label(place: Point, first: str, details: str) -> str:
    """One or two lines of a label, on a ground that hides the edge behind them."""
    characters = max(len(first) * 1.1, len(TAGS.sub("", details)))
    width, height = characters * CHARACTER_WIDTH + 8, LABEL_HEIGHT if details else LABEL_HEIGHT / 2 + 2
    x, middle = f"{place.x:.1f}", place.y + (-2.5 if details else 4)
    under = f'<text class="label fine" x="{x}" y="{place.y + 10.5:.1f}">{details}</text>' if details else ""
    return (
        f'<rect class="ground" x="{place.x - width / 2:.1f}" y="{place.y - height / 2:.1f}"'
        f' width="{width:.1f}" height="{height:.1f}" rx="4"/>'
        f'<text class="label" x="{x}" y="{middle:.1f}">{first}</text>{under}'
    )


def plain_label(figures: Figures) -> str:
    """An edge's label where there is one line of text alone."""
    parts = [numbers.short_count(figures.requests)]
    parts += [f"{numbers.short_count(figures.errors)} errors"] if figures.errors else []
    parts += [numbers.duration(figures.mean_ms)] if figures.mean_ms is not None else []
    return ", ".join(parts)


def label_details(figures: Figures) -> str:
    """The second line of an edge's label: the share that failed, and how long a call takes."""
    if figures.note:
        return markup(figures.note)
    parts = []
    if figures.errors and figures.requests:
        parts.append(
            f'<tspan class="failed">{escape(numbers.share(figures.errors, figures.requests))} failed</tspan>'
        )
    if figures.mean_ms is not None:
        slow = ' class="slow"' if figures.mean_ms >= SLOW_MS else ""
        parts.append(f"<tspan{slow}>{numbers.short_duration(figures.mean_ms)}</tspan>")
    return " · ".join(parts)


def under_name(spot: Spot, figures: Figures, seconds: float) -> str:
    """The second line of a node: its rate and latency, or why there are none."""
    if figures.state == "missing":
        return "missing here"
    if figures.state == "undrawn":
        return "not drawn here"
    if spot.kind is Kind.OUTSIDE:
        return "callers"
    parts = [numbers.rate(figures.requests, seconds)] if figures.requests else []
    if figures.p95_ms is not None:
        parts.append(f"p95 {numbers.short_duration(figures.p95_ms)}")
    elif figures.mean_ms is not None:
        parts.append(numbers.short_duration(figures.mean_ms))
    if spot.kind is Kind.REMOTE:
        parts = ["no spans", *parts[:1]]
    return " · ".join(parts)


def edge_text(link: Link, figures: Figures, *, brief: bool = False) -> str:
    """`brief`: of thousands of edges, where every figure would make the page too large."""
    ends = f"{shown(link.source.name)} calls {shown(link.target.name)}"
    if figures.state != "drawn":
        return (
            f"{ends}: {'missing in this map' if figures.state == 'missing' else 'not drawn by this backend'}"
        )
    diverging = f"; {figures.note or 'this map diverges here'}" if figures.diverging else ""
    parts = [f"{numbers.count(figures.requests)} requests"]
    if not brief:
        errors, mean = figures.errors, figures.mean_ms
        parts.append("errors not reported" if errors is None else f"{numbers.count(errors)} errors")
        parts.append("latency not reported" if mean is None else f"{numbers.duration(mean)} on average")
    if figures.p95_ms is not None and not brief:
        parts.append(f"p95 {numbers.duration(figures.p95_ms)}")
    if figures.client_errors and not brief:
        parts.append(f"{numbers.count(figures.client_errors)} client errors (4xx)")
    return f"{ends}: {', '.join(parts)}{diverging}"


def node_text(spot: Spot, figures: Figures) -> str:
    state = {"drawn": "", "missing": ", missing in this map", "undrawn": ", not drawn by this backend"}[
        figures.state
    ]
    members = ", ".join(shown(node.name) for node in spot.members[:30])
    more = f", and {len(spot.members) - 30} more" if len(spot.members) > 30 else ""
    names = f" ({members}{more})" if len(spot.members) > 1 else ""
    return f"{spot.kind} {shown(spot.name)}{names}{state}"
