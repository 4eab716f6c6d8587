"""A comparison as a Mermaid flowchart: one subgraph a map."""

from collections.abc import Iterator

from threemaps.model.servicemap import Kind
from threemaps.render.grouping import Link
from threemaps.render.labels import plain_label
from threemaps.render.names import fitted, title
from threemaps.render.scene import Figures, Scene

# Mermaid refuses a text of more than 50,000 characters or 500 edges, and a chart cannot lift the limits.
MOST_EDGES = 480
MOST_TEXT = 46_000
NAME_CELLS = 48
SHAPES = {Kind.SERVICE: ('["', '"]'), Kind.OUTSIDE: ('(["', '"])'), Kind.REMOTE: ('[["', '"]]')}
STYLES = """\
  classDef missing stroke:#b3261e,stroke-width:2px,stroke-dasharray:6 4
  classDef differs stroke:#b26a00,stroke-width:3px
"""


def render_mermaid(scene: Scene) -> str:
    sources = list(scene.comparison.maps)
    limit = MOST_EDGES // max(len(sources), 1)
    links = scene.links if len(scene.links) <= limit else scene.by_weight()[:limit]
    while True:
        text = "".join(_lines(scene, links))
        if len(text) <= MOST_TEXT or not links:
            return text
        links = links[: len(links) * 4 // 5]


def _lines(scene: Scene, links: list[Link]) -> Iterator[str]:
    yield "flowchart TB\n"
    left_out = len(scene.links) - len(links)
    if left_out:
        yield f"  %% {left_out} edges are left out: Mermaid draws no more. Narrow it down with --service.\n"
    yield STYLES
    spots = {spot for link in links for spot in (link.source, link.target)} if left_out else set(scene.spots)
    for number, source in enumerate(scene.comparison.maps):
        readable = scene.comparison.maps[source] is not None
        heading = title(source) + ("" if readable else ": could not be read")
        yield f'  subgraph m{number}["{escaped(heading)}"]\n'
        for spot in (spot for spot in scene.spots if spot in spots and readable):
            figures = scene.of_spot(source, spot)
            if figures.state != "undrawn":
                opening, closing = SHAPES[spot.kind]
                name = escaped(fitted(spot.name, NAME_CELLS))
                yield f"    m{number}{spot.key}{opening}{name}{closing}{_class(figures)}\n"
        for link in links if readable else ():
            yield from _edge(number, link, scene.of_link(source, link))
        yield "  end\n"


def _edge(number: int, link: Link, figures: Figures) -> Iterator[str]:
    ends = f"m{number}{link.source.key}", f"m{number}{link.target.key}"
    if figures.state == "missing":
        yield f'    {ends[0]} -. "missing" .-> {ends[1]}\n'
    elif figures.state == "drawn":
        arrow = "==>" if figures.diverging else "-->"
        yield f'    {ends[0]} {arrow}|"{escaped(plain_label(figures))}"| {ends[1]}\n'


def _class(figures: Figures) -> str:
    if figures.state == "missing":
        return ":::missing"
    return ":::differs" if figures.diverging else ""


def escaped(text: str) -> str:
    """Mermaid's entity codes for all that is more than a letter: `#59;` is a semicolon."""
    return "".join(
        character if character.isalnum() or character in " _-./:," else f"#{ord(character)};"
        for character in text
    )
