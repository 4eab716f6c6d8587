"""A service map: who calls whom, how often, how often in vain, how fast. Pure data, no I/O and no clock."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Self


class Kind(StrEnum):
    SERVICE = "service"
    OUTSIDE = "outside"
    REMOTE = "remote"


@dataclass(frozen=True, order=True, slots=True)
class Node:
    """A node is its name *and* its kind: X-Ray's client has the name of the root service."""

    name: str
    kind: Kind = Kind.SERVICE

    @classmethod
    def outside(cls) -> Self:
        """All callers from outside are one node."""
        return cls("outside", Kind.OUTSIDE)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Edge:
    """Calls from one node to another. What a backend does not tell is None, never 0."""

    source: Node
    target: Node
    requests: int | None = None
    errors: int | None = None
    mean_ms: float | None = None
    p95_ms: float | None = None
    client_errors: int | None = field(default=None, compare=False)  # 4xx: drawn, never compared

    @property
    def key(self) -> tuple[Node, Node]:
        return self.source, self.target

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.source.name,
            "source_kind": str(self.source.kind),
            "target": self.target.name,
            "target_kind": str(self.target.kind),
            "requests": self.requests,
            "errors": self.errors,
            "mean_ms": self.mean_ms,
            "p95_ms": self.p95_ms,
        }


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """Nodes and edges in a stable order, so that two equal maps are equal and their files diff well."""

    nodes: tuple[Node, ...] = field(default=())
    edges: tuple[Edge, ...] = field(default=())

    @classmethod
    def of(cls, nodes: Iterable[Node], edges: Iterable[Edge]) -> Self:
        """A map of these edges, their ends and further nodes; one given twice is a mistake of the reader."""
        ordered = tuple(sorted(edges, key=lambda edge: edge.key))
        keys = {edge.key for edge in ordered}
        if len(keys) != len(ordered):
            raise ValueError("an edge stands twice in one map")
        ends = {end for key in keys for end in key}
        return cls(tuple(sorted(ends.union(nodes))), ordered)

    def edge(self, source: Node, target: Node) -> Edge | None:
        return next((edge for edge in self.edges if edge.key == (source, target)), None)

    def only(self, glob: str | None) -> "ServiceMap":
        """The edges that touch a node whose name matches, and the matching nodes."""
        if not glob:
            return self
        edges = [edge for edge in self.edges if any(fnmatchcase(end.name, glob) for end in edge.key)]
        nodes = [node for node in self.nodes if fnmatchcase(node.name, glob)]
        return ServiceMap.of(nodes, edges)

    def map_edges(self, change: Callable[[Edge], Edge]) -> "ServiceMap":
        return replace(self, edges=tuple(change(edge) for edge in self.edges))

    def to_json(self) -> dict[str, Any]:
        return {
            "nodes": [{"name": node.name, "kind": str(node.kind)} for node in self.nodes],
            "edges": [edge.to_json() for edge in self.edges],
        }
