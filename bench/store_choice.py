"""The measurement that chose the stand-ins' store: `python bench/store_choice.py [ROWS]`.

Each candidate takes the same spans in batches of 1,000, every batch durable before the next, one in twenty
of them sent twice; then it draws the service map, in which a repeat must not count. Each runs in a process
of its own. The first two keep repeats out with a unique index, the last drops them when the map is read.
"""

import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from threemaps.standins.store import MEMORY_LIMIT, THREADS, Store

ROWS = 200_000
BATCH = 1_000
HOPS = ("frontend", "frontend", "activities", "activities", "users")
NAMES = ("time", "service", "trace_id", "span_id", "parent_id", "name", "kind", "duration_ms", "attributes")
TYPES = ("BIGINT", "VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR")
TABLE = f"CREATE TABLE spans ({', '.join(f'{name} {kind}' for name, kind in zip(NAMES, TYPES, strict=True))}"
UNIQUE_MAP = """
SELECT parent.service, child.service, count(*) FROM spans child
JOIN spans parent ON parent.trace_id = child.trace_id AND parent.span_id = child.parent_id
WHERE parent.service <> child.service GROUP BY 1, 2
"""
DISTINCT_MAP = """
SELECT parent, child, count(*) FROM (
    SELECT DISTINCT parent.service AS parent, child.service AS child, child.trace_id, child.span_id
    FROM spans child
    JOIN spans parent ON parent.trace_id = child.trace_id AND parent.span_id = child.parent_id
    WHERE parent.service <> child.service
) GROUP BY 1, 2
"""
Columns = dict[str, list[object]]


def batches(rows: int) -> Iterator[Columns]:
    numbers = random.Random(1)
    for index in range(rows // BATCH):
        batch = make_batch(numbers)
        yield batch
        if index % 20 == 0:
            yield batch


def make_batch(numbers: random.Random) -> Columns:
    columns: Columns = {name: [] for name in NAMES}
    for _ in range(BATCH // len(HOPS)):
        trace_id, parent = f"{numbers.getrandbits(128):032x}", None
        for service in HOPS:
            span_id = f"{numbers.getrandbits(64):016x}"
            attributes = json.dumps({"http.method": "GET", "http.target": f"/?{numbers.getrandbits(30)}"})
            row = (time.time_ns(), service, trace_id, span_id, parent, "GET /", "server", 1.5, attributes)
            for name, value in zip(NAMES, row, strict=True):
                columns[name].append(value)
            parent = span_id
    return columns


def sqlite(path: Path) -> tuple[Callable[[Columns], None], Callable[[], list[tuple[object, ...]]]]:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"{TABLE}, UNIQUE (trace_id, span_id))")
    insert = f"INSERT OR IGNORE INTO spans VALUES ({', '.join('?' * len(NAMES))})"

    def append(columns: Columns) -> None:
        with connection:
            connection.executemany(insert, zip(*columns.values(), strict=True))

    return append, lambda: connection.execute(UNIQUE_MAP).fetchall()


def duckdb_unique(path: Path) -> tuple[Callable[[Columns], None], Callable[[], list[tuple[object, ...]]]]:
    store = Store(path, f"{TABLE}, PRIMARY KEY (trace_id, span_id))")
    shape = ", ".join(f'"{name}":["{kind}"]' for name, kind in zip(NAMES, TYPES, strict=True))
    values = ", ".join(f"unnest(d.{name})" for name in NAMES)
    insert = f"INSERT OR IGNORE INTO spans SELECT {values} FROM (SELECT from_json(?, '{{{shape}}}') AS d)"
    return lambda columns: store.execute(insert, [json.dumps(columns)]), lambda: store.rows(UNIQUE_MAP)


def duckdb(path: Path) -> tuple[Callable[[Columns], None], Callable[[], list[tuple[object, ...]]]]:
    store = Store(path, f"{TABLE})")
    return lambda columns: store.append("spans", columns), lambda: store.rows(DISTINCT_MAP)


CANDIDATES = {
    "SQLite, unique index": sqlite,
    "DuckDB, primary key": duckdb_unique,
    "DuckDB, distinct when read": duckdb,
}


def measure(name: str, rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        append, draw = CANDIDATES[name](Path(folder) / "store")
        seconds, cpu, sent = 0.0, 0.0, 0
        for batch in batches(rows):
            began, cpu_began = time.perf_counter(), time.process_time()
            append(batch)
            seconds += time.perf_counter() - began
            cpu += time.process_time() - cpu_began
            sent += BATCH
        began, cpu_began = time.perf_counter(), time.process_time()
        edges = draw()
        map_seconds, map_cpu = time.perf_counter() - began, time.process_time() - cpu_began
        assert sorted(calls for *_, calls in edges) == [rows // len(HOPS)] * 2
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:28}{sent / seconds:>10,.0f}{cpu / sent * 1e6:>10.1f}{map_seconds:>10.2f}{map_cpu:>10.2f}"
        f"{size / rows:>12.0f}{memory:>10.0f}"
    )


def main(rows: int) -> None:
    print(f"{rows:,} spans and 5 % of them again; DuckDB with {MEMORY_LIMIT} and {THREADS} threads")
    print(
        f"{'':28}{'rows/s':>10}{'CPU µs':>10}{'map s':>10}{'map CPU s':>10}{'bytes/row':>12}{'peak MB':>10}"
    )
    for name in CANDIDATES:
        sys.stdout.flush()
        subprocess.run([sys.executable, __file__, str(rows), name], check=True)


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    measure(sys.argv[2], wanted) if len(sys.argv) > 2 else main(wanted)
