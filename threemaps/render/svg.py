"""Maps as SVG: a picture of its own, and the pieces that the page puts together and exchanges one by one."""

from collections.abc import Iterable
from functools import cached_property

from threemaps.render import numbers
from threemaps.render.grouping import Link, Spot
from threemaps.render.labels import SLOW_MS, edge_text, label, label_details, node_text, under_name
from threemaps.render.layout import NODE_WIDTH, Point
from threemaps.render.names import fitted, markup, title
from threemaps.render.scene import MERGED, Figures, Scene
from threemaps.render.shapes import box, head, path, ring, thickness
from threemaps.render.style import COLOURS, MAP, POSTER

NAME_CELLS = 16
HEAD_SHARES = (0.5, 0.75, 0.25)
# More edges than this, and their numbers would cover each other: they are in the titles then.
MOST_LABELS = 150
PANEL_GAP, PANEL_TOP = 24.0, 44.0


def is_crowded(scene: Scene) -> bool:
    return len(scene.links) > MOST_LABELS


class Painter:
    """Draws the maps of one scene; every map has the same places."""

    def __init__(self, scene: Scene, *, interactive: bool = False) -> None:
        self.scene = scene
        self.interactive = interactive
        self.crowded = is_crowded(scene)
        self.width, self.height = scene.layout.width, scene.layout.height
        self._ways: dict[Link, str] = {}
        self._heads: dict[tuple[Link, float], str] = {}

    @cached_property
    def _labels(self) -> dict[Spot, str]:
        """Names cut where that keeps most of them apart."""
        cuts = [
            {spot: fitted(spot.name, NAME_CELLS, share) for spot in self.scene.spots} for share in HEAD_SHARES
        ]
        return max(cuts, key=lambda labels: len(set(labels.values())))

    def edges(self, source: str, links: Iterable[Link] | None = None) -> dict[str, str]:
        """Piece's id → its drawing; of all links, or of these alone."""
        prefix = self._prefix(source)
        chosen = self.scene.links if links is None else links
        return {f"{prefix}-{link.key}": self._edge(source, prefix, link) for link in chosen}

    def nodes(self, source: str) -> dict[str, str]:
        prefix = self._prefix(source)
        return {f"{prefix}-{spot.key}": self._node(source, prefix, spot) for spot in self.scene.spots}

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

    def _edge(self, source: str, prefix: str, link: Link) -> str:
        figures = self.scene.of_link(source, link)
        width, way = round(thickness(figures.requests), 1), self._way(link)
        text = edge_text(link, figures, brief=self.crowded)
        # In a crowd every edge is one of thousands: no more pieces to it than have to be.
        reach = "" if self.crowded else f'<path class="reach" d="{way}"/>'
        ends = f"{link.source.key} {link.target.key}"
        return (
            f'<g class="edge {_classes(figures)}"{self._handles(prefix, link.key, text, figures, ends)}>'
            f'{self._title(text)}{reach}<path class="way" d="{way}" stroke-width="{width}"/>'
            f'<polygon class="head" points="{self._head(link, width)}"/>'
            f"{self._label(link, figures)}</g>"
        )

    def _way(self, link: Link) -> str:
        """Drawn once for all maps."""
        if link not in self._ways:
            self._ways[link] = path(self.scene.plan.route(link).points)
        return self._ways[link]

    def _head(self, link: Link, width: float) -> str:
        if (link, width) not in self._heads:
            self._heads[link, width] = head(self.scene.plan.route(link).points, width)
        return self._heads[link, width]

    def _title(self, text: str) -> str:
        """What a browser shows on hovering; the page has something better."""
        return "" if self.interactive else f"<title>{markup(text)}</title>"

    def _label(self, link: Link, figures: Figures) -> str:
        if figures.state == "undrawn" or (self.crowded and not figures.diverging):
            return ""
        place = self.scene.plan.route(link).label
        if figures.state == "missing":
            return label(place, "✕ missing", "")
        delta = f", {numbers.signed(figures.delta)}" if figures.delta else ""
        return label(place, f"{numbers.short_count(figures.requests)}{delta}", label_details(figures))

    def _node(self, source: str, prefix: str, spot: Spot) -> str:
        figures = self.scene.of_spot(source, spot)
        middle = self.scene.plan.place(spot)
        under = under_name(spot, figures, self.scene.seconds)
        circle = ring(figures, Point(middle.x - NODE_WIDTH / 2 + 17, middle.y))
        text_x = middle.x + (10 if circle else 0)
        below = (
            f'<text class="under" x="{text_x:.1f}" y="{middle.y + 15:.1f}">{under}</text>' if under else ""
        )
        text = node_text(spot, figures)
        return (
            f'<g class="node {spot.kind} {_classes(figures)}"'
            f"{self._handles(prefix, spot.key, text, figures)}>"
            f"{self._title(text)}{box(spot, middle)}{circle}"
            f'<text class="name" x="{text_x:.1f}" y="{middle.y + (-2 if under else 4.5):.1f}">'
            f"{markup(self._labels[spot])}</text>{below}</g>"
        )

    def _handles(self, prefix: str, key: str, text: str, figures: Figures, ends: str = "") -> str:
        """By what the page finds a piece again, here and in the other maps; of an edge also its `ends`."""
        if not self.interactive:
            return ""
        values = (
            numbers.count(figures.requests),
            numbers.count(figures.errors),
            numbers.duration(figures.mean_ms),
            numbers.duration(figures.p95_ms),
        )
        related = f' data-ends="{ends}"' if ends else ""
        return (
            f' id="{prefix}-{key}" data-key="{key}" role="button" tabindex="-1"'
            f' aria-label="{markup(text)}"{related} data-figures="{figures.state}|{"|".join(values)}"'
        )


def _classes(figures: Figures) -> str:
    """What the style sheet shows: state, divergence, failures by share, slowness."""
    words = [figures.state]
    words += ["diverging"] if figures.diverging else []
    if figures.errors and figures.requests:
        words.append("failing" if figures.errors * 10 >= figures.requests else "failing-some")
    words += ["slow"] if figures.mean_ms is not None and figures.mean_ms >= SLOW_MS else []
    return " ".join(words)


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
