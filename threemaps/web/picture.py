"""One state of the comparison, cut into pieces that are sent to the page one by one when they change.

What has not changed since the picture before is not drawn anew.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from threemaps.model.difference import Comparison
from threemaps.model.servicemap import Kind, Node, ServiceMap
from threemaps.render import html, numbers, words
from threemaps.render.grouping import Link
from threemaps.render.layout import NODE_HEIGHT, NODE_WIDTH
from threemaps.render.names import markup, title
from threemaps.render.scene import MERGED, Scene
from threemaps.render.svg import Painter, is_crowded
from threemaps.web import tour
from threemaps.web.view import View

# The table lists no more edges than this; the filter finds the others.
MOST_ROWS = 200
SMALL = 25  # nodes of a map that needs no minimap
LARGEST_PAGE = 700_000  # bytes of pieces; what is around them comes to 250,000 at most
NODES, EDGES = {"n": "nodes"}, {"e": "edges"}
GROUPS = NODES | EDGES

Changes = dict[str, dict[str, str]]  # regions, pieces, gone → element id → what it is now


@dataclass(frozen=True)
class Picture:
    """Element id → text: `regions` are replaced as a whole, `pieces` of maps and `rows` one by one."""

    version: int
    scene: Scene
    regions: dict[str, str]
    pieces: dict[str, str]
    rows: dict[str, str]

    @property
    def is_crowded(self) -> bool:
        return is_crowded(self.scene)

    @cached_property
    def later(self) -> list[int]:
        """Maps whose edges come after the first page, which stays small: the last ones."""
        sizes: Counter[int] = Counter()
        for key, text in self.pieces.items():
            sizes[int(key[1 : key.index("-")])] += len(text)
        found: list[int] = []
        while sum(sizes.values()) > LARGEST_PAGE and len(sizes) > 1:
            found.append(max(sizes))
            del sizes[found[-1]]
        return found

    def whole(self, index: int, groups: Mapping[str, str] = GROUPS) -> str:
        """The region of a map with all of its pieces, or with those of these groups."""
        body = self.regions.get(f"p{index}", "")
        for letter, group in groups.items():
            inside = "".join(
                text for key, text in self.pieces.items() if key.startswith(f"m{index}-{letter}")
            )
            body = body.replace(f'<g class="{group}"></g>', f'<g class="{group}">{inside}</g>', 1)
        return body

    def changes(self, known: "Picture | None") -> Changes:
        """What a page that shows `known` has to replace, add and take away."""
        old_regions = known.regions if known else {}
        old_pieces = known.pieces | known.rows if known else {}
        new_pieces = self.pieces | self.rows
        regions = {key: text for key, text in self.regions.items() if old_regions.get(key) != text}
        # A map whose frame is replaced starts out empty.
        emptied = tuple(f"m{key[1:]}-" for key in regions if key.startswith("p"))
        pieces = {
            key: text
            for key, text in new_pieces.items()
            if old_pieces.get(key) != text or (emptied and key.startswith(emptied))
        }
        gone = [key for key in old_pieces if key not in new_pieces]
        return {"regions": regions, "pieces": pieces, "gone": dict.fromkeys(gone, "")}


def picture(version: int, comparison: Comparison, view: View, before: Picture | None = None) -> Picture:
    """`before` is the picture before this one of the same view."""
    shown = comparison if comparison.settled else without_calls_under_way(comparison)
    scene = Scene(shown, before.scene if before else None)
    painter = Painter(scene, interactive=True)
    columns = html.fields(scene)
    regions = {
        "verdict": verdict(comparison),
        "traffic": health(comparison, view),
        "differences": html.differences(comparison),
        "more-rows": more_rows(scene),
        "table-head": html.table_head(columns, sortable=True),
        "minimap": minimap(scene),
        "tour-now": tour.now(scene),
    }
    kept = before if before and scene.changed is not None else None
    pieces = dict(kept.pieces) if kept else {}
    drawn = [name for name, found in comparison.maps.items() if found is not None] if scene.spots else []
    for index, name in enumerate(comparison.maps):
        regions[f"p{index}"] = html.panel_body(scene, name, painter.shell(name) if name in drawn else "")
    if scene.spots:
        regions[f"p{len(comparison.maps)}"] = html.scrolled(painter.shell(MERGED), "Merged map")
    for name in (*drawn, MERGED) if scene.spots else ():
        pieces |= painter.edges(name, scene.changed) | painter.nodes(name)
    same_table = kept is not None and kept.regions["table-head"] == regions["table-head"]
    rows = _rows(scene, columns, view, kept.rows if kept and same_table else {})
    return Picture(version, scene, regions, pieces, rows)


def _rows(
    scene: Scene, columns: Mapping[str, list[str]], view: View, known: Mapping[str, str]
) -> dict[str, str]:
    """The table's rows by id; `known` are those of the picture before."""
    changed = scene.changed or ()
    found = {}
    for link in listed(scene):
        name = f"r-{link.key}"
        is_known = name in known and link not in changed
        found[name] = known[name] if is_known else row(scene, link, columns, view)
    return found


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
    if comparison.settles_at:
        word, state = "reading", "settling"
        at = f"{comparison.settles_at:%H:%M:%S} UTC"
        why = f"calls keep coming: compared at {at}, when a minute of them is whole in every source"
    elif not any(found and found.nodes for found in comparison.maps.values()):
        word, state, why = "empty", "settling", words.nothing(comparison)[0]
    elif not comparison.settled:
        word, state, why = "reading", "settling", "the first maps are being read"
    elif comparison.agree:
        word, state, why = "agree", "agree", "every backend reports the same"
    else:
        word, state, why = "differ", "differ", f"{unexpected} unexpected, each with its cause below"
    if unread:
        why = f"{words.listed(unread)} could not be read"
    return (
        f'<span class="word {state}">{word}</span><span class="why">{markup(why)}</span>'
        f'<span class="when">{numbers.window_text(comparison.window)}</span>'
    )


def health(comparison: Comparison, view: View) -> str:
    """The second verdict: is the traffic well, and what no map shows."""
    if not comparison.settled or (comparison.is_empty and comparison.healthy):
        return ""
    if comparison.healthy:
        return f'<p class="health good">{words.health(comparison)}</p>'
    items = "".join(
        f"<li><b>{markup(one.what)}</b> <span>{html.commands(one.advice)}</span></li>"
        for one in comparison.troubles
    )
    if any(edge.errors for found in comparison.maps.values() if found for edge in found.edges):
        items += f'<li><a href="/traces?{markup(view.query(order="failing"))}">Failing traces</a></li>'
    return f'<ul class="health bad" aria-label="Not well">{items}</ul>'


def listed(scene: Scene) -> list[Link]:
    """Where maps differ and the busiest if there are too many; in an order that figures do not change."""
    chosen = scene.links if len(scene.links) <= MOST_ROWS else scene.by_weight()[:MOST_ROWS]
    return sorted(chosen, key=scene.place)


def more_rows(scene: Scene) -> str:
    more = len(scene.links) - MOST_ROWS
    if more <= 0:
        return ""
    return f"<p>{more:,} more edges are drawn and not listed. Filter by service to see theirs.</p>"


def row(scene: Scene, link: Link, columns: Mapping[str, list[str]], view: View) -> str:
    name = markup(f"{link.source.name} → {link.target.name}")
    attributes = (
        f' id="r-{link.key}" data-key="{link.key}" data-name="{name}" data-place="{scene.place(link)}"'
    )
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
