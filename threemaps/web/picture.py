"""One state of the comparison, cut into pieces that are sent to the page one by one when they change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from threemaps.model.difference import Comparison
from threemaps.model.servicemap import Kind, Node, ServiceMap
from threemaps.render import html, numbers, words
from threemaps.render.layout import NODE_HEIGHT, NODE_WIDTH
from threemaps.render.names import markup, title
from threemaps.render.scene import MERGED, Link, Scene
from threemaps.render.svg import Painter
from threemaps.web import tour
from threemaps.web.view import View

# The table lists no more edges than this; the filter finds the others.
MOST_ROWS = 200
SMALL = 25  # nodes of a map that needs no minimap

Changes = dict[str, dict[str, str]]  # regions, pieces, gone → element id → what it is now


@dataclass(frozen=True)
class Picture:
    """`regions` are wholes that are replaced, `pieces` are parts of maps and rows; both by element id."""

    version: int
    scene: Scene
    regions: dict[str, str]
    pieces: dict[str, str]

    def changes(self, known: "Picture | None") -> Changes:
        """What a page that shows `known` has to replace, add and take away."""
        old_regions, old_pieces = (known.regions, known.pieces) if known else ({}, {})
        regions = {key: text for key, text in self.regions.items() if old_regions.get(key) != text}
        # A map whose frame is replaced starts out empty.
        emptied = tuple(f"m{key[1:]}-" for key in regions if key.startswith("p"))
        pieces = {
            key: text
            for key, text in self.pieces.items()
            if old_pieces.get(key) != text or (emptied and key.startswith(emptied))
        }
        gone = [key for key in old_pieces if key not in self.pieces]
        return {"regions": regions, "pieces": pieces, "gone": dict.fromkeys(gone, "")}


def picture(version: int, comparison: Comparison, view: View) -> Picture:
    scene = Scene(comparison if comparison.settled else without_calls_under_way(comparison))
    painter = Painter(scene, interactive=True)
    columns = html.fields(scene)
    regions = {
        "verdict": verdict(comparison),
        "traffic": health(comparison),
        "differences": html.differences(comparison),
        "more-rows": more_rows(scene),
        "table-head": html.table_head(columns, sortable=True),
        "minimap": minimap(scene),
        "tour-now": tour.now(scene),
    }
    pieces: dict[str, str] = {}
    for index, (name, found) in enumerate(comparison.maps.items()):
        drawn = found is not None and bool(scene.spots)
        regions[f"p{index}"] = html.panel_body(scene, name, painter.shell(name) if drawn else "")
        if drawn:
            pieces |= painter.edges(name)
            pieces |= painter.nodes(name)
    if scene.spots:
        regions[f"p{len(comparison.maps)}"] = html.scrolled(painter.shell(MERGED), "Merged map")
        pieces |= painter.edges(MERGED) | painter.nodes(MERGED)
    for place, link in enumerate(listed(scene)):
        pieces[f"r-{link.key}"] = row(scene, link, columns, view, place)
    return Picture(version, scene, regions, pieces)


def without_calls_under_way(comparison: Comparison) -> Comparison:
    """Before maps have settled, a callee whose span has not come yet looks like one that sends none."""
    maps = [found for found in comparison.maps.values() if found is not None]
    services = {node.name for found in maps for node in found.nodes if node.kind is Kind.SERVICE}

    def known(node: Node) -> bool:
        return node.kind is not Kind.REMOTE or node.name not in services

    def kept(found: ServiceMap) -> ServiceMap:
        edges = [edge for edge in found.edges if known(edge.target)]
        return ServiceMap.of((node for node in found.nodes if known(node)), edges)

    return replace(comparison, maps={name: found and kept(found) for name, found in comparison.maps.items()})


def verdict(comparison: Comparison) -> str:
    unexpected = sum(not one.expected for one in comparison.differences)
    unread = [title(name) for name, found in comparison.maps.items() if found is None]
    if not any(found and found.nodes for found in comparison.maps.values()):
        word, state, why = "empty", "settling", words.nothing(comparison)[0]
    elif not comparison.settled:
        word, state, why = "reading", "settling", "the first maps are being read"
    elif comparison.agree:
        word, state, why = "agree", "agree", "every backend tells the same story"
    else:
        word, state, why = "differ", "differ", f"{unexpected} unexpected, each with its cause below"
    if unread:
        why = f"{words.listed(unread)} could not be read"
    return (
        f'<span class="word {state}">{word}</span><span class="why">{markup(why)}</span>'
        f'<span class="when">{numbers.window_text(comparison.window)}</span>'
    )


def health(comparison: Comparison) -> str:
    """The second verdict: is the traffic well, and what no map shows."""
    if not comparison.settled or (comparison.is_empty and comparison.healthy):
        return ""
    if comparison.healthy:
        return f'<p class="health good">{words.health(comparison)}</p>'
    items = "".join(
        f"<li><b>{markup(one.what)}</b>{f' <span>{commands(one.advice)}</span>' if one.advice else ''}</li>"
        for one in comparison.troubles
    )
    return f'<ul class="health bad" aria-label="Not well">{items}</ul>'


def commands(text: str) -> str:
    """Text with what is to be typed, `as in Markdown`, set apart."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", markup(text))


def listed(scene: Scene) -> list[Link]:
    """Where maps differ first; the busiest if there are too many, else from top to bottom."""
    if len(scene.links) <= MOST_ROWS:
        return html.differences_first(scene)

    def weight(link: Link) -> tuple[bool, int]:
        told = [scene.told_of_edge(source, link) for source in scene.comparison.maps]
        return any(one.odd for one in told), max(one.requests or 0 for one in told)

    return sorted(scene.links, key=weight, reverse=True)[:MOST_ROWS]


def more_rows(scene: Scene) -> str:
    more = len(scene.links) - MOST_ROWS
    if more <= 0:
        return ""
    return f"<p>{more:,} more edges are drawn and not listed. Filter by service to see theirs.</p>"


def row(scene: Scene, link: Link, columns: Mapping[str, list[str]], view: View, place: int) -> str:
    name = markup(f"{link.source.name} → {link.target.name}")
    attributes = f' id="r-{link.key}" data-key="{link.key}" data-name="{name}" data-place="{place}"'
    return html.edge_row(scene, link, columns, attributes, f"/part?{markup(view.query(key=link.key))}")


def minimap(scene: Scene) -> str:
    """The boxes of a large map alone, for finding the way in it."""
    if len(scene.spots) <= SMALL:
        return ""
    layout = scene.layout
    boxes = "".join(
        f'<rect class="spot" x="{at.x - NODE_WIDTH / 2:.0f}" y="{at.y - NODE_HEIGHT / 2:.0f}"'
        f' width="{NODE_WIDTH:.0f}" height="{NODE_HEIGHT:.0f}"/>'
        for at in layout.nodes
    )
    frame = f'viewBox="0 0 {layout.width:.0f} {layout.height:.0f}"'
    return f'<svg {frame} aria-hidden="true">{boxes}<rect class="seen"/></svg>'
