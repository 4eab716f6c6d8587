"""Calls of odd shapes: what each backend makes of them is expected, as far as the traces show it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.unit.compare.maps import a_map, compared, node, source, three
from threemaps.diagnose.evidence.absent import Absent
from threemaps.diagnose.evidence.model import Collector, Evidence, PassedAtEdges
from threemaps.diagnose.evidence.shapes import (
    REMOTE,
    Looked,
    Oddity,
    TracedSpan,
    drawings,
    look,
    who_can_draw,
)
from threemaps.diagnose.evidence.shapes import Tree as TraceTree
from threemaps.model.difference import Comparison
from threemaps.model.servicemap import Kind, Node

Drawn = dict[str, list[str]]

# Each trace as `id parent service kind`, what each backend draws of it, and why not all draw the same.
ORDINARY = ("1 - web server", "2 1 web client", "3 2 api server", "4 3 api internal", "5 4 api client")
SHAPES: dict[str, tuple[tuple[str, ...], Drawn, Oddity | None]] = {
    "ordinary": (
        ORDINARY,
        {
            "honeycomb": ["web>api"],
            "xray": ["(outside)>web", "web>api", "api>!"],
            "cloudwatch": ["(outside)>web", "web>api", "api>!"],
        },
        None,
    ),
    "a script that calls": (
        ("1 - job client", "2 1 api server"),
        {
            "honeycomb": ["job>api"],
            "xray": ["(outside)>job", "job>api"],
            "cloudwatch": ["(outside)>job", "job>api"],
        },
        None,
    ),
    "a caller that exports nothing": (
        ("1 9 api server",),
        {"honeycomb": [], "xray": ["(outside)>api"], "cloudwatch": []},
        Oddity.CALLER_NEVER_CAME,
    ),
    "a caller that exports its calls alone": (
        ("1 9 web client", "2 1 api server"),
        {"honeycomb": ["web>api"], "xray": ["(outside)>api"], "cloudwatch": ["web>api"]},
        Oddity.CALLER_WITHOUT_ENTRY,
    ),
    "a server below a server": (
        ("1 - web server", "2 1 api server"),
        {
            "honeycomb": ["web>api"],
            "xray": ["(outside)>web", "web>api"],
            "cloudwatch": ["(outside)>web"],
        },
        Oddity.NO_CLIENT_SPAN,
    ),
    "two servers below one client": (
        ("1 - web server", "2 1 web client", "3 2 api server", "4 2 users server"),
        {
            "honeycomb": ["web>api", "web>users"],
            "xray": ["(outside)>web", "web>api", "web>users"],
            "cloudwatch": ["(outside)>web", "?web>api", "?web>users"],
        },
        Oddity.SHARED_CLIENT_SPAN,
    ),
    "a service without a server's span": (
        ("1 - web server", "2 1 api internal", "3 2 api client", "4 3 users server"),
        {
            "honeycomb": ["web>api", "api>users"],
            "xray": ["(outside)>web", "web>users"],
            "cloudwatch": ["(outside)>web", "api>users"],
        },
        Oddity.NO_SERVER_SPAN,
    ),
}


def spans(lines: Iterable[str], trace: str = "t") -> list[TracedSpan]:
    found = []
    for line in lines:
        own, parent, service, kind = line.split()
        found.append(TracedSpan(trace, own, parent.replace("-", ""), service, kind))
    return found


def end(text: str) -> Node:
    return REMOTE if text == "!" else node(text)


def as_map(held: list[TracedSpan], backend: str, perhaps: bool = False) -> Counter[tuple[Node, Node]]:
    tree = TraceTree(held)
    return Counter(
        ends
        for span in tree.spans.values()
        for ends, sure, maybe in drawings(tree, span)
        if backend in (maybe if perhaps else sure)
    )


@pytest.mark.parametrize("name", SHAPES)
def test_what_each_backend_makes_of_a_trace(name: str) -> None:
    lines, expected, why = SHAPES[name]
    held = spans(lines)
    for backend, texts in expected.items():
        for perhaps in (False, True):
            wanted = [text.removeprefix("?").split(">") for text in texts if text.startswith("?") == perhaps]
            ends = Counter((end(one), end(other)) for one, other in wanted)
            assert as_map(held, backend, perhaps) == ends, backend
    looked = look(held, complete=True)
    assert {call.oddity for call in looked.odd} == ({why} if why else set())


def told(lines: tuple[str, ...], times: int, *, complete: bool = True) -> Comparison:
    """The maps as the backends would draw them of so many such traces, and the traces as evidence."""
    held = spans(lines)
    maps = []
    for backend in ("honeycomb", "xray", "cloudwatch"):
        edges = as_map(held, backend)
        maps.append(a_map(*(f"{text(one)}>{text(other)} {times * n}" for (one, other), n in edges.items())))
    looked = look(
        (replace(span, trace=str(number)) for number in range(times) for span in held), complete=complete
    )
    return three(*maps, evidence=Evidence(looked=looked))


def text(one: Node) -> str:
    if one.kind is Kind.OUTSIDE:
        return "(outside)"
    return "db:1!" if one == REMOTE else one.name


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_expected_and_named(name: str, complete: bool) -> None:
    comparison = told(SHAPES[name][0], 4, complete=complete)
    assert comparison.agree, [(str(one.source), str(one.target), one.cause) for one in comparison.differences]
    shaped = [one for one in comparison.differences if one.advice]
    assert bool(shaped) == (SHAPES[name][2] is not None)
    assert all("traces that were looked at" in one.evidence[0] for one in shaped)


def looked_at(odd: int, whole: int, *, complete: bool = True) -> Evidence:
    """So many calls web → api without a client's span, and so many with one."""
    ordinary, shaped = SHAPES["ordinary"][0], SHAPES["a server below a server"][0]
    held = [one for number in range(whole) for one in spans(ordinary, f"whole-{number}")]
    held += [one for number in range(odd) for one in spans(shaped, f"odd-{number}")]
    return Evidence(looked=look(held, complete=complete))


