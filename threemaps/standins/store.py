"""One durable table store under all stand-ins: DuckDB, one file a process.

What `append` returned for is in DuckDB's write-ahead log, what `take` returned for in the journal beside it.
Both survive a kill -9, and whoever reads sees both. A table with a column `stored_at BIGINT DEFAULT
epoch_ms(now())` is trimmed by age and size, see `retention.py`.
"""

import gc
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from threemaps.standins.encoding import SEPARATOR, EncodedRows, encode_rows
from threemaps.standins.journal import Entry, Journal
from threemaps.standins.opening import MEMORY_LIMIT, cannot_open, open_current

# What is in the log is in memory too. When nobody writes, a log longer than this goes into the file.
IDLE_SECONDS = 5.0
IDLE_WAL_BYTES = 1_000_000
# Blocks of the file that were read stay in memory, up to the limit. Nobody needs them when nobody reads.
RESTING_LIMIT = "1MB"

Parameters = Sequence[Any] | Mapping[str, Any]

# So much of what was taken waits for its table; at twice as much the next one waits, too.
JOURNAL_BYTES = 4_000_000
JOURNAL_DONE = "CREATE TABLE IF NOT EXISTS journal_done (number BIGINT)"


@dataclass(slots=True)
class _Append:
    """One caller's rows on their way into the file."""

    statement: str
    parts: tuple[str, ...]
    stored: bool = False
    error: duckdb.Error | None = None


