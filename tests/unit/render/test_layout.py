"""Places: callers above callees, nothing on top of another, always the same."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from threemaps.render.layout import NODE_HEIGHT, NODE_WIDTH, layered

Pairs = list[tuple[int, int]]


def test_callers_stand_above_their_callees() -> None:
    places = layered(4, [(0, 1), (1, 2), (2, 3), (1, 3)]).nodes
    assert [place.y for place in places] == sorted(place.y for place in places)
    assert len({place.y for place in places}) == 4


def test_an_edge_over_a_layer_goes_around_what_stands_there() -> None:
    found = layered(3, [(0, 1), (1, 2), (0, 2)])
    (bend,) = found.bends[0, 2]
    assert bend.y == found.nodes[1].y
    assert abs(bend.x - found.nodes[1].x) > NODE_WIDTH / 2


def test_a_cycle_is_entered_at_the_top() -> None:
    places = layered(3, [(0, 1), (1, 2), (2, 0)], tops=[1]).nodes
    assert places[1].y < places[2].y < places[0].y


@settings(max_examples=60)
@given(st.integers(1, 40), st.data())
def test_nodes_never_overlap_and_places_never_change(count: int, data: st.DataObject) -> None:
    ends = st.integers(0, count - 1)
    edges = data.draw(st.lists(st.tuples(ends, ends), max_size=120))
    found = layered(count, edges)
    for one, other in combinations(found.nodes, 2):
        assert abs(one.x - other.x) >= NODE_WIDTH or abs(one.y - other.y) >= NODE_HEIGHT
    for place in found.nodes:
        assert NODE_WIDTH / 2 <= place.x <= found.width - NODE_WIDTH / 2
        assert NODE_HEIGHT / 2 <= place.y <= found.height - NODE_HEIGHT / 2
    assert layered(count, list(reversed(edges))) == found
