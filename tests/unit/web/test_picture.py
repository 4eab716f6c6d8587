"""What the page draws of a comparison."""

import random
from dataclasses import replace

import pytest

from tests.unit.render import examples
from threemaps.model.difference import Trouble
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.web.picture import Picture, picture
from threemaps.web.view import View


def test_before_the_maps_have_settled_a_call_under_way_is_no_callee_without_spans() -> None:
    one, other = Node("a"), Node("b")
    remote, dead = Node("b", Kind.REMOTE), Node("c", Kind.REMOTE)
    edges = [Edge(one, other, 5), Edge(one, remote, 1), Edge(one, dead, 2)]
    found = examples.comparison(xray=ServiceMap.of((), edges), cloudwatch=ServiceMap.of((), edges[:1]))
    early = picture(1, replace(found, settled=False), View())
    assert {node.name for node in early.scene.nodes if node.kind is Kind.REMOTE} == {"c"}
    late = picture(2, found, View())
    assert {node.name for node in late.scene.nodes if node.kind is Kind.REMOTE} == {"b", "c"}


def parts(drawn: Picture) -> tuple[dict[str, str], ...]:
    return drawn.regions, drawn.pieces, drawn.rows


def altered(found: ServiceMap, chance: random.Random) -> ServiceMap:
    """Other figures for a few edges; seldom an edge more or fewer, or another node."""
    edges = list(found.edges)
    for _ in range(chance.randrange(3)):
        number = chance.randrange(len(edges))
        calls = chance.randrange(1, 500)
        edges[number] = replace(
            edges[number], requests=calls, errors=chance.choice([None, 0, calls]), client_errors=calls // 2
        )
    if not chance.randrange(6):
        edges.pop(chance.randrange(len(edges)))
    new = [Node(f"new-{chance.randrange(9)}")] if not chance.randrange(9) else []
    return ServiceMap.of([*found.nodes, *new], edges)


@pytest.mark.parametrize(("nodes", "edges"), [(6, 12), (40, 200), (90, 300)])
def test_a_picture_over_the_one_before_is_as_if_drawn_anew(nodes: int, edges: int) -> None:
    chance = random.Random(nodes)
    maps = dict(examples.crowd(nodes, edges).maps)
    before = None
    for version in range(40):
        name = chance.choice(list(maps))
        maps[name] = altered(maps[name] or ServiceMap(), chance)
        found = examples.comparison(**maps)
        latest = picture(version, found, View(), before)
        assert parts(latest) == parts(picture(version, found, View()))
        before = latest


def test_an_update_sends_what_has_changed() -> None:
    """One edge of 5,000 has new figures in one map: its link, its callee, its row."""
    found = examples.crowd(500, 5000)
    first = picture(1, found, View())
    held = found.maps["cloudwatch"]
    assert held
    edges = [replace(held.edges[0], requests=1_000_000), *held.edges[1:]]
    maps = {**found.maps, "cloudwatch": ServiceMap(held.nodes, tuple(edges))}
    changes = picture(2, replace(found, maps=maps), View(), first).changes(first)
    assert len(changes["pieces"]) <= 6
    assert not changes["regions"]


def test_failing_calls_lead_to_their_traces_in_the_same_window() -> None:
    edge = Edge(Node("a"), Node("b"), 5, 2)
    trouble = Trouble("a → b: 2 of 5 calls fail (40%)", "look at one: `threemaps trace`")
    found = replace(examples.comparison(xray=ServiceMap.of((), [edge])), troubles=(trouble,))
    traffic = picture(1, found, View(since="1h")).regions["traffic"]
    assert 'href="/traces?since=1h&amp;order=failing"' in traffic
    assert "<code>threemaps trace</code>" in traffic
    fine = replace(
        examples.comparison(xray=ServiceMap.of((), [replace(edge, errors=0)])), troubles=(trouble,)
    )
    assert "order=failing" not in picture(2, fine, View()).regions["traffic"]
