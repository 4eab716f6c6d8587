"""Maps and sources in few words: `a_map("web>api 40 2")`; `(outside)` and `db:5432!` are the other kinds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from threemaps.diagnose import PURE, explained
from threemaps.diagnose.case import Subject
from threemaps.diagnose.reading import NothingArrived
from threemaps.model.diff import differences
from threemaps.model.difference import Comparison, Difference, DifferenceKind, Source, Window
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(minutes=15))


def node(text: str) -> Node:
    if text == "(outside)":
        return Node.outside()
    return Node(text.removesuffix("!"), Kind.REMOTE) if text.endswith("!") else Node(text)


def edge(text: str, mean_ms: float | None = None) -> Edge:
    """`caller>callee`, the requests and the errors, `-` for what is not told."""
    ends, requests, errors = (text + " - -").split()[:3]
    source, target = ends.split(">")
    counts = [None if word == "-" else int(word) for word in (requests, errors)]
    return Edge(node(source), node(target), *counts, mean_ms)


def a_map(*edges: str, nodes: str = "") -> ServiceMap:
    return ServiceMap.of(map(node, nodes.split()), map(edge, edges))


def source(backend: str, found: ServiceMap | None, name: str = "", window: Window = WINDOW) -> Source:
    return Source(name or backend, backend, window, found, problem="no route" if found is None else "")


def compared(*sources: Source, asked: Sequence[Subject] = ()) -> Comparison:
    found = explained(sources, differences(sources), (*PURE, *asked, NothingArrived()))
    return Comparison(
        WINDOW, {one.name: one.map for one in sources}, found, {one.name: one for one in sources}
    )


def three(
    honeycomb: ServiceMap, xray: ServiceMap, cloudwatch: ServiceMap, asked: Sequence[Subject] = ()
) -> Comparison:
    return compared(
        source("honeycomb", honeycomb), source("xray", xray), source("cloudwatch", cloudwatch), asked=asked
    )


def only(comparison: Comparison, kind: DifferenceKind | None = None) -> Difference:
    """The one difference, of this kind if one is named."""
    [found] = [one for one in comparison.differences if kind in (None, one.kind)]
    return found
