"""Maps as SVG: a picture of its own, and the pieces that the page puts together and exchanges one by one."""

import re
from functools import cached_property
from html import escape
from math import log10

from threemaps.model.servicemap import Kind
from threemaps.render import numbers
from threemaps.render.layout import LABEL_HEIGHT, NODE_HEIGHT, NODE_WIDTH, Point, Route
from threemaps.render.names import fitted, markup, shown, title
from threemaps.render.paths import head, path
from threemaps.render.scene import MERGED, Link, Scene, Spot, Told
from threemaps.render.style import COLOURS, MAP, POSTER

NAME_CELLS = 16
HEAD_SHARES = (0.5, 0.75, 0.25)
# More edges than this, and their numbers would cover each other: they are in the titles then.
MOST_LABELS = 150
# A call that takes longer than this on average is drawn as slow.
SLOW_MS = 500.0
RING_RADIUS = 8.0
LEAST_ARC = 0.06  # of the ring: what is rare is seen
CHARACTER_WIDTH = 6.2
TAGS = re.compile(r"<[^>]*>")
PANEL_GAP, PANEL_TOP = 24.0, 44.0


class Painter:
    """Draws the maps of one scene; every map has the same places."""

    def __init__(self, scene: Scene, *, interactive: bool = False) -> None:
        self.scene = scene
        self.interactive = interactive
        self.crowded = len(scene.links) > MOST_LABELS
        self.width, self.height = scene.layout.width, scene.layout.height

    @cached_property
    def _numbers(self) -> dict[Spot, int]:
        return {spot: index for index, spot in enumerate(self.scene.spots)}

    def _route(self, link: Link) -> Route:
        return self.scene.layout.routes[self._numbers[link.source], self._numbers[link.target]]

    @cached_property
    def _labels(self) -> dict[Spot, str]:
        """Names cut where that keeps most of them apart."""
        cuts = [
            {spot: fitted(spot.name, NAME_CELLS, share) for spot in self.scene.spots} for share in HEAD_SHARES
        ]
        return max(cuts, key=lambda labels: len(set(labels.values())))

    def edges(self, source: str) -> dict[str, str]:
        return {f"{self._prefix(source)}-{link.key}": self._edge(source, link) for link in self.scene.links}

    def nodes(self, source: str) -> dict[str, str]:
        return {f"{self._prefix(source)}-{spot.key}": self._node(source, spot) for spot in self.scene.spots}

    def _prefix(self, source: str) -> str:
        names = [*self.scene.comparison.maps, MERGED]
        return f"m{names.index(source)}"

    def svg(self, source: str) -> str:
        return self.shell(source, "".join(self.edges(source).values()), "".join(self.nodes(source).values()))

    def shell(self, source: str, edges: str = "", nodes: str = "") -> str:
        """The frame of a map with these pieces in it."""
        width, height = f"{self.width:.0f}", f"{self.height:.0f}"
        role = "group" if self.interactive else "img"
        summary = f"Service map of {title(source)}"
        crowded = " crowded" if self.crowded else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="map{crowded}"'
            f' id="{self._prefix(source)}" role="{role}"'
            f' aria-label="{markup(summary)}" viewBox="0 0 {width} {height}" width="{width}"'
            f' height="{height}">'
            f'<g class="edges">{edges}</g><g class="nodes">{nodes}</g></svg>'
        )

    def _edge(self, source: str, link: Link) -> str:
        told = self.scene.told_of_edge(source, link)
        route, width = self._route(link), thickness(told.requests)
        text, way = edge_text(link, told, brief=self.crowded), path(route.points)
        # In a crowd every edge is one of thousands: no more pieces to it than have to be.
        reach = "" if self.crowded else f'<path class="reach" d="{way}"/>'
        ends = f"{link.source.key} {link.target.key}"
        return (
            f'<g class="edge {_classes(told)}"{self._handles(source, link.key, text, told, ends)}>'
            f'{self._title(text)}{reach}<path class="way" d="{way}" stroke-width="{width:.1f}"/>'
            f'<polygon class="head" points="{head(route.points, width)}"/>'
            f"{self._label(told, route.label)}</g>"
        )

    def _title(self, text: str) -> str:
        """What a browser shows on hovering; the page has something better."""
        return "" if self.interactive else f"<title>{markup(text)}</title>"

    def _label(self, told: Told, place: Point) -> str:
        if told.state == "untold" or (self.crowded and not told.odd):
            return ""
        if told.state == "missing":
            return _lines(place, "✕ missing", "")
        delta = f", {numbers.signed(told.delta)}" if told.delta else ""
        return _lines(place, f"{numbers.short_count(told.requests)}{delta}", label_details(told))

    def _node(self, source: str, spot: Spot) -> str:
        told = self.scene.told_of_node(source, spot)
        middle = self.scene.layout.nodes[self._numbers[spot]]
        under = under_name(spot, told, self.scene.seconds)
        ring = _ring(told, Point(middle.x - NODE_WIDTH / 2 + 17, middle.y))
        text_x = middle.x + (10 if ring else 0)
        below = (
            f'<text class="under" x="{text_x:.1f}" y="{middle.y + 15:.1f}">{under}</text>' if under else ""
        )
        text = node_text(spot, told)
        return (
            f'<g class="node {spot.kind} {_classes(told)}"{self._handles(source, spot.key, text, told)}>'
            f"{self._title(text)}{_box(spot, middle)}{ring}"
            f'<text class="name" x="{text_x:.1f}" y="{middle.y + (-2 if under else 4.5):.1f}">'
            f"{markup(self._labels[spot])}</text>{below}</g>"
        )

    def _handles(self, source: str, key: str, text: str, told: Told, ends: str = "") -> str:
        """By what the page finds a piece again, here and in the other maps; of an edge also its `ends`."""
        if not self.interactive:
            return ""
        values = (
            numbers.count(told.requests),
            numbers.count(told.errors),
            numbers.duration(told.mean_ms),
            numbers.duration(told.p95_ms),
        )
        related = f' data-ends="{ends}"' if ends else ""
        return (
            f' id="{self._prefix(source)}-{key}" data-key="{key}" role="button" tabindex="-1"'
            f' aria-label="{markup(text)}"{related} data-told="{told.state}|{"|".join(values)}"'
        )


