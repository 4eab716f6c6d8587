"""The table of how each backend draws: the code, the documentation and the table say the same."""

from collections import Counter

import pytest

from threemaps.diagnose.shapes import look
from threemaps.diagnose.whole_traces import counted
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
from threemaps.model.spans import Answers, Ends, Tree
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
    tree, least, most = Tree(spans_of(shape)), Counter[Ends](), Counter[Ends]()
    answers = Answers([tree], in_log=False) if backend == "cloudwatch" else None
    for one in counted(tree, backend, answers):
        least[one.ends] += one.least
        most[one.ends] += one.most
    listed = Counter(edges_of(shape, backend))

    assert all(least[ends] <= listed[ends] <= max(0, most[ends]) for ends in {*most, *listed})


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_each_shape_is_recognised(shape: Shape) -> None:
    assert shape.name in {one.shape.name for one in look(spans_of(shape), complete=True).unlike}


def test_an_ordinary_trace_has_nothing_unusual() -> None:
    assert look(spans_of(ORDINARY), complete=True).unlike == ()


def test_what_cannot_be_drawn_follows_from_the_table() -> None:
    itself = Edge(Node("web"), Node("web"))

    assert not DRAWINGS["honeycomb"].draws(itself)
    assert DRAWINGS["xray"].draws(itself)


def test_the_documentation_has_the_table() -> None:
    page = (PROJECT / "docs" / "compare.md").read_text()

    assert as_markdown() in page
    assert shapes_as_markdown() in page
