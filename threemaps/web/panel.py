"""What the page shows beside the maps for one edge or node: figures, course over time, traces, ways on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from markupsafe import Markup

from threemaps.errors import UserError
from threemaps.model.difference import Window
from threemaps.model.servicemap import Kind, Node
from threemaps.readers.over_time import Course, Period, courses, over_time
from threemaps.readers.recent import Sample, edge_filter, listed, service_filter
from threemaps.render.grouping import Link, Spot
from threemaps.render.names import shown
from threemaps.render.scene import Figures, Scene
from threemaps.settings import Settings
from threemaps.web import charts
from threemaps.web.asking import tried
from threemaps.web.charts import sparkline

MOST_TRACES = 5
MOST_ENTRIES = 3  # services whose requests are asked for, one question each


@dataclass(frozen=True, slots=True)
class Part:
    """An edge or a node of the picture, by its key."""

    title: str
    entity: str  # X-Ray's expression for it, or nothing where it is a group or the outside
    services: tuple[str, ...]
    figures: Mapping[str, Figures]
    ends: tuple[str, str] = ("", "")  # caller, or nothing for all callers, and callee


@dataclass(frozen=True, slots=True)
class Panel:
    part: Part
    lists: Mapping[str, list[Sample]] = field(default_factory=dict)
    spark: Markup = field(default_factory=Markup)
    courses: list[tuple[Course, Markup]] = field(default_factory=list)
    problem: UserError | None = None


def part_of(scene: Scene, key: str) -> Part | None:
    names = list(scene.comparison.maps)
    link = next((one for one in scene.links if one.key == key), None)
    if link is not None:
        figures = {name: scene.of_link(name, link) for name in names}
        source, target = link.edges[0]
        caller = "" if source.kind is Kind.OUTSIDE else source.name
        return Part(
            _edge_title(link), _edge_entity(link), _services(source, target), figures, (caller, target.name)
        )
    spot = next((one for one in scene.spots if one.key == key), None)
    if spot is None:
        return None
    figures = {name: scene.of_spot(name, spot) for name in names}
    single = len(spot.members) == 1 and spot.kind is not Kind.OUTSIDE
    entity = _node_entity(spot) if single else ""
    return Part(shown(spot.name), entity, _services(*spot.members[:1]), figures, ("", spot.members[0].name))


def read_requests(settings: Settings, window: Window, scene: Scene) -> tuple[Markup, list[str], str]:
    """Requests over time to the busiest services called from outside, their names, and what went wrong."""
    entries = [link for link in scene.by_weight() if link.source.kind is Kind.OUTSIDE]
    called = [node.name for link in entries for _, node in link.edges if node.kind is Kind.SERVICE]
    names = called[:MOST_ENTRIES]
    found, problem = tried(
        lambda: [one for name in names for one in over_time(settings, window, service_filter(name))]
    )
    moments: dict[datetime, Period] = {}
    for one in found or []:
        held = moments.get(one.moment)
        together = held and replace(
            held, requests=held.requests + one.requests, faults=held.faults + one.faults
        )
        moments[one.moment] = together or one
    periods = [moments[moment] for moment in sorted(moments)]
    return sparkline(periods, window), names, problem.message if problem else ""


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
    found_courses = courses(settings, window, periods or [], *part.ends)
    return Panel(
        part,
        lists,
        sparkline(periods or [], window),
        list(zip(found_courses, charts.latencies(found_courses, window), strict=True)),
        problem,
    )