def thickness(requests: int | None) -> float:
    """How thick the line of so many calls is: each tenfold adds the same."""
    return 1.4 + 0.75 * log10(1 + (requests or 0))


def _lines(place: Point, first: str, details: str) -> str:
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


def label_details(told: Told) -> str:
    """The second line of an edge's label: the share that failed, and how long a call takes."""
    if told.note:
        return markup(told.note)
    parts = []
    if told.errors and told.requests:
        parts.append(
            f'<tspan class="failed">{escape(numbers.share(told.errors, told.requests))} failed</tspan>'
        )
    if told.mean_ms is not None:
        slow = ' class="slow"' if told.mean_ms >= SLOW_MS else ""
        parts.append(f"<tspan{slow}>{numbers.short_duration(told.mean_ms)}</tspan>")
    return " · ".join(parts)


def _classes(told: Told) -> str:
    """What the style sheet tells apart: state, divergence, failures by share, slowness."""
    words = [told.state]
    words += ["odd"] if told.odd else []
    if told.errors and told.requests:
        words.append("failing" if told.errors * 10 >= told.requests else "failing-some")
    words += ["slow"] if told.mean_ms is not None and told.mean_ms >= SLOW_MS else []
    return " ".join(words)


def _ring(told: Told, middle: Point) -> str:
    """A ring with a red share of 5xx and an amber one of 4xx; none where no calls are known."""
    if told.state != "told" or not told.requests:
        return ""
    place = f'cx="{middle.x:.1f}" cy="{middle.y:.1f}" r="{RING_RADIUS}"'
    known = "" if told.errors is not None else " unknown"
    arcs, begin = [f'<circle class="ring{known}" {place}/>'], 0.0
    for style, count in (("bad", told.errors), ("warn", told.client_errors)):
        if count:
            share = min(max(count / told.requests, LEAST_ARC) * 100, 100.0)
            turn = f'transform="rotate({begin * 3.6 - 90:.1f} {middle.x:.1f} {middle.y:.1f})"'
            arcs.append(
                f'<circle class="ring {style}" {place} pathLength="100"'
                f' stroke-dasharray="{share:.1f} 100" {turn}/>'
            )
            begin += share
    return "".join(arcs)


def _box(spot: Spot, middle: Point) -> str:
    x, y = middle.x - NODE_WIDTH / 2, middle.y - NODE_HEIGHT / 2
    round_ = {Kind.SERVICE: 9, Kind.OUTSIDE: NODE_HEIGHT / 2, Kind.REMOTE: 1}[spot.kind]
    size = f'width="{NODE_WIDTH:.0f}" height="{NODE_HEIGHT:.0f}" rx="{round_:.0f}"'
    stack = f'<rect class="stack" x="{x + 4:.1f}" y="{y + 4:.1f}" {size}/>' if len(spot.members) > 1 else ""
    return f'{stack}<rect class="box" x="{x:.1f}" y="{y:.1f}" {size}/>'