def short(by: int, evidence: Evidence, backend: str = "cloudwatch") -> bool:
    maps = dict.fromkeys(("honeycomb", "xray", "cloudwatch"), a_map("web>api 40"))
    maps[backend] = a_map(f"web>api {40 - by}")
    return three(*maps.values(), evidence=evidence).agree


def test_two_spans_of_one_id_are_told_of_both_services() -> None:
    spans = [TracedSpan("t", "1", "", "web", "server"), TracedSpan("t", "1", "", "api", "server")]
    assert look([*spans, TracedSpan("u", "1", "", "other", "server")], complete=True).doubled == {
        "web": "t",
        "api": "t",
    }


def test_no_more_than_was_found_is_excused() -> None:
    assert short(5, looked_at(5, 35))
    assert not short(6, looked_at(5, 35))
    assert not short(1, looked_at(0, 40))
    assert not short(5, looked_at(5, 35), backend="xray")
    passing = PassedAtEdges({(node("web"), node("api")): 1}, {})
    assert short(6, replace(looked_at(5, 35), passed_at_edges=passing))


def test_of_some_traces_the_share_tells() -> None:
    assert short(20, looked_at(10, 10, complete=False))
    assert not short(38, looked_at(1, 19, complete=False))


def test_shapes_that_were_not_looked_at_excuse_nothing() -> None:
    assert not short(5, Evidence())
    assert not short(5, Evidence(looked=Looked(9, True, {}, ())))


def test_refused_spans_may_have_been_the_callers() -> None:
    held = spans(SHAPES["a caller that exports nothing"][0])
    evidence = Evidence(looked=look(held, complete=True), collector=Collector(refused=7))
    comparison = three(a_map(), a_map("(outside)>api 1"), a_map(), evidence=evidence)
    assert any(
        "so many callers' may be among them" in line
        for one in comparison.differences
        for line in one.evidence
    )


def test_a_caller_whose_segments_x_ray_lacks_is_not_outside() -> None:
    """The others say so; the edge from outside is X-Ray's own."""
    drawn = (node("web"), node("api")), (node("(outside)"), node("api"))
    evidence = Evidence(absent=Absent(True, dict.fromkeys(drawn, ("abc",) * 40)))
    xray = a_map("(outside)>api 40")
    comparison = compared(
        source("honeycomb", a_map("web>api 40")),
        source("xray", xray),
        source("cloudwatch", a_map("web>api 40")),
        evidence=evidence,
    )
    causes = {one.cause for one in comparison.differences if "cloudwatch" in one.odd}
    [cause] = causes
    assert "X-Ray draws it for want of a service's spans: X-Ray refused segments" in cause


def test_circles_and_strangers_end() -> None:
    held = spans(("1 2 a internal", "2 1 a internal", "3 3 b client", "4 1 c server"))
    assert as_map(held, "xray") == Counter({(node("(outside)"), node("c")): 1})
    assert who_can_draw((node("a"), node("a"))) == {"xray", "cloudwatch"}
