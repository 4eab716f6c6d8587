"""A checked-in map that every backend is held against."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.compare.maps import WINDOW, a_map, source
from threemaps.compare.contract import Contract, held_lines, violations
from threemaps.model.difference import Difference, DifferenceKind
from threemaps.model.servicemap import ServiceMap
from threemaps.readers import UnreadableError
from threemaps.readers.snapshot import snapshot_text

XRAY = a_map("(outside)>web 40 0", "web>api 40 2", "api>db:5432! 40 0")


@pytest.fixture
def contract(tmp_path: Path) -> "Maker":
    return Maker(tmp_path / "map.json")


class Maker:
    """Writes a contract: a snapshot of a map, changed by hand as people do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, found: ServiceMap = XRAY, drawn_by: str = "xray", **bounds: Any) -> Contract:
        document = json.loads(snapshot_text(drawn_by, WINDOW, found))
        for one in document["edges"]:
            if (one["source"], one["target"]) == ("web", "api"):
                one.update(bounds)
        self.path.write_text(json.dumps(document))
        return Contract.read(str(self.path))


def found(contract: Contract, *maps: tuple[str, ServiceMap]) -> tuple[Difference, ...]:
    return violations(contract, [source(backend, one) for backend, one in maps])


def test_a_snapshot_is_a_contract_that_its_own_map_keeps(contract: Maker) -> None:
    assert found(contract(), ("xray", XRAY)) == ()
    assert found(contract(), ("xray", XRAY.map_edges(lambda edge: edge))) == ()


def test_what_was_measured_is_not_held(contract: Maker) -> None:
    assert found(contract(), ("xray", a_map("(outside)>web 9 0", "web>api 9 9", "api>db:5432! 1 0"))) == ()


def test_honeycomb_is_not_held_to_what_it_cannot_draw(contract: Maker) -> None:
    assert found(contract(), ("honeycomb", a_map("web>api 40"))) == ()
    of_honeycomb = contract(a_map("web>api 40"), "honeycomb")
    assert found(of_honeycomb, ("xray", XRAY), ("cloudwatch", XRAY)) == ()


def test_a_missing_edge_is_named(contract: Maker) -> None:
    [node, edge] = found(contract(), ("xray", a_map("(outside)>web 40 0", "web>api 40 2")))
    assert {node.kind, edge.kind} == {DifferenceKind.MISSING_EDGE, DifferenceKind.MISSING_NODE}
    assert {one.cause for one in (node, edge)} == {
        "the contract wants the edge api → db:5432",
        "the contract wants the node db:5432",
    }
    assert all(one.not_in == ("xray",) and not one.expected for one in (node, edge))


def test_an_edge_too_many_is_named(contract: Maker) -> None:
    more = a_map("(outside)>web 40 0", "web>api 40 2", "api>db:5432! 40 0", "web>db:5432! 1")
    [edge] = found(contract(), ("xray", more), ("cloudwatch", more))
    assert edge.cause == "the contract has no edge web → db:5432"
    assert edge.not_in == (str(contract.path),)


@pytest.mark.parametrize(
    ("bounds", "kind"),
    [
        ({"requests": {"min": 41}}, DifferenceKind.REQUESTS),
        ({"requests": {"max": 39}}, DifferenceKind.REQUESTS),
        ({"error_rate": {"max": 0.01}}, DifferenceKind.ERRORS),
    ],
)
def test_a_broken_bound_is_named(contract: Maker, bounds: dict[str, Any], kind: DifferenceKind) -> None:
    [one] = found(contract(**bounds), ("xray", XRAY))
    assert one.kind is kind
    assert "web → api has to be" in one.cause
    assert one.values["xray"] in (40, 0.05)


def test_a_p95_bound(contract: Maker) -> None:
    held = contract(p95_ms={"max": 250})
    slow = XRAY.map_edges(lambda edge: replace(edge, p95_ms=251.0))
    [one] = found(held, ("xray", slow))
    assert one.kind is DifferenceKind.LATENCY
    quick = XRAY.map_edges(lambda edge: replace(edge, p95_ms=250.0))
    assert found(held, ("xray", quick)) == ()


def test_every_node_edge_and_bound_has_a_line_with_every_backends_value(contract: Maker) -> None:
    held = contract(p95_ms={"max": 250}, requests={"min": 41})
    lines = {
        one.what: one
        for one in held_lines(held, [source("honeycomb", a_map("web>api 41")), source("xray", XRAY)])
    }

    assert lines["node web"].values == {"honeycomb": "drawn", "xray": "drawn"}
    assert lines["edge outside (outside) → web"].values == {"honeycomb": "cannot draw it", "xray": "drawn"}
    assert lines["edge web → api: requests at least 41"].values == {"honeycomb": "41", "xray": "40"}
    assert lines["edge web → api: requests at least 41"].broken_by == ("xray",)
    assert lines["edge web → api: p95_ms at most 250"].unreported
    assert not lines["edge web → api"].broken_by


def test_a_line_for_what_is_missing_and_for_what_is_too_much(contract: Maker) -> None:
    lines = list(held_lines(contract(), [source("xray", a_map("(outside)>web 40 0", "web>new 3"))]))
    broken = {one.what: one.values["xray"] for one in lines if one.broken_by}

    assert broken["edge web → api"] == "missing"
    assert broken["edge web → new"] == "not in the contract"


def test_kept_bounds_are_silent(contract: Maker) -> None:
    held = contract(requests={"min": 1, "max": 40}, error_rate={"max": 0.05})
    assert found(held, ("xray", XRAY)) == ()


def test_only_the_asked_for_edges_are_held(contract: Maker) -> None:
    held = contract().only("web")
    assert found(held, ("xray", XRAY.only("web"))) == ()


@pytest.mark.parametrize(
    ("bounds", "complaint"),
    [
        ({"request": {"min": 1}}, 'unknown key "request"'),
        ({"requests": {"minimum": 1}}, 'unknown key "minimum"'),
        ({"requests": {}}, "neither a min nor a max"),
        ({"requests": {"min": "1"}}, "'1'"),
        ({"requests": "many"}, "'many'"),
        ({"requests": -1}, "-1"),
        ({"error_rate": 0.1}, '{"max": 0.01}'),
        ({"target_kind": "database"}, "'database'"),
        ({"source": ""}, "a name is needed"),
    ],
)
def test_a_wrong_contract_is_refused(contract: Maker, bounds: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        contract(**bounds)
    assert complaint in caught.value.message
    assert str(contract.path) in caught.value.message
    assert caught.value.exit_code == 2
