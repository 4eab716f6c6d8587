"""Application Signals' records: every call and every request of a window, by minute and by names.

They are derived from the spans when they are asked for, and kept in memory until other spans or another
window are: a map is many questions.
"""

import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection

from threemaps.standins.application_signals import records_sql as sql
from threemaps.standins.store import Rows, Store

HOUR_MS = 3_600_000
# So many doublings go further than any honest parents.
MAX_ROUNDS = 24
VERSION = "SELECT count(*), max(received) FROM spans"
SETS = """
SELECT id, service, environment, operation, remote_service, remote_operation, remote_environment,
    remote_resource, remote_resource_type, max(callee_environment) FROM signals.minutes GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class Window:
    """From a time to another, in ms; the end is not included."""

    start_ms: int
    end_ms: int

    def covers(self, other: "Window") -> bool:
        return self.start_ms <= other.start_ms and other.end_ms <= self.end_ms

    def whole_hours(self) -> "Window":
        return Window(self.start_ms // HOUR_MS * HOUR_MS, -(-self.end_ms // HOUR_MS) * HOUR_MS)


class Names(NamedTuple):
    """What identifies a record; `remote_service` is None in a service's own."""

    id: int
    service: str
    environment: str
    operation: str
    remote_service: str | None
    remote_operation: str | None
    remote_environment: str | None
    remote_resource: str | None
    remote_resource_type: str | None
    callee_environment: str | None


class Records:
    def __init__(self, store: Store, *, by_trace: bool = True) -> None:
        """`by_trace`: a callee whose spans are in the trace is called what these say."""
        self._store = store
        self._by_trace = by_trace
        self._lock = threading.Lock()
        self._held: tuple[Any, Window] | None = None
        self._sets: list[Names] = []
        store.execute("ATTACH IF NOT EXISTS ':memory:' AS signals")

    def names(self, window: Window) -> list[Names]:
        """All that there are in these whole hours, and perhaps around them."""
        with self._lock:
            self._hold(window)
            return self._sets

    def rows(self, window: Window, statement: str, parameters: Any = ()) -> Rows:
        """Reads `signals.minutes`, which has at least the whole hours of this window."""
        with self._lock:
            self._hold(window)
            return self._store.rows(statement, parameters)

    def _hold(self, window: Window) -> None:
        version, hours = tuple(self._store.rows(VERSION)[0]), window.whole_hours()
        if self._held is None or self._held[0] != version or not self._held[1].covers(hours):
            self._held = None
            with self._store.transaction() as cursor:
                self._derive(cursor, hours)
            self._sets = [Names._make(row) for row in self._store.rows(SETS)]
            self._held = version, hours

    def _derive(self, cursor: DuckDBPyConnection, window: Window) -> None:
        cursor.execute(sql.IN_WINDOW, [window.start_ms * 1_000_000, window.end_ms * 1_000_000])
        for statement in (sql.FOUND, sql.NAMES_NEAR, sql.NAMES_FAR, sql.TWINS):
            cursor.execute(statement)
        if _count(cursor, "SELECT count(*) FROM twins"):
            cursor.execute(sql.LATEST)
        cursor.execute(sql.LINKED)
        cursor.execute(sql.CALLEES if self._by_trace else sql.NO_CALLEES)
        cursor.execute(sql.CALLS_INSIDE)
        _climb(cursor)
        cursor.execute(sql.SUMMED, [window.start_ms // 60_000, window.end_ms // 60_000])
        cursor.execute(sql.MINUTES)


def _climb(cursor: DuckDBPyConnection) -> None:
    """Finds the entry spans of calls inside."""
    cursor.execute(sql.STEPS)
    for _ in range(MAX_ROUNDS):
        if not _count(cursor, sql.UNDER_WAY):
            return
        cursor.execute(sql.FURTHER_STEPS)


def _count(cursor: DuckDBPyConnection, statement: str) -> int:
    ((count,),) = cursor.execute(statement).fetchall()
    return int(count)