class Store:
    """Tables that are appended to in batches and read with SQL, from any thread."""

    def __init__(self, path: Path | str, schema: str) -> None:
        """Opens or makes the file; `schema` is SQL that may run again (CREATE TABLE IF NOT EXISTS …)."""
        self.path = None if path == ":memory:" else Path(path)
        self._connection = open_current(self.path, schema)
        self._write_lock = threading.RLock()
        self._in_use_lock = threading.Lock()
        self._in_use = 0
        self._waiting: deque[_Append] = deque()
        self._cleanups: list[str] = []
        self._written_at = time.monotonic()
        self._types: dict[str, dict[str, str]] = {}
        self._journal = self._open_journal()

    def _open_journal(self) -> Journal:
        """What a process that was killed had taken goes into its tables."""
        with self._cursor() as cursor:
            cursor.execute(JOURNAL_DONE)
            ((done,),) = cursor.execute("SELECT coalesce(max(number), 0) FROM journal_done").fetchall()
        self._journal = Journal(self.path, done)
        try:
            self._settle()
        except (duckdb.Error, KeyError) as error:
            self._connection.close()
            raise cannot_open(self.path, f"its journal: {error}") from error
        return self._journal

    def take(self, table: str, rows: EncodedRows) -> None:
        """Like `append`, much cheaper, for tables without constraints.

        When it returns the rows are in the journal. They are in their table before anybody reads that.
        """
        entry = Entry(table, rows, time.time_ns() // 1_000_000)
        self._statement_of(entry)  # such columns there are
        self._make_room()
        self._journal.add(entry)
        self._written_at = time.monotonic()

    def _make_room(self) -> None:
        waiting = self._journal.bytes
        if waiting >= JOURNAL_BYTES and self._write_lock.acquire(blocking=waiting >= 2 * JOURNAL_BYTES):
            try:
                self._empty_journal(JOURNAL_BYTES)
            finally:
                self._write_lock.release()

    def _settle(self, sql: str | None = None) -> None:
        """Before a statement that reads tables: what they were sent is in them."""
        if any(sql is None or table in sql for table in self._journal.tables):
            with self._write_lock:
                self._empty_journal()

    def _empty_journal(self, at_least: int = 1) -> None:
        """Unless another thread has just done it."""
        if self._journal.bytes < at_least:
            return
        number, entries = self._journal.cut()
        with self._transaction() as cursor:
            for statement, group in groupby(sorted(entries, key=self._statement_of), self._statement_of):
                _insert_entries(cursor, statement, list(group))
            cursor.execute("DELETE FROM journal_done")
            cursor.execute("INSERT INTO journal_done VALUES (?)", [number])
        self._journal.forget(number, len(entries))

    def _statement_of(self, entry: Entry) -> str:
        return self._insert_statement(entry.table, entry.rows, timed=entry.is_timed_by_us)

    def append(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Adds rows, given as equally long columns. One JSON document is the cheapest way into DuckDB.

        Who waits while another commits is committed together with the others who wait.
        """
        if next(iter(columns.values()), ()):
            self.append_rows(table, encode_rows(columns))

    def append_rows(self, table: str, rows: EncodedRows) -> None:
        """`append`, for rows that somebody else encoded."""
        job = _Append(self._insert_statement(table, rows), rows.parts())
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
                cursor.execute(job.statement, [[part] for part in job.parts])
        for job in jobs:
            job.stored = True
        self._written_at = time.monotonic()

    def _insert_statement(self, table: str, rows: EncodedRows, *, timed: bool = False) -> str:
        if table not in self._types:
            with self._cursor() as cursor:
                columns = cursor.execute(f"SELECT column_name, column_type FROM (DESCRIBE {table})")
                self._types[table] = dict(columns.fetchall())
        types = self._types[table]
        if rows.bulk is not None and rows.bulk not in types:
            raise KeyError(rows.bulk)
        kinds = tuple(types[name] for name in rows.names)
        return _insert(table, rows.names, kinds, rows.constant, rows.bulk, timed)

    def execute(self, sql: str, parameters: Parameters = ()) -> None:
        """A change other than an append: an update, a delete, an upsert."""
        self._settle(sql)
        with self._write_lock, self._cursor() as cursor:
            cursor.execute(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Several statements that stand or fall together."""
        self._settle()
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
        """Several reads of one state, with temporary tables that nobody else sees."""
        self._settle()
        with self._cursor() as cursor:
            cursor.begin()
            try:
                yield cursor
            finally:
                cursor.rollback()

    def rows(self, sql: str, parameters: Parameters = ()) -> "Rows":
        """Reads; each call sees a consistent snapshot."""
        self._settle(sql)
        with self._cursor() as cursor:
            cursor.execute(sql, parameters)
            names = [column[0] for column in cursor.description or ()]
            return Rows(names, cursor.fetchall())

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._in_use_lock:
            self._in_use += 1
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()
            with self._in_use_lock:
                self._in_use -= 1

    def clear(self) -> None:
        """All rows of all tables go; what was taken before is among them."""
        tables = self.rows(
            "SELECT table_name FROM duckdb_tables() "
            "WHERE table_name <> 'journal_done' AND database_name = current_database() AND NOT temporary"
        )
        with self.transaction() as cursor:
            for (table,) in tables:
                cursor.execute(f"DELETE FROM {table}")
        self.tidy()

    def also_tidy(self, sql: str) -> None:
        """SQL that follows every trimming, for rows that nothing refers to any more."""
        self._cleanups.append(sql)

    def tidy(self) -> None:
        """After rows were deleted: what goes with them goes too, and their space can be used again."""
        self._settle()
        with self._write_lock, self._cursor() as cursor:
            for sql in self._cleanups:
                cursor.execute(sql)
            cursor.execute("CHECKPOINT")

    def rest(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Gives memory back to the system, unless somebody wrote a moment ago."""
        if time.monotonic() - self._written_at < idle_seconds:
            return
        self._settle()
        if self._log_bytes() > IDLE_WAL_BYTES:
            self.execute("CHECKPOINT")
        gc.collect()  # what stands in circles, answers of megabytes among it, waits for it
        with self._in_use_lock:  # nobody begins while next to nothing is allowed
            if not self._in_use:
                with suppress(duckdb.OutOfMemoryException):  # as much as can go has gone
                    self._connection.execute(f"SET memory_limit = '{RESTING_LIMIT}'")
            # Set anew, also the same limit makes DuckDB's allocator let go of what was freed.
            self._connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")

    def _log_bytes(self) -> int:
        try:
            return self.path.with_name(f"{self.path.name}.wal").stat().st_size if self.path else 0
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        self._settle()
        self._journal.close()
        self._connection.close()


class Rows(list[tuple[Any, ...]]):
    """The rows of an answer, with their names where one wants them."""

    def __init__(self, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        super().__init__(rows)
        self.names = list(names)

    def dicts(self) -> list[dict[str, Any]]:
        return [dict(zip(self.names, row, strict=True)) for row in self]


def _insert_entries(cursor: duckdb.DuckDBPyConnection, statement: str, entries: list[Entry]) -> None:
    parts = zip(*(entry.rows.parts() for entry in entries), strict=True)
    times = [[entry.taken_ms for entry in entries]] if entries[0].is_timed_by_us else []
    cursor.execute(statement, [*map(list, parts), *times])


@lru_cache(maxsize=1_000)
def _insert(
    table: str,
    names: tuple[str, ...],
    types: tuple[str, ...],
    constant: tuple[bool, ...],
    bulk: str | None,
    timed: bool,
) -> str:
    """For a list of documents, of their bulks, and of the times when they came where they do not say it.

    A column with one value throughout is in its document just once.
    """
    shape = ",".join(
        f'"{name}":"{kind}"' if same else f'"{name}":["{kind}"]'
        for name, kind, same in zip(names, types, constant, strict=True)
    )
    columns = {
        name: f"document.{name}" if same else f"unnest(document.{name})"
        for name, same in zip(names, constant, strict=True)
    }
    given = [f"from_json(unnest(?), '{{{shape}}}') AS document"]
    if bulk is not None:
        columns[bulk] = f"unnest(string_split(texts, chr({ord(SEPARATOR)})))"
        given.append("unnest(?) AS texts")
    if timed:
        columns["stored_at"] = "came"
        given.append("unnest(?) AS came")
    return (
        f"INSERT INTO {table} ({','.join(columns)}) "
        f"SELECT {','.join(columns.values())} FROM (SELECT {','.join(given)})"
    )
