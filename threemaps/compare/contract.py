"""A checked-in map that every backend is held against: `threemaps compare --expect map.json`.

It is a snapshot, with bounds where they are wanted: `"requests": {"min": 1}`, `"error_rate": {"max": 0.01}`,
`"p95_ms": {"max": 250}`. A plain number in it is what was once measured, and is not held.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from threemaps.diagnose.causes.expected import drawable
from threemaps.model.difference import Difference, DifferenceKind, Source, merged
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.readers.snapshot import END_KEYS, FILE_KEYS, VALUE_KEYS, MapFile

BOUND_KEYS = ("requests", "error_rate", "p95_ms")
KINDS = {
    "requests": DifferenceKind.REQUESTS,
    "error_rate": DifferenceKind.ERRORS,
    "p95_ms": DifferenceKind.LATENCY,
}
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
    odd: tuple[str, ...],
    said: str,
) -> Difference:
    return Difference(kind, *ends, present_in, not_in, odd, cause=said, advice=ADVICE)


def both_draw(contract: Contract, source: Source, key: tuple[Node, Node]) -> bool:
    drawn_by = [source.backend, contract.drawn_by or ""]
    return all(drawable(Edge(*key), backend) for backend in drawn_by)


def node_is_drawn(contract: Contract, source: Source, node: Node) -> bool:
    """A node whose edges one of the two cannot draw is none of the other's business."""
    if "honeycomb" in (source.backend, contract.drawn_by) and node.kind is not Kind.SERVICE:
        return False
    assert source.map is not None
    edges = [edge for held in (contract.wanted, source.map) for edge in held.edges if node in edge.key]
    return any(both_draw(contract, source, edge.key) for edge in edges) or not edges


def out_of_bounds(contract: Contract, name: str, edge: Edge) -> Iterator[Difference]:
    measured = {"requests": edge.requests, "error_rate": error_rate(edge), "p95_ms": edge.p95_ms}
    for key, bound in contract.bounds.get(edge.key, {}).items():
        value = measured[key]
        if value is not None and not bound.holds(value):
            said = f"{key} of {edge.source} → {edge.target} has to be {bound}"
            yield Difference(
                KINDS[key], *edge.key, (name,), (), (name,), {name: value}, cause=said, advice=ADVICE
            )


def error_rate(edge: Edge) -> float | None:
    return edge.errors / edge.requests if edge.requests and edge.errors is not None else None


def untold(contract: Contract, sources: Iterable[Source]) -> Iterator[str]:
    """Bounds that no source tells the value of are not held, and that is said."""
    readable = [source.map for source in sources if source.map is not None]
    for key, bounds in contract.bounds.items():
        edges = [edge for held in readable for edge in held.edges if edge.key == key]
        for name in bounds:
            values = [
                {"requests": edge.requests, "error_rate": error_rate(edge), "p95_ms": edge.p95_ms}[name]
                for edge in edges
            ]
            if edges and all(value is None for value in values):
                yield f"no source tells {name} of {key[0]} → {key[1]}: that bound is not held"
