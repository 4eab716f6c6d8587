"""Places: callers above callees, nothing on top of another, always the same."""

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from threemaps.render.layout import (
    LABEL_HEIGHT,
    LABEL_WIDTH,
    MOST_ROUTED,
    NODE_HEIGHT,
    NODE_WIDTH,
    Layout,
    Point,
    layered,
)


def test_callers_stand_above_their_callees() -> None:
    places = layered(4, [(0, 1), (1, 2), (2, 3), (1, 3)]).nodes
    assert [place.y for place in places] == sorted(place.y for place in places)
    assert len({place.y for place in places}) == 4


def test_an_edge_over_a_layer_goes_around_what_stands_there() -> None:
    assert_no_edge_crosses_a_box(layered(3, [(0, 1), (1, 2), (0, 2)]))


def test_a_cycle_is_entered_at_the_top() -> None:
    places = layered(3, [(0, 1), (1, 2), (2, 0)], tops=[1]).nodes
    assert places[1].y < places[2].y < places[0].y


def test_a_route_begins_at_the_caller_also_where_it_closes_a_cycle() -> None:
    found = layered(2, [(0, 1), (1, 0)])
    for (source, target), route in found.routes.items():
        assert touches(route.points[0], found.nodes[source])
        assert touches(route.points[-1], found.nodes[target])


def test_a_map_too_wide_for_a_page_is_drawn_from_left_to_right() -> None:
    found = layered(41, [(0, callee) for callee in range(1, 41)])
    assert found.nodes[0].x < min(place.x for place in found.nodes[1:])
    assert found.width < 1_000


def test_labels_of_a_usual_map_lie_on_no_box_and_on_no_other_label() -> None:
    edges = [(0, 1), (1, 2), (1, 3), (2, 3), (3, 4), (2, 5), (5, 4), (4, 6), (3, 6)]
    found = layered(7, edges)
    labels = [route.label for route in found.routes.values()]
    for one, other in combinations(labels, 2):
        assert abs(one.x - other.x) >= LABEL_WIDTH or abs(one.y - other.y) >= LABEL_HEIGHT / 2
    for label in labels:
        for node in found.nodes:
            across, along = abs(label.x - node.x), abs(label.y - node.y)
            assert across >= (LABEL_WIDTH + NODE_WIDTH) / 2 or along >= NODE_HEIGHT / 2


def test_more_edges_than_anybody_can_follow_are_straight_but_for_a_forest() -> None:
    edges = [(source, target) for source in range(40) for target in range(40) if source < target]
    assert len(edges) > MOST_ROUTED
    found = layered(40, edges)
    assert set(found.routes) == set(edges)
    assert sum(len(route.points) == 2 for route in found.routes.values()) >= len(edges) - 40


@settings(max_examples=60)
@given(st.integers(1, 40), st.data())
def test_nodes_never_overlap_and_places_never_change(count: int, data: st.DataObject) -> None:
    ends = st.integers(0, count - 1)
    edges = data.draw(st.lists(st.tuples(ends, ends), max_size=120))
    found = layered(count, edges)
    assert set(found.routes) == set(edges)
    for one, other in combinations(found.nodes, 2):
        assert abs(one.x - other.x) >= NODE_WIDTH or abs(one.y - other.y) >= NODE_HEIGHT
    for place in found.nodes:
        assert NODE_WIDTH / 2 <= place.x <= found.width - NODE_WIDTH / 2
        assert NODE_HEIGHT / 2 <= place.y <= found.height - NODE_HEIGHT / 2
    assert_no_edge_crosses_a_box(found)
    assert layered(count, list(reversed(edges))) == found


def assert_no_edge_crosses_a_box(found: Layout) -> None:
    """Every piece of every route is upright or level: it may touch a border, and go through no box."""
    for (source, target), route in found.routes.items():
        for one, other in pairwise(route.points):
            for number, node in enumerate(found.nodes):
                if number not in (source, target):
                    assert not passes_through(one, other, node), (source, target, number)


def passes_through(one: Point, other: Point, node: Point) -> bool:
    across = (
        min(one.x, other.x) < node.x + NODE_WIDTH / 2 - 1
        and max(one.x, other.x) > node.x - NODE_WIDTH / 2 + 1
    )
    along = (
        min(one.y, other.y) < node.y + NODE_HEIGHT / 2 - 1
        and max(one.y, other.y) > node.y - NODE_HEIGHT / 2 + 1
    )
    return across and along


def touches(point: Point, node: Point) -> bool:
    return abs(point.x - node.x) <= NODE_WIDTH / 2 + 1 and abs(point.y - node.y) <= NODE_HEIGHT / 2 + 1
