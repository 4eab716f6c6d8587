"""Every format, of every kind of comparison: valid, complete, and deaf to what names try."""

import itertools
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.unit.render import examples
from tests.unit.render.grammar import Dot, check_mermaid
from threemaps.model.difference import Comparison, Difference, DifferenceKind
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.render import FORMATS, render
from threemaps.render.words import what

MAKERS = (
    examples.agreeing,
    examples.differing,
    examples.unreadable,
    examples.empty,
    examples.hostile,
    lambda: examples.crowd(120, 700),
)
Maker = Callable[[], Comparison]
every_kind = pytest.mark.parametrize("make", MAKERS)


class Tags(HTMLParser):
    """Every tag and attribute that a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


@every_kind
@pytest.mark.parametrize("width", [60, 80, 200])
def test_table_fits_the_terminal(make: Maker, width: int) -> None:
    for line in render(make(), "table", width=width).splitlines():
        assert cell_len(line) <= width, line


@every_kind
def test_table_is_plain_unless_told(make: Maker) -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", render(make(), "table"))


def test_colour_changes_nothing_but_the_colour() -> None:
    coloured = render(examples.differing(), "table", colour=True)
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == render(examples.differing(), "table")


def test_table_tells_what_each_backend_tells() -> None:
    lines = render(examples.agreeing(), "table").splitlines()
    assert lines[0].startswith("agree ")
    assert [line.split() for line in lines if line.startswith("outside →")] == [
        ["outside", "→", "frontend_api", "–", "–", "–", "40", "0", "22.0", "40", "0", "22.0"]
    ]


def test_table_lists_differences_with_cause_and_advice() -> None:
    text = render(examples.differing(), "table")
    assert text.startswith("differ ")
    assert "✗ activities → users: not in AWS X-Ray" in text
    assert "cause  the X-Ray pipeline's queue is still draining" in text
    assert "next   wait a minute" in text
    assert "≠38" in text
    assert "Honeycomb draws no callers from outside" in " ".join(text.split())


def test_what_is_expected_is_told_whole() -> None:
    """A snapshot's name and both values, in lines of the terminal's width."""
    ends = (Node("frontend_api", Kind.SERVICE), Node("activities", Kind.SERVICE))
    values = {"before.json": 50.0, "xray": 20.0}
    bare = Difference(DifferenceKind.REQUESTS, *ends, tuple(values), (), ("xray",), values)
    one = bare.explained(True, "two times of day", (), "")
    maps = {name: ServiceMap() for name in values}
    text = " ".join(render(Comparison(examples.WINDOW, maps, (one,)), "table").split())
    wanted = "frontend_api → activities: requests differ in AWS X-Ray: before.json 50, AWS X-Ray 20"
    assert f"two times of day. {wanted}" in text


def test_a_page_tells_what_no_map_can_show() -> None:
    noted = replace(examples.agreeing(), notes=("the <kernel> dropped 3 datagrams",))
    assert "the &lt;kernel&gt; dropped 3 datagrams" in render(noted, "html")


def test_an_edge_that_a_contract_has_not_is_not_in_the_contract() -> None:
    ends = (Node("web", Kind.SERVICE), Node("api", Kind.SERVICE))
    extra = Difference(DifferenceKind.MISSING_EDGE, *ends, ("xray",), ("map.json",), ("xray",))
    assert what(extra) == "not in map.json"


def test_json_is_the_comparison() -> None:
    found = examples.hostile()
    assert json.loads(render(found, "json")) == found.to_json()


@every_kind
def test_dot_is_valid(make: Maker) -> None:
    Dot(render(make(), "dot"))


def test_dot_shows_what_is_missing() -> None:
    graph = Dot(render(examples.differing(), "dot"))
    assert len([one for one in graph.edges if one[2].get("label") == '"missing"']) == 1
    assert len(graph.edges) == 15


@every_kind
def test_mermaid_is_valid_and_within_its_limits(make: Maker) -> None:
    text = render(make(), "mermaid")
    check_mermaid(text)
    assert len(text) < 50_000
    assert len(re.findall(r"-->|==>|\.->", text)) < 500


def test_mermaid_says_when_it_leaves_edges_out() -> None:
    text = render(examples.crowd(60, 700), "mermaid")
    assert re.search(r"%% \d+ edges are left out", text)
    assert '"missing"' in text


@every_kind
def test_svg_is_xml_without_active_content(make: Maker) -> None:
    root = ET.fromstring(render(make(), "svg"))
    allowed = {"svg", "title", "style", "g", "rect", "path", "polygon", "text", "tspan", "circle"}
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= allowed
    names = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in names if name.startswith("on") or "href" in name]


@every_kind
def test_html_stands_alone(make: Maker) -> None:
    found = Tags(render(make(), "html"))
    assert not {"script", "img", "link", "iframe", "object"} & set(found.tags)
    assert not [name for name in found.attributes if name.startswith("on") or name in ("src", "href")]
    assert found.tags.count("style") == 1


def test_a_node_has_the_same_place_in_every_map() -> None:
    root = ET.fromstring(render(examples.differing(), "svg"))
    panels = [element for element in root if element.get("transform")]
    places = [
        [(box.get("x"), box.get("y")) for box in panel.iter() if box.get("class") == "box"]
        for panel in panels
    ]
    assert len(places) == 3
    assert places[0] == places[1] == places[2]
    assert len(places[0]) == 5


def test_only_the_diverging_map_is_marked() -> None:
    text = render(examples.differing(), "svg")
    diverging = re.findall(r'class="edge [a-z -]*\bdiverging\b', text)
    unexpected = [one for one in examples.differing().differences if not one.expected and one.target]
    assert len(diverging) == len(
        {(one.source, one.target, name) for one in unexpected for name in one.diverging}
    )


def test_the_diverging_map_says_by_how_many_calls() -> None:
    one, other = Node("a"), Node("b")
    full, short = (ServiceMap.of((), [Edge(one, other, count, 0, 5.0)]) for count in (702, 682))
    text = render(examples.comparison(xray=short, honeycomb=full, cloudwatch=full), "svg")
    assert re.findall(r'class="label"[^>]*>([^<]+)<', text).count("682, −20") == 1
    assert re.findall(r'class="label"[^>]*>([^<]+)<', text).count("702") == 2


def test_an_edge_says_which_share_of_its_calls_failed_and_how_long_they_take() -> None:
    edge = Edge(Node("a"), Node("b"), 282, 48, 812.0)
    text = render(examples.comparison(xray=ServiceMap.of((), [edge])), "svg")
    assert "17 % failed" in text
    assert "812 ms" in text
    assert 'class="edge drawn failing slow"' in text


def test_look_alikes_of_a_crowd_are_drawn_as_one() -> None:
    hub, leaves = Node("hub"), [Node(f"leaf{number}") for number in range(100)]
    fan = ServiceMap.of((), [Edge(hub, leaf, 2, 1) for leaf in leaves])
    text = render(examples.comparison(xray=fan, cloudwatch=fan), "svg")
    assert text.count("100 services</text>") == 2
    assert "200 requests, 100 errors" in text


def test_names_are_cut_where_they_differ_least() -> None:
    names = [Node(f"service-{number:03}-of-the-whole-shop") for number in range(30)]
    chain = ServiceMap.of((), [Edge(*pair, 1) for pair in itertools.pairwise(names)])
    text = render(examples.comparison(xray=chain, cloudwatch=chain), "svg")
    assert len(set(re.findall(r'class="name"[^>]*>([^<]+)<', text))) == 30


def test_a_difference_is_never_hidden_in_a_group() -> None:
    hub, leaves = Node("hub"), [Node(f"leaf{number}") for number in range(100)]
    fan = ServiceMap.of((), [Edge(hub, leaf, 2) for leaf in leaves])
    less = ServiceMap.of(fan.nodes, [edge for edge in fan.edges if edge.target.name != "leaf42"])
    text = render(examples.comparison(xray=fan, cloudwatch=less), "svg")
    assert "leaf42</text>" in text
    assert "99 services</text>" in text


names = st.text(max_size=30)
edges = st.lists(st.tuples(names, names), max_size=12, unique=True)


@settings(max_examples=60)
@given(edges, st.integers(60, 120))
def test_no_name_breaks_any_format(pairs: list[tuple[str, str]], width: int) -> None:
    whole = ServiceMap.of((), [Edge(Node(source), Node(target), 3) for source, target in pairs])
    found = examples.comparison(xray=whole, honeycomb=ServiceMap.of(whole.nodes, whole.edges[1:]))
    texts = {name: render(found, name, width=width) for name in FORMATS}
    assert all(cell_len(line) <= width for line in texts["table"].splitlines())
    Dot(texts["dot"])
    check_mermaid(texts["mermaid"])
    ET.fromstring(texts["svg"])
    assert "script" not in Tags(texts["html"]).tags


@every_kind
def test_junit_has_a_case_for_each_difference(make: Maker) -> None:
    found = make()
    suite = ET.fromstring(render(found, "junit"))
    failures = list(suite.iter("failure"))
    assert suite.get("tests") == str(len(list(suite.iter("testcase")))) == str(len(found.differences) or 1)
    assert len(failures) == sum(not one.expected for one in found.differences)
    assert suite.get("failures") == str(len(failures))
    assert all(one.text for one in failures)


def test_a_crowd_of_names_is_grouped_by_how_they_begin() -> None:
    shops = [Node(f"{area}-service-{number:03}") for area in ("pay", "ship") for number in range(80)]
    chain = ServiceMap.of((), [Edge(*pair, 5, 0, 3.0) for pair in itertools.pairwise(shops)])
    less = chain.map_edges(lambda one: Edge(*one.key, 4, 0, 3.0) if one.target == shops[40] else one)
    text = render(examples.comparison(xray=chain, cloudwatch=chain, honeycomb=less), "svg")
    names = set(re.findall(r'class="name"[^>]*>([^<]+)<', text))
    assert len(names) <= 60
    assert "edge drawn diverging" in text
    assert any(re.fullmatch(r"ship.*\(\d+\)", one) for one in names)
