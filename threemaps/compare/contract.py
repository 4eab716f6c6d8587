"""A checked-in map that every backend is held against: `threemaps compare --expect map.json`.

It is a snapshot, with bounds where they are wanted: `"requests": {"min": 1}`, `"error_rate": {"max": 0.01}`,
`"p95_ms": {"max": 250}`. A plain number in it is what was once measured, and is not held.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from threemaps.model.diff import merged
from threemaps.model.difference import Difference, DifferenceKind, Held, Source
from threemaps.model.drawing import draws
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.readers.snapshot import END_KEYS, FILE_KEYS, VALUE_KEYS, MapFile

BOUND_KEYS = ("requests", "error_rate", "p95_ms")
KINDS = {
    "requests": DifferenceKind.REQUESTS,
    "error_rate": DifferenceKind.ERRORS,
    "p95_ms": DifferenceKind.LATENCY,
}
ANY = Node("any")
MISSING, CANNOT = "missing", "cannot draw it"
ADVICE = "if the change is meant, write the contract anew with `threemaps snapshot`"


@dataclass(frozen=True, slots=True)
class Bound:
    lowest: float | None = None
    highest: float | None = None

    def holds(self, value: float) -> bool:
        return (self.lowest is None or value >= self.lowest) and (
            self.highest is None or value <= self.highest
        )

    def __str__(self) -> str:
        parts = [(self.lowest, "at least"), (self.highest, "at most")]
        return " and ".join(f"{word} {value:g}" for value, word in parts if value is not None)


@dataclass(frozen=True, slots=True)
class Contract:
    name: str
    drawn_by: str | None  # what Honeycomb cannot draw is not in a contract made from it
    wanted: ServiceMap
    bounds: Mapping[tuple[Node, Node], Mapping[str, Bound]]

    @classmethod
    def read(cls, name: str) -> "Contract":
        file = MapFile(name)
        file.only_keys(file.document, FILE_KEYS, "the file")
        found = file.edges()
        for fields in found:
            file.only_keys(fields, END_KEYS | VALUE_KEYS | {"error_rate"}, "an edge")
        wanted = ServiceMap.of(file.nodes(), (Edge(*file.ends(fields)) for fields in found))
        drawn_by = file.drawn_by() if "source" in file.document else None
        bounds = {file.ends(fields): dict(read_bounds(file, fields)) for fields in found}
        return cls(name, drawn_by, wanted, bounds)

    def only(self, service: str | None) -> "Contract":
        return Contract(self.name, self.drawn_by, self.wanted.only(service), self.bounds)


def read_bounds(file: MapFile, fields: Mapping[str, Any]) -> Iterator[tuple[str, Bound]]:
    for key in BOUND_KEYS:
        value = fields.get(key)
        if isinstance(value, dict):
            file.only_keys(value, {"min", "max"}, f'the bound "{key}"')
            bound = Bound(file.number(value, "min"), file.number(value, "max"))
            if bound == Bound():
                raise file.wrong(f'the bound "{key}" has neither a min nor a max')
            yield key, bound
        elif key == "error_rate" and value is not None:
            raise file.wrong(f'"error_rate" is {value!r}: write {{"max": 0.01}}')
        else:
            file.number(fields, key)


def violations(contract: Contract, sources: Iterable[Source]) -> tuple[Difference, ...]:
    """Where a backend does not keep to the contract, as differences that nothing excuses."""
    readable = [source for source in sources if source.map is not None]
    return tuple(merged(one for source in readable for one in of_source(contract, source)))


def of_source(contract: Contract, source: Source) -> Iterator[Difference]:
    assert source.map is not None
    wanted_edges = {edge.key: edge for edge in contract.wanted.edges}
    held_edges = {edge.key: edge for edge in source.map.edges}
    file, name = (contract.name,), (source.name,)
    for key in sorted(wanted_edges.keys() | held_edges.keys()):
        if not both_draw(contract, source, key):
            continue
        arrow = f"{key[0]} → {key[1]}"
        if key not in held_edges:
            yield broken(
                DifferenceKind.MISSING_EDGE, key, file, name, name, f"the contract wants the edge {arrow}"
            )
        elif key not in wanted_edges:
            yield broken(
                DifferenceKind.MISSING_EDGE, key, name, file, name, f"the contract has no edge {arrow}"
            )
        else:
            yield from out_of_bounds(contract, source.name, held_edges[key])
    for node in sorted(set(contract.wanted.nodes) ^ set(source.map.nodes)):
        if node_is_drawn(contract, source, node):
            missing = node in contract.wanted.nodes
            said = f"the contract wants the node {node}" if missing else f"the contract has no node {node}"
            sides = (file, name) if missing else (name, file)
            yield broken(DifferenceKind.MISSING_NODE, (node, None), *sides, name, said)


def broken(
    kind: DifferenceKind,
    ends: tuple[Node, Node | None],
    present_in: tuple[str, ...],
    not_in: tuple[str, ...],
    diverging: tuple[str, ...],
    said: str,
) -> Difference:
    return Difference(kind, *ends, present_in, not_in, diverging, cause=said, advice=ADVICE)


def both_draw(contract: Contract, source: Source, key: tuple[Node, Node]) -> bool:
    drawn_by = [source.backend, contract.drawn_by or ""]
    return all(draws(backend, Edge(*key)) for backend in drawn_by)


def node_is_drawn(contract: Contract, source: Source, node: Node) -> bool:
    """A node whose edges one of the two cannot draw is none of the other's business."""
    if node.kind is not Kind.SERVICE and not all(
        draws(backend, Edge(*((node, ANY) if node.kind is Kind.OUTSIDE else (ANY, node))))
        for backend in (source.backend, contract.drawn_by or "")
    ):
        return False
    assert source.map is not None
    edges = [edge for held in (contract.wanted, source.map) for edge in held.edges if node in edge.key]
    return any(both_draw(contract, source, edge.key) for edge in edges) or not edges


