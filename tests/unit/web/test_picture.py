"""What the page draws of a comparison."""

from dataclasses import replace

from tests.unit.render import examples
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.web.picture import picture
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
