"""A comparison as a Graphviz graph: one cluster a map."""

from collections.abc import Iterator

from threemaps.model.servicemap import Kind
from threemaps.render.grouping import Link
from threemaps.render.labels import plain_label
from threemaps.render.names import fitted, title
from threemaps.render.scene import Figures, Scene

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
                yield from _edge(number, link, scene.of_link(source, link))
        yield "  }\n"


def _nodes(scene: Scene, number: int, source: str) -> Iterator[str]:
    for spot in scene.spots:
        figures = scene.of_spot(source, spot)
        style = {"missing": ', style="dashed", color="#b3261e"', "undrawn": ', style="invis"'}.get(
            figures.state, ""
        )
        if figures.state == "drawn" and figures.diverging:
            style = ', color="#b26a00", penwidth=2'
        label = quoted(fitted(spot.name, NAME_CELLS))
        yield f"    m{number}{spot.key} [label={label}, shape={SHAPES[spot.kind]}{style}]\n"


def _edge(number: int, link: Link, figures: Figures) -> Iterator[str]:
    """An edge that a map does not hold still shapes the layout, so that all maps look alike."""
    ends = f"    m{number}{link.source.key} -> m{number}{link.target.key}"
    if figures.state == "undrawn":
        yield f"{ends} [style=invis]\n"
    elif figures.state == "missing":
        yield f'{ends} [label="missing", style=dashed, color="#b3261e", fontcolor="#b3261e"]\n'
    else:
        style = ', color="#b26a00", penwidth=2' if figures.diverging else ""
        yield f"{ends} [label={quoted(plain_label(figures))}{style}]\n"


def quoted(text: str) -> str:
    """Graphviz reads backslashes and HTML entities inside of quotes."""
    plain = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
