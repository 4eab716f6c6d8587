"""A comparison as a Mermaid flowchart: one subgraph a map."""

from collections.abc import Iterator

from threemaps.model.servicemap import Kind
from threemaps.render import numbers
from threemaps.render.names import fitted, title
from threemaps.render.scene import Link, Scene, Told

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
    links = _most_telling(scene, MOST_EDGES // max(len(sources), 1))
    while True:
        text = "".join(_lines(scene, links))
        if len(text) <= MOST_TEXT or not links:
            return text
        links = links[: len(links) * 4 // 5]


def _most_telling(scene: Scene, limit: int) -> list[Link]:
    """Where the maps differ, then the busiest."""

    def weight(link: Link) -> tuple[bool, int]:
        told = [scene.told_of_edge(source, link) for source in scene.comparison.maps]
        return any(one.odd for one in told), max(one.requests or 0 for one in told)

    if len(scene.links) <= limit:
        return scene.links
    return sorted(scene.links, key=weight, reverse=True)[:limit]


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
            told = scene.told_of_node(source, spot)
            if told.state != "untold":
                opening, closing = SHAPES[spot.kind]
                name = escaped(fitted(spot.name, NAME_CELLS))
                yield f"    m{number}{spot.key}{opening}{name}{closing}{_class(told)}\n"
        for link in links if readable else ():
            yield from _edge(number, link, scene.told_of_edge(source, link))
        yield "  end\n"


def _edge(number: int, link: Link, told: Told) -> Iterator[str]:
    ends = f"m{number}{link.source.key}", f"m{number}{link.target.key}"
    if told.state == "missing":
        yield f'    {ends[0]} -. "missing" .-> {ends[1]}\n'
    elif told.state == "told":
        arrow = "==>" if told.odd else "-->"
        yield f'    {ends[0]} {arrow}|"{escaped(_label(told))}"| {ends[1]}\n'


def _label(told: Told) -> str:
    parts = [numbers.short_count(told.requests)]
    parts += [f"{numbers.short_count(told.errors)} errors"] if told.errors else []
    parts += [numbers.duration(told.mean_ms)] if told.mean_ms is not None else []
    return ", ".join(parts)


def _class(told: Told) -> str:
    if told.state == "missing":
        return ":::missing"
    return ":::differs" if told.odd else ""


def escaped(text: str) -> str:
    """Mermaid's entity codes for all that is more than a letter: `#59;` is a semicolon."""
    return "".join(
        character if character.isalnum() or character in " _-./:," else f"#{ord(character)};"
        for character in text
    )
