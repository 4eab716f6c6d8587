"""Whatever is done to a map is found, and nothing is found where nothing was done."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.compare.maps import WINDOW, a_map, compared, edge, only, source, three
from threemaps.model.difference import Comparison, DifferenceKind, Source
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap

names = st.text("abcdefgh_-.:0123456789", min_size=1, max_size=12)
nodes = st.builds(Node, names, st.sampled_from([Kind.SERVICE, Kind.REMOTE]))
counts = st.integers(1, 10**6)


@st.composite
def edges(draw: st.DrawFn) -> Edge:
    requests = draw(counts)
    return Edge(draw(nodes), draw(nodes), requests, draw(st.integers(0, requests)))


maps = st.lists(edges(), min_size=1, max_size=15, unique_by=lambda one: one.key).map(
    lambda found: ServiceMap.of([], found)
)


def pair(one: ServiceMap, other: ServiceMap) -> list[Source]:
    return [source("xray", one, "before.json"), source("xray", other, "after.json")]


@given(maps)
def test_a_map_agrees_with_itself(found: ServiceMap) -> None:
    comparison = compared(*pair(found, found))
    assert comparison.agree
    assert comparison.differences == ()


@settings(max_examples=60)
@given(maps, st.data())
def test_a_dropped_edge_is_found(found: ServiceMap, data: st.DataObject) -> None:
    dropped = data.draw(st.sampled_from(found.edges))
    less = ServiceMap.of(found.nodes, [one for one in found.edges if one is not dropped])
    difference = only(compared(*pair(found, less)))
    assert difference.kind is DifferenceKind.MISSING_EDGE
    assert (difference.source, difference.target) == dropped.key
    assert difference.not_in == ("after.json",)
    assert not difference.expected


@settings(max_examples=60)
@given(maps, edges())
def test_an_added_edge_is_found(found: ServiceMap, added: Edge) -> None:
    if found.edge(*added.key):
        return
    more = ServiceMap.of(found.nodes, [*found.edges, added])
    comparison = compared(*pair(found, more))
    missing = only(comparison, DifferenceKind.MISSING_EDGE)
    assert (missing.source, missing.target) == added.key
    assert missing.not_in == ("before.json",)
    new = {end for end in added.key if end not in found.nodes}
    said = {one.source for one in comparison.differences if one.kind is DifferenceKind.MISSING_NODE}
    assert said == new


@settings(max_examples=60)
@given(maps, st.data())
def test_a_renamed_node_is_found(found: ServiceMap, data: st.DataObject) -> None:
    old = data.draw(st.sampled_from(found.nodes))
    new = Node(old.name + "!", old.kind)
    if new in found.nodes:
        return
    renamed = ServiceMap.of(
        [],
        [
            replace(one, source=swap(one.source, old, new), target=swap(one.target, old, new))
            for one in found.edges
        ],
    )
    comparison = compared(*pair(found, renamed))
    assert not comparison.agree
    said = {one.source for one in comparison.differences if one.kind is DifferenceKind.MISSING_NODE}
    assert said == {old, new}


def swap(one: Node, old: Node, new: Node) -> Node:
    return new if one == old else one


@settings(max_examples=60)
@given(maps, st.data(), st.integers(1, 1000), st.sampled_from(["requests", "errors"]))
def test_a_changed_count_is_found(found: ServiceMap, data: st.DataObject, by: int, what: str) -> None:
    victim = data.draw(st.sampled_from(found.edges))
    changed = replace(victim, **{what: getattr(victim, what) + by})
    other = found.map_edges(lambda one: changed if one is victim else one)
    difference = only(compared(*pair(found, other)))
    assert difference.kind == what
    assert (difference.source, difference.target) == victim.key
    assert difference.values == {"before.json": getattr(victim, what), "after.json": getattr(changed, what)}
    assert not difference.expected


def test_the_odd_one_out_of_three_is_named() -> None:
    difference = only(three(a_map("web>api 40"), a_map("web>api 38"), a_map("web>api 40")))
    assert difference.diverging == ("xray",)
    assert difference.present_in == ("honeycomb", "xray", "cloudwatch")
    assert difference.not_in == ()
    assert difference.values == {"honeycomb": 40, "xray": 38, "cloudwatch": 40}


def test_what_is_not_told_is_no_difference() -> None:
    assert three(a_map("web>api 40"), a_map("web>api 40 3"), a_map("web>api 40 3")).differences == ()
    assert not three(a_map("web>api 40"), a_map("web>api 40 3"), a_map("web>api 40 4")).agree


def test_a_name_and_a_kind_make_a_node() -> None:
    beside = a_map("api>users 3", "api>users! 2")
    assert len(beside.edges) == 2
    comparison = compared(source("xray", beside), source("xray", a_map("api>users 3"), "x.json"))
    assert {
        (one.kind, str((one.target or one.source).kind)) for one in comparison.differences if one.source
    } == {
        (DifferenceKind.MISSING_EDGE, "remote"),
        (DifferenceKind.MISSING_NODE, "remote"),
    }


def test_an_unreadable_source_leaves_the_others_to_be_compared() -> None:
    comparison = compared(
        source("honeycomb", None),
        source("xray", a_map("web>api 40")),
        source("cloudwatch", a_map("web>api 41")),
    )
    assert comparison.maps["honeycomb"] is None
    assert not comparison.readable
    unreadable = only(comparison, DifferenceKind.UNREADABLE)
    assert unreadable.cause == "no route"
    assert unreadable.not_in == ("honeycomb",)
    assert only(comparison, DifferenceKind.REQUESTS).values == {"xray": 40, "cloudwatch": 41}


def test_the_json_has_the_shape_that_scripts_rely_on() -> None:
    document = compared(
        source("xray", ServiceMap.of([], [edge("activities>users 40 0", mean_ms=3.1)])),
        source("honeycomb", a_map("web>api 1")),
        source("cloudwatch", None),
    ).to_json()
    assert document["window"] == {"start": "2026-03-01T12:00:00.000Z", "end": "2026-03-01T12:15:00.000Z"}
    assert document["agree"] is False
    assert document["maps"]["cloudwatch"] is None
    assert document["maps"]["xray"] == {
        "nodes": [{"name": "activities", "kind": "service"}, {"name": "users", "kind": "service"}],
        "edges": [
            {
                "source": "activities",
                "source_kind": "service",
                "target": "users",
                "target_kind": "service",
                "requests": 40,
                "errors": 0,
                "mean_ms": 3.1,
                "p95_ms": None,
            }
        ],
    }
    [missing] = [
        one for one in document["differences"] if one["kind"] == "missing_edge" and one["in"] == ["xray"]
    ]
    assert {key: missing[key] for key in ("source", "target", "not_in", "values", "expected")} == {
        "source": "activities",
        "target": "users",
        "not_in": ["honeycomb"],
        "values": {"xray": 40, "honeycomb": None},
        "expected": False,
    }
    assert missing["cause"]
    assert missing["advice"]
    [lonely] = [
        one for one in document["differences"] if one["kind"] == "missing_node" and one["source"] == "users"
    ]
    assert lonely["source_kind"] == "service"
    assert lonely["target"] is None


def test_one_reason_for_two_sources_is_told_once() -> None:
    comparison = compared(
        source("honeycomb", a_map()), source("cloudwatch", a_map()), source("xray", a_map("a>b 1"))
    )
    same = [source("xray", a_map(), "a.json"), source("xray", a_map(), "b.json")]
    told = compared(source("xray", a_map("x>y 1", "y>z 1")), *same)
    assert not comparison.agree
    assert [one.not_in for one in told.differences if one.target] == [("a.json", "b.json")] * 2


def test_a_filter_that_matches_nothing_is_no_agreement() -> None:
    nothing = Comparison(WINDOW, {"xray": a_map(), "honeycomb": a_map()})

    assert nothing.is_empty
    assert nothing.agree
    assert not Comparison(WINDOW, {"xray": a_map(), "honeycomb": a_map()}, service="nobody").agree
    assert not Comparison(WINDOW, {"xray": a_map(), "honeycomb": a_map()}, contract=()).agree


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("[fd00::1]:80", "[fd00::2]:80", False),
        ("[fd00::1]:80", "[fd00::1]:81", True),
        ("fd00::1", "fd00::2", False),
        ("10.0.0.1:80", "10.0.0.1:81", True),
        ("10.0.0.1:80", "10.0.0.2:80", False),
        ("orders", "10.0.0.2:80", True),
    ],
)
def test_callees_without_spans_under_two_names(one: str, other: str, same: bool) -> None:
    maps = [a_map(f"web>{name}! 7 0") for name in (one, other)]

    assert compared(source("xray", maps[0]), source("cloudwatch", maps[1])).agree == same


def test_two_backends_of_one_pipeline_are_one_witness() -> None:
    """X-Ray and CloudWatch draw the same spans: both may lack what Honeycomb has."""
    less = a_map("(outside)>web 40 0", "web>api 33 0")
    comparison = compared(
        source("honeycomb", a_map("web>api 40")), source("xray", less), source("cloudwatch", less)
    )

    found = {one.diverging for one in comparison.differences if one.kind == "requests"}
    assert found == {("xray", "cloudwatch")}