def out_of_bounds(contract: Contract, name: str, edge: Edge) -> Iterator[Difference]:
    for key, bound in contract.bounds.get(edge.key, {}).items():
        value = measured(edge, key)
        if value is not None and not bound.holds(value):
            said = f"{key} of {edge.source} → {edge.target} has to be {bound}"
            yield Difference(
                KINDS[key], *edge.key, (name,), (), (name,), {name: value}, cause=said, advice=ADVICE
            )


def measured(edge: Edge, key: str) -> float | None:
    if key == "error_rate":
        return edge.errors / edge.requests if edge.requests and edge.errors is not None else None
    return edge.requests if key == "requests" else edge.p95_ms


def held_lines(contract: Contract, sources: Iterable[Source]) -> Iterator[Held]:
    """Every node, edge and bound of the contract with what each source has; then what is beyond it."""
    readable = [source for source in sources if source.map is not None]
    for node in contract.wanted.nodes:
        yield _line(f"node {shown(node)}", {one.name: _node_value(contract, one, node) for one in readable})
    for edge in contract.wanted.edges:
        name = f"edge {shown(edge.source)} → {shown(edge.target)}"
        found = {one.name: one.map.edge(*edge.key) for one in readable if one.map}
        values = {
            one.name: _edge_value(contract, one, edge.key, found.get(one.name) is not None)
            for one in readable
        }
        yield _line(name, values)
        for key, bound in contract.bounds.get(edge.key, {}).items():
            yield _bound_line(f"{name}: {key} {bound}", key, bound, found)
    wanted = {edge.key for edge in contract.wanted.edges}
    more = {edge.key for one in readable if one.map for edge in one.map.edges} - wanted
    for ends in sorted(more):
        holders = [
            one for one in readable if one.map and one.map.edge(*ends) and both_draw(contract, one, ends)
        ]
        if holders:
            values = {one.name: "not in the contract" for one in holders}
            yield Held(f"edge {shown(ends[0])} → {shown(ends[1])}", values, tuple(values))


def _line(what: str, values: Mapping[str, str]) -> Held:
    return Held(what, values, tuple(name for name, value in values.items() if value == MISSING))


def _node_value(contract: Contract, source: Source, node: Node) -> str:
    if source.map and node in source.map.nodes:
        return "drawn"
    return MISSING if node_is_drawn(contract, source, node) else CANNOT


def _edge_value(contract: Contract, source: Source, ends: tuple[Node, Node], is_there: bool) -> str:
    if is_there:
        return "drawn"
    return MISSING if both_draw(contract, source, ends) else CANNOT


def _bound_line(what: str, key: str, bound: Bound, found: Mapping[str, Edge | None]) -> Held:
    """A source that does not report the value neither holds the bound nor breaks it."""
    values: dict[str, str] = {}
    broken_by = []
    for name, edge in found.items():
        value = measured(edge, key) if edge else None
        values[name] = "not reported" if value is None else f"{value:.4g}"
        if value is not None and not bound.holds(value):
            broken_by.append(name)
    unreported = all(value == "not reported" for value in values.values())
    return Held(what, values, tuple(broken_by), unreported)


def shown(node: Node) -> str:
    """Two nodes of one name are told apart by their kinds."""
    return node.name if node.kind is Kind.SERVICE else f"{node.name} ({node.kind})"
