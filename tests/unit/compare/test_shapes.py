"""Calls of an unusual shape: what the table says of them is said, of no more calls than have the shape."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.unit.compare.maps import a_map, compared, source
from threemaps.diagnose.shapes import look
from threemaps.diagnose.traces import by_trace
from threemaps.diagnose.whole_traces import counted
from threemaps.model.drawing import CLOUDWATCH, DRAWINGS, HONEYCOMB, SHAPES, Shape, spans_of
from threemaps.model.servicemap import Edge, ServiceMap
from threemaps.model.spans import Answers, Ends, TracedSpan, Tree


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_calls_of_an_unusual_shape(shape: Shape, complete: bool) -> None:
    """The maps as the backends draw them of ten such traces, and the traces as evidence."""
    held = [replace(span, trace=f"{n}") for n in range(10) for span in spans_of(shape)]
    maps = {name: drawn(held, name) for name in DRAWINGS}
    comparison = compared(
        *(source(name, found) for name, found in maps.items()), asked=(look(held, complete=complete),)
    )
    causes = {one.cause for one in comparison.differences}

    assert shape.cause in causes
    assert comparison.agree, causes


def drawn(spans: list[TracedSpan], backend: str) -> ServiceMap:
    trees = [Tree(held) for held in by_trace(spans).values()]
    answers = Answers(trees, in_log=False) if backend == CLOUDWATCH else None
    calls, faults = Counter[Ends](), Counter[Ends]()
    for one in (one for tree in trees for one in counted(tree, backend, answers)):
        calls[one.ends] += one.most
        faults[one.ends] += one.most if one.fault else 0
    told = backend != HONEYCOMB
    return ServiceMap.of(
        (), (Edge(*ends, count, faults[ends] if told else None) for ends, count in (+calls).items())
    )


def test_no_more_calls_are_excused_than_have_the_shape() -> None:
    [shape] = [one for one in SHAPES if "below a server's" in one.name]
    seen = look(spans_of(shape), complete=True)
    comparison = compared(
        source("honeycomb", a_map("web>api 40")),
        source("xray", a_map("web>api 40 0")),
        source("cloudwatch", a_map("web>api 30 0")),
        asked=(seen,),
    )

    assert not comparison.agree
