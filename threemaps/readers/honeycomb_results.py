"""The map as a query: its question, and its results as a map, from an API, from MCP or from a saved file."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from threemaps.model.servicemap import Edge, Node
from threemaps.readers.base import Shape

PARENT, CHILD, ERROR = "parent.service.name", "service.name", "error"
COUNT, P95 = "COUNT", "P95(duration_ms)"
MOST_ROWS = 1_000

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` are the groups, `series` the points in time, both as Honeycomb names their columns."""

    rows: tuple[Row, ...] = ()
    series: tuple[tuple[str, Row], ...] = field(default=())
    url: str = ""


def map_question(*breakdowns: str, only_errors: bool = False) -> dict[str, Any]:
    """A call is a span with a parent; those within one service are left out of the results."""
    filters: list[dict[str, Any]] = [{"column": PARENT, "op": "exists"}]
    if only_errors:
        filters.append({"column": ERROR, "op": "=", "value": True})
    return {
        "breakdowns": [PARENT, CHILD, *breakdowns],
        "calculations": [{"op": "COUNT"}, {"op": "P95", "column": "duration_ms"}],
        "filters": filters,
        "orders": [{"op": "COUNT", "order": "descending"}],
        "limit": MOST_ROWS,
    }


def edges_of(shape: Shape, rows: Iterable[Row], failed: Iterable[Row] | None = None) -> list[Edge]:
    """The edges of a map's rows. Errors are those of `failed`, or of a column `error`, else not known."""
    calls: dict[tuple[Node, Node], list[Row]] = {}
    for row in rows:
        if ends := _ends(shape, row):
            calls.setdefault(ends, []).append(row)
    errors: dict[tuple[Node, Node], int] = {}
    for row in failed or ():
        if ends := _ends(shape, row):
            errors[ends] = errors.get(ends, 0) + count_of(shape, row)
    return [
        _edge(shape, ends, found, errors.get(ends, 0), failed is not None) for ends, found in calls.items()
    ]


def _edge(shape: Shape, ends: tuple[Node, Node], rows: Sequence[Row], errors: int, known: bool) -> Edge:
    requests = sum(count_of(shape, row) for row in rows)
    if ERROR in rows[0]:
        known, errors = True, sum(count_of(shape, row) for row in rows if row[ERROR] in (True, "true"))
    # Two percentiles do not make one.
    [p95] = [row.get(P95) for row in rows] if len(rows) == 1 else [None]
    # A call that came between the two questions is in the second only.
    return Edge(
        *ends,
        requests=requests,
        errors=min(errors, requests) if known else None,
        p95_ms=None if p95 in (None, "") else shape.number(_number(p95), P95),
    )


def _ends(shape: Shape, row: Row) -> tuple[Node, Node] | None:
    if PARENT not in row or CHILD not in row:
        raise shape.wrong(f"a row without {PARENT} and {CHILD}", dict(row))
    parent, child = row[PARENT], row[CHILD]
    if parent in (None, "") or child in (None, "") or parent == child:
        return None
    return Node(shape.text(parent, PARENT)), Node(shape.text(child, CHILD))


def count_of(shape: Shape, row: Row) -> int:
    return shape.count(_number(row.get(COUNT)), COUNT)


def _number(value: object) -> object:
    """A table and a CSV file hold texts, with commas between thousands where they are made for people."""
    if not isinstance(value, str):
        return value
    try:
        return float(value.replace(",", "").removesuffix("ms").strip())
    except ValueError:
        return value


def rows_of(shape: Shape, document: object) -> list[Row]:
    """Results wherever they stand: a list, `results`, or `data.results`, each row perhaps within `data`."""
    found = document
    for name in ("data", "results"):
        if isinstance(found, Mapping) and name in found:
            found = found[name]
    rows = [shape.mapping(row, "a result") for row in shape.sequence(found, "results")]
    return [shape.mapping(row["data"], "a result's data") if "data" in row else row for row in rows]


def table_rows(text: str) -> Iterator[Row]:
    """The rows of the Markdown tables in a text."""
    names: list[str] = []
    for line in text.splitlines():
        if not line.lstrip().startswith("|"):
            names = []
            continue
        cells = [_plain(cell) for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if not names:
            names = cells
        elif set("".join(cells)) - set("-: ") and len(cells) == len(names):
            yield dict(zip(names, cells, strict=True))


def _plain(cell: str) -> str:
    return re.sub(r"\\([\\|])", r"\1", cell.strip())
