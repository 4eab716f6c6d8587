"""Opens a store's file, or says why it cannot be opened and what to do then."""

import logging
import re
from pathlib import Path

import duckdb

from threemaps.errors import UserError

# The stand-ins share a machine with the services they watch: bounded, and spilling to disk beyond.
MEMORY_LIMIT = "256MB"
THREADS = 2
# Each checkpoint writes its last block of rows anew; so much of a log is read back in half a second.
WAL_LIMIT = "64MB"

log = logging.getLogger("threemaps.standins")


def open_current(path: Path | None, schema: str) -> duckdb.DuckDBPyConnection:
    """The file, if its tables are those of the schema; what another version made is moved aside, and kept."""
    connection = _open(path)
    if path is not None and _is_of_another_version(connection, schema):
        connection.close()
        _move_aside(path)
        connection = _open(path)
    try:
        connection.execute(schema)
    except duckdb.Error as error:
        connection.close()
        raise cannot_open(path, str(error)) from error
    return connection


def _is_of_another_version(connection: duckdb.DuckDBPyConnection, schema: str) -> bool:
    with duckdb.connect(":memory:") as wanted:
        wanted.execute(schema)
        columns = _columns(wanted)
    return any(columns[table] != held for table, held in _columns(connection).items() if table in columns)


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    """The names and types of each table's columns."""
    tables: dict[str, list[tuple[str, str]]] = {}
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() ORDER BY table_name, column_index"
    )
    for table, name, kind in rows.fetchall():
        tables.setdefault(table, []).append((name, kind))
    return tables


def _move_aside(path: Path) -> None:
    kept = path.with_name(f"{path.name}.old")
    path.replace(kept)
    for journal in path.parent.glob(f"{path.name}.journal.*"):
        journal.replace(kept.with_name(f"{kept.name}{journal.name.removeprefix(path.name)}"))
    log.warning("%s was made by another version of threemaps: moved to %s, and begun anew", path, kept)


def _open(path: Path | None) -> duckdb.DuckDBPyConnection:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return duckdb.connect(
            ":memory:" if path is None else str(path),
            config={"memory_limit": MEMORY_LIMIT, "threads": THREADS, "wal_autocheckpoint": WAL_LIMIT},
        )
    except duckdb.Error as error:
        raise cannot_open(path, str(error)) from error


def cannot_open(path: Path | None, reason: str) -> UserError:
    if re.search(r"\block\b", reason, re.IGNORECASE):  # and not "block"
        return UserError(
            f"{path} is in use by another process: {reason.splitlines()[0]}",
            hint="stop the other one with `threemaps down`, or set THREEMAPS_STATE to another folder",
        )
    return UserError(
        f"{path} cannot be read as a store: {reason.splitlines()[0]}",
        hint=f"move it out of the way and start again: mv {path} {path}.broken",
    )
