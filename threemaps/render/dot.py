"""A comparison as a Graphviz graph: one cluster a map."""

from collections.abc import Iterator

from threemaps.model.servicemap import Kind
from threemaps.render import numbers
from threemaps.render.names import fitted, title
from threemaps.render.scene import Link, Scene, Told

NAME_CELLS = 60
SHAPES = {Kind.SERVICE: "box", Kind.OUTSIDE: "oval", Kind.REMOTE: "box3d"}
HEAD = """\
digraph threemaps {
  graph [fontname="Helvetica", rankdir=TB, nodesep=0.35, ranksep=0.6]
  node [fontname="Helvetica", fontsize=11, style="rounded,filled", fillcolor="#eef2f8", color="#7d8ea6"]
  edge [fontname="Helvetica", fontsize=10, color="#6c7682"]
"""


def render_dot(scene: Scene) -> str:
    return "".join((HEAD, *_clusters(scene), "}\n"))


def _clusters(scene: Scene) -> Iterator[str]:
    for number, (source, found) in enumerate(scene.comparison.maps.items()):
        heading = title(source) + ("" if found is not None else ": could not be read")
        yield f"  subgraph cluster_{number} {{\n    label={quoted(heading)}\n    color={quoted('#dcdfe3')}\n"
        if found is not None:
            yield from _nodes(scene, number, source)
            for link in scene.links:
                yield from _edge(number, link, scene.told_of_edge(source, link))
        yield "  }\n"


def _nodes(scene: Scene, number: int, source: str) -> Iterator[str]:
    for spot in scene.spots:
        told = scene.told_of_node(source, spot)
        style = {"missing": ', style="dashed", color="#b3261e"', "untold": ', style="invis"'}.get(
            told.state, ""
        )
        if told.state == "told" and told.odd:
            style = ', color="#b26a00", penwidth=2'
        label = quoted(fitted(spot.name, NAME_CELLS))
        yield f"    m{number}{spot.key} [label={label}, shape={SHAPES[spot.kind]}{style}]\n"


def _edge(number: int, link: Link, told: Told) -> Iterator[str]:
    """An edge that a map does not hold still shapes the layout, so that all maps look alike."""
    ends = f"    m{number}{link.source.key} -> m{number}{link.target.key}"
    if told.state == "untold":
        yield f"{ends} [style=invis]\n"
    elif told.state == "missing":
        yield f'{ends} [label="missing", style=dashed, color="#b3261e", fontcolor="#b3261e"]\n'
    else:
        parts = [numbers.short_count(told.requests)]
        parts += [f"{numbers.short_count(told.errors)} errors"] if told.errors else []
        parts += [numbers.duration(told.mean_ms)] if told.mean_ms is not None else []
        style = ', color="#b26a00", penwidth=2' if told.odd else ""
        yield f"{ends} [label={quoted(', '.join(parts))}{style}]\n"


def quoted(text: str) -> str:
    """Graphviz reads backslashes and HTML entities inside of quotes."""
    plain = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