def under_name(spot: Spot, told: Told, seconds: float) -> str:
    """The second line of a node: its rate and latency, or why there are none."""
    if told.state == "missing":
        return "missing here"
    if told.state == "untold":
        return "not drawn here"
    if spot.kind is Kind.OUTSIDE:
        return "callers"
    parts = [numbers.rate(told.requests, seconds)] if told.requests else []
    if told.p95_ms is not None:
        parts.append(f"p95 {numbers.short_duration(told.p95_ms)}")
    elif told.mean_ms is not None:
        parts.append(numbers.short_duration(told.mean_ms))
    if spot.kind is Kind.REMOTE:
        parts = ["no spans", *parts[:1]]
    return " · ".join(parts)


def edge_text(link: Link, told: Told, *, brief: bool = False) -> str:
    """`brief`: of thousands of edges, where every figure would make the page too large."""
    ends = f"{shown(link.source.name)} calls {shown(link.target.name)}"
    if told.state != "told":
        return f"{ends}: {'missing in this map' if told.state == 'missing' else 'not told by this backend'}"
    parts = [f"{numbers.count(told.requests)} requests"]
    if brief:
        return f"{ends}: {parts[0]}{'; this map diverges here' if told.odd else ''}"
    parts.append("errors not told" if told.errors is None else f"{numbers.count(told.errors)} errors")
    parts.append(
        "latency not told" if told.mean_ms is None else f"{numbers.duration(told.mean_ms)} on average"
    )
    if told.p95_ms is not None:
        parts.append(f"p95 {numbers.duration(told.p95_ms)}")
    if told.client_errors:
        parts.append(f"{numbers.count(told.client_errors)} client errors (4xx)")
    return f"{ends}: {', '.join(parts)}{'; ' + (told.note or 'this map diverges here') if told.odd else ''}"


def node_text(spot: Spot, told: Told) -> str:
    state = {"told": "", "missing": ", missing in this map", "untold": ", not drawn by this backend"}[
        told.state
    ]
    members = ", ".join(shown(node.name) for node in spot.members[:30])
    more = f", and {len(spot.members) - 30} more" if len(spot.members) > 30 else ""
    names = f" ({members}{more})" if len(spot.members) > 1 else ""
    return f"{spot.kind} {shown(spot.name)}{names}{state}"


def render_svg(scene: Scene) -> str:
    """All maps of a comparison on one picture, side by side."""
    painter = Painter(scene)
    comparison = scene.comparison
    names = list(comparison.maps)
    panel = max(painter.width, 230) + PANEL_GAP
    width, height = len(names) * panel + PANEL_GAP, painter.height + 2 * PANEL_TOP + PANEL_GAP
    verdict = "agree" if comparison.agree else "differ"
    panels = [_panel(painter, name, PANEL_GAP + index * panel) for index, name in enumerate(names)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' height="{height:.0f}" role="img"><title>{len(names)} service maps: {verdict}</title>'
        f"<style>{COLOURS}{MAP}{POSTER}</style>"
        '<rect class="paper" width="100%" height="100%"/>'
        f'<g class="map"><text class="top left {verdict}" x="{PANEL_GAP:.0f}" y="29">{verdict}</text>'
        f'<text class="when left" x="{PANEL_GAP + 70:.0f}" y="28">'
        f"{numbers.window_text(comparison.window)}</text></g>{''.join(panels)}</svg>\n"
    )


def _panel(painter: Painter, name: str, left: float) -> str:
    width, height = max(painter.width, 230), painter.height + PANEL_TOP
    readable = painter.scene.comparison.maps[name] is not None
    heading = markup(fitted(title(name), 40)) + ("" if readable else ": could not be read")
    crowded = " crowded" if painter.crowded else ""
    inside = ""
    if readable:
        pieces = "".join((*painter.edges(name).values(), *painter.nodes(name).values()))
        inside = f'<g transform="translate({(width - painter.width) / 2:.0f} 36)">{pieces}</g>'
    return (
        f'<g class="map{crowded}" transform="translate({left:.0f} {PANEL_TOP:.0f})">'
        f'<rect class="panel" width="{width:.0f}" height="{height:.0f}" rx="10"/>'
        f'<text class="top left" x="18" y="28">{heading}</text>{inside}</g>'
    )
