"""What the page shows beside the maps for one edge or node: figures, course over time, traces, ways on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from threemaps.errors import UserError
from threemaps.model.difference import Window
from threemaps.model.servicemap import Kind, Node
from threemaps.readers.over_time import Period, over_time
from threemaps.readers.recent import Sample, edge_filter, listed, service_filter
from threemaps.render.names import shown
from threemaps.render.scene import Link, Scene, Spot, Told
from threemaps.settings import Settings
from threemaps.web.asking import tried

SPARK_WIDTH, SPARK_HEIGHT = 300, 48
MOST_TRACES = 5


@dataclass(frozen=True, slots=True)
class Part:
    """An edge or a node of the picture, by its key."""

    title: str
    entity: str  # X-Ray's expression for it, or nothing where it is a group or the outside
    services: tuple[str, ...]
    told: Mapping[str, Told]


@dataclass(frozen=True, slots=True)
class Panel:
    part: Part
    lists: Mapping[str, list[Sample]] = field(default_factory=dict)
    spark: Markup = field(default_factory=Markup)
    problem: UserError | None = None


def part_of(scene: Scene, key: str) -> Part | None:
    names = list(scene.comparison.maps)
    link = next((one for one in scene.links if one.key == key), None)
    if link is not None:
        told = {name: scene.told_of_edge(name, link) for name in names}
        return Part(_edge_title(link), _edge_entity(link), _services(*link.edges[0]), told)
    spot = next((one for one in scene.spots if one.key == key), None)
    if spot is None:
        return None
    told = {name: scene.told_of_node(name, spot) for name in names}
    single = len(spot.members) == 1 and spot.kind is not Kind.OUTSIDE
    return Part(shown(spot.name), _node_entity(spot) if single else "", _services(*spot.members[:1]), told)


def _edge_title(link: Link) -> str:
    return f"{shown(link.source.name)} → {shown(link.target.name)}"


def _edge_entity(link: Link) -> str:
    return edge_filter(*link.edges[0]) if len(link.edges) == 1 else ""


def _node_entity(spot: Spot) -> str:
    return service_filter(spot.members[0].name)


def _services(*nodes: Node) -> tuple[str, ...]:
    return tuple(dict.fromkeys(node.name for node in nodes if node.kind is Kind.SERVICE))


def read_panel(settings: Settings, window: Window, part: Part) -> Panel:
    """Asks X-Ray, which alone lists traces by edge; what it refuses is shown in the panel."""
    if not part.entity:
        return Panel(part)
    samples, problem = tried(lambda: listed(settings, window, part.entity))
    periods, _ = tried(lambda: over_time(settings, window, part.entity))
    by = {
        "recent": lambda one: one.moment.timestamp(),
        "slowest": lambda one: one.duration_ms,
    }
    found = samples or []
    ordered = {name: sorted(found, key=key, reverse=True) for name, key in by.items()}
    ordered["failing"] = [one for one in ordered["recent"] if one.failed]
    lists = {name: samples[:MOST_TRACES] for name, samples in ordered.items()}
    return Panel(part, lists, sparkline(periods or [], window), problem)


def sparkline(periods: list[Period], window: Window) -> Markup:
    """Requests over time, the failed ones red; one bar a period."""
    if not periods:
        return Markup("")
    most = max(one.requests for one in periods) or 1
    wide = max(2.0, SPARK_WIDTH / max(window.seconds / 60, 1) - 1)
    bars = []
    for one in periods:
        share = (one.moment - window.start).total_seconds() / (window.seconds or 1)
        x = min(max(share, 0.0) * SPARK_WIDTH, SPARK_WIDTH - wide)
        for css, count in (("bar", one.requests), ("bar failed", one.faults)):
            high = count / most * (SPARK_HEIGHT - 2)
            bars.append(
                f'<rect class="{css}" x="{x:.1f}" y="{SPARK_HEIGHT - high:.1f}"'
                f' width="{wide:.1f}" height="{high:.1f}"/>'
            )
    return Markup(  # noqa: S704 - numbers alone
        f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" role="img"'
        f' aria-label="Requests over time, at most {most} in a period">{"".join(bars)}</svg>'
    )
