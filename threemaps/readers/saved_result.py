"""A query result saved from Honeycomb's page, as JSON or CSV, as a map."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import orjson

from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge
from threemaps.readers.base import Shape, UnreadableError
from threemaps.readers.honeycomb_results import CHILD, COUNT, PARENT, Row, edges_of, rows_of

COLUMNS = (PARENT, CHILD, COUNT)
AGAIN = f"save the result again, with the columns {', '.join(COLUMNS)}"
SEPARATORS = ",;\t"


def saved_rows(name: str, data: bytes) -> tuple[list[Row], Window | None] | None:
    """The rows of a saved result, and its window where it says one; None where the file is none.

    Raises UnreadableError where a table lacks a column.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        rows = _from_csv(name, data)
        return None if rows is None else (rows, None)
    if isinstance(document, dict) and "schema" in document:
        return None
    try:
        rows = rows_of(Shape(name), document)
    except UnreadableError:
        return None
    is_one = all(column in rows[0] for column in COLUMNS) if rows else isinstance(document, dict)
    return (rows, _window(document)) if is_one else None


def saved_edges(name: str, rows: list[Row]) -> list[Edge]:
    try:
        return edges_of(Shape(name), rows)
    except UnreadableError as error:
        raise UnreadableError(error.message, hint=AGAIN) from error


def _from_csv(name: str, data: bytes) -> list[Row] | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=separator)
    try:
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if len(missing) == len(COLUMNS):
            return None
        if missing:
            raise UnreadableError(f"{name}: the saved result lacks {' and '.join(missing)}", hint=AGAIN)
        return [{name: value for name, value in row.items() if name} for row in rows]
    except csv.Error:
        return None


def _window(document: Any) -> Window | None:
    """A result of the API has its query beside it."""
    query = document.get("query") if isinstance(document, dict) else None
    times = [query.get(end) for end in ("start_time", "end_time")] if isinstance(query, dict) else []
    whole = [one for one in times if isinstance(one, int) and 0 < one < 2**33]
    if len(whole) != 2:
        return None
    start, end = (datetime.fromtimestamp(one, UTC) for one in whole)
    return Window(start, end) if start <= end else None
