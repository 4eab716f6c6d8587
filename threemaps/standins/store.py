"""One durable table store under all stand-ins: DuckDB, one file a process.

What `append` returned for is in DuckDB's write-ahead log and survives a kill -9. A table with a column
`stored_at BIGINT DEFAULT epoch_ms(now())` is trimmed by age and size, see `retention.py`.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from threemaps.errors import UserError
from threemaps.standins.encoding import EncodedRows, encode_rows

# The stand-ins share a machine with the services they watch: bounded, and spilling to disk beyond.
MEMORY_LIMIT = "256MB"
THREADS = 2
# Each checkpoint writes its last block of rows anew; so much of a log is read back in half a second.
WAL_LIMIT = "64MB"
# What is in the log is in memory too. When nobody writes, a log longer than this goes into the file.
IDLE_SECONDS = 5.0
IDLE_WAL_BYTES = 1_000_000

Parameters = Sequence[Any] | Mapping[str, Any]

log = logging.getLogger("threemaps.standins")


@dataclass(slots=True)
class _Append:
    """One caller's rows on their way into the file."""

    statement: str
    document: str
    stored: bool = False
    error: duckdb.Error | None = None


class Store:
    """Tables that are appended to in batches and read with SQL, from any thread."""

    def __init__(self, path: Path | str, schema: str) -> None:
        """Opens or makes the file; `schema` is SQL that may run again (CREATE TABLE IF NOT EXISTS …)."""
        self.path = None if path == ":memory:" else Path(path)
        self._connection = _open_current(self.path, schema)
        self._write_lock = threading.Lock()
        self._waiting: deque[_Append] = deque()
        self._cleanups: list[str] = []
        self._written_at = time.monotonic()
        self._types: dict[str, dict[str, str]] = {}

    def append(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Adds rows, given as equally long columns. One JSON document is the cheapest way into DuckDB.

        Who waits while another commits is committed together with the others who wait.
        """
        if next(iter(columns.values()), ()):
            self.append_rows(table, encode_rows(columns))

    def append_rows(self, table: str, rows: EncodedRows) -> None:
        """`append`, for rows that somebody else encoded."""
        job = _Append(self._insert_statement(table, rows.names, rows.constant), rows.document)
        self._waiting.append(job)
        with self._write_lock:
            if not job.stored and job.error is None:
                self._commit_waiting()
        if not job.stored:
            raise job.error or RuntimeError(f"the rows for {table} were not stored")

    def _commit_waiting(self) -> None:
        jobs = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            self._commit(jobs)
        except duckdb.Error:
            # One of them is at fault: the others must not pay for it.
            for job in jobs:
                try:
                    self._commit([job])
                except duckdb.Error as error:
                    job.error = error

    def _commit(self, jobs: list[_Append]) -> None:
        with self._transaction() as cursor:
            for job in jobs:
                cursor.execute(job.statement, [job.document])
        for job in jobs:
            job.stored = True
        self._written_at = time.monotonic()

    def _insert_statement(self, table: str, names: tuple[str, ...], constant: tuple[bool, ...]) -> str:
        if table not in self._types:
            self._types[table] = dict(self.rows(f"SELECT column_name, column_type FROM (DESCRIBE {table})"))
        return _insert(table, names, tuple(self._types[table][name] for name in names), constant)

    def execute(self, sql: str, parameters: Parameters = ()) -> None:
        """A change other than an append: an update, a delete, an upsert."""
        with self._write_lock, self._cursor() as cursor:
            cursor.execute(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Several statements that stand or fall together."""
        with self._write_lock, self._transaction() as cursor:
            yield cursor

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._cursor() as cursor:
            cursor.begin()
            try:
                yield cursor
            except BaseException:
                cursor.rollback()
                raise
            cursor.commit()

    @contextmanager
    def snapshot(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Several reads of one state, with temporary tables that nobody else sees; waits for no writer."""
        with self._cursor() as cursor:
            cursor.begin()
            try:
                yield cursor
            finally:
                cursor.rollback()

    def rows(self, sql: str, parameters: Parameters = ()) -> "Rows":
        """Reads; each call sees a consistent snapshot and waits for no writer."""
        with self._cursor() as cursor:
            cursor.execute(sql, parameters)
            names = [column[0] for column in cursor.description or ()]
            return Rows(names, cursor.fetchall())

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def also_tidy(self, sql: str) -> None:
        """SQL that follows every trimming, for rows that nothing refers to any more."""
        self._cleanups.append(sql)

    def tidy(self) -> None:
        """After rows were deleted: what goes with them goes too, and their space can be used again."""
        with self._write_lock, self._cursor() as cursor:
            for sql in self._cleanups:
                cursor.execute(sql)
            cursor.execute("CHECKPOINT")

    def rest(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Gives memory back to the system, unless somebody wrote a moment ago."""
        if time.monotonic() - self._written_at < idle_seconds:
            return
        if self._log_bytes() > IDLE_WAL_BYTES:
            self.execute("CHECKPOINT")
        # Set anew, the same limit makes DuckDB's allocator let go of what was freed.
        self.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")

    def _log_bytes(self) -> int:
        try:
            return self.path.with_name(f"{self.path.name}.wal").stat().st_size if self.path else 0
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        self._connection.close()


class Rows(list[tuple[Any, ...]]):
    """The rows of an answer, with their names where one wants them."""

    def __init__(self, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        super().__init__(rows)
        self.names = list(names)

    def dicts(self) -> list[dict[str, Any]]:
        return [dict(zip(self.names, row, strict=True)) for row in self]


def _open_current(path: Path | None, schema: str) -> duckdb.DuckDBPyConnection:
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
        raise _cannot_open(path, str(error)) from error
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
        raise _cannot_open(path, str(error)) from error


def _cannot_open(path: Path | None, reason: str) -> UserError:
    if "lock" in reason.lower():
        return UserError(
            f"{path} is in use by another process: {reason.splitlines()[0]}",
            hint="stop the other one with `threemaps down`, or set THREEMAPS_STATE to another folder",
        )
    return UserError(
        f"{path} cannot be read as a store: {reason.splitlines()[0]}",
        hint=f"move it out of the way and start again: mv {path} {path}.broken",
    )


@lru_cache(maxsize=1_000)
def _insert(table: str, names: tuple[str, ...], types: tuple[str, ...], constant: tuple[bool, ...]) -> str:
    """A column with one value throughout is in the document just once."""
    shape = ",".join(
        f'"{name}":"{kind}"' if same else f'"{name}":["{kind}"]'
        for name, kind, same in zip(names, types, constant, strict=True)
    )
    columns = ",".join(
        f"document.{name}" if same else f"unnest(document.{name})"
        for name, same in zip(names, constant, strict=True)
    )
    source = f"(SELECT from_json(?, '{{{shape}}}') AS document)"
    return f"INSERT INTO {table} ({','.join(names)}) SELECT {columns} FROM {source}"
