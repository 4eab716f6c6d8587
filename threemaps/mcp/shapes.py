"""What the tools answer, as types: from them the server makes the schemas that a client is shown."""

from typing import Any

from typing_extensions import TypedDict  # pydantic cannot read the one of Python 3.11


class Window(TypedDict):
    start: str
    end: str


class Node(TypedDict):
    name: str
    kind: str


class Edge(TypedDict):
    """What a backend does not report is null."""

    source: str
    source_kind: str
    target: str
    target_kind: str
    requests: int | None
    errors: int | None
    mean_ms: float | None
    p95_ms: float | None


class Map(TypedDict):
    nodes: list[Node]
    edges: list[Edge]


class Source(TypedDict):
    read_through: str
    remarks: list[str]


# `in` is no name that a class could have.
Difference = TypedDict(
    "Difference",
    {
        "kind": str,
        "source": str | None,
        "target": str | None,
        "in": list[str],
        "not_in": list[str],
        "values": dict[str, float | None],
        "expected": bool,
        "cause": str,
        "evidence": list[str],
        "advice": str,
    },
)


class Comparison(TypedDict):
    """As `threemaps compare --format json`; a map that could not be read is null."""

    agree: bool
    window: Window
    sources: dict[str, Source]
    maps: dict[str, Map | None]
    differences: list[Difference]
    notes: list[str]


class ReadMap(TypedDict):
    window: Window
    source: str
    read_through: str
    remarks: list[str]
    map: Map


class Trace(TypedDict):
    """As `threemaps trace --format json`."""

    trace_id: str
    backends: dict[str, list[dict[str, Any]] | None]
    unreadable: dict[str, str]
    differences: list[dict[str, Any]]


class Diagnosis(TypedDict):
    """As `threemaps doctor --format json`."""

    ok: bool
    broken: dict[str, Any] | None
    checks: list[dict[str, Any]]
