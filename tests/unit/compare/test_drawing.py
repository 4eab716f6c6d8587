"""The table of how each backend draws: the code, the documentation and the table say the same."""

from collections import Counter

import pytest

from threemaps.diagnose.shapes import DRAWN, drawings, look
from threemaps.model.drawing import (
    DRAWINGS,
    SHAPES,
    Shape,
    as_markdown,
    edges_of,
    shapes_as_markdown,
    spans_of,
)
from threemaps.model.servicemap import Edge, Node
from threemaps.model.spans import Tree
from threemaps.settings import PROJECT

ORDINARY = Shape(
    "ordinary",
    "a() web server, b(a) web client, c(b) api server, d(c) api internal, e(d) api client",
    {
        "honeycomb": "web>api",
        "xray": "(outside)>web web>api api>!",
        "cloudwatch": "(outside)>web web>api api>!",
    },
    "",
    "",
)


@pytest.mark.parametrize("backend", DRAWINGS)
@pytest.mark.parametrize("shape", [ORDINARY, *SHAPES], ids=lambda shape: shape.name)
def test_what_each_backend_makes_of_a_trace(shape: Shape, backend: str) -> None:
    tree = Tree(spans_of(shape))
    drawn = Counter(ends for span in tree.spans.values() for ends in DRAWN[backend](tree, span))

    assert drawn == Counter(edges_of(shape, backend))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_each_shape_is_recognised(shape: Shape) -> None:
    found = {call.shape.name for call in look(spans_of(shape), complete=True).odd}

    assert found - {"a consumer's span"} == {shape.name} - {"a consumer's span"}
    assert shape.name in found


def test_an_ordinary_trace_has_nothing_unusual() -> None:
    assert look(spans_of(ORDINARY), complete=True).odd == ()


def test_a_call_is_set_down_to_one_span_by_all() -> None:
    tree = Tree(spans_of(ORDINARY))
    held = [ends for span in tree.spans.values() for ends, *_ in drawings(tree, span)]

    assert len(held) == len(set(held))


def test_what_cannot_be_drawn_follows_from_the_table() -> None:
    itself = Edge(Node("web"), Node("web"))

    assert not DRAWINGS["honeycomb"].draws(itself)
    assert DRAWINGS["xray"].draws(itself)


def test_the_documentation_has_the_table() -> None:
    page = (PROJECT / "docs" / "compare.md").read_text()

    assert as_markdown() in page
    assert shapes_as_markdown() in page
