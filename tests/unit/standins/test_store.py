"""The store under the stand-ins: what was acknowledged stays, within bounds."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from threemaps.errors import UserError
from threemaps.standins.retention import Retention, trim, used_bytes
from threemaps.standins.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS things (
    stored_at BIGINT DEFAULT epoch_ms(now()), number BIGINT NOT NULL, name VARCHAR, size DOUBLE
)
"""
HOUR_MS = 3_600_000
IN_MEMORY = "SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"

OF_THE_FILE = "SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'BASE_TABLE'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "things.duckdb"


def numbers(store: Store) -> list[int]:
    return [number for (number,) in store.rows("SELECT number FROM things ORDER BY number")]


def test_rows_come_back_as_they_were(path: Path) -> None:
    store = Store(path, SCHEMA)
    names = ["a", None, 'q"uo\\te', "\0nul", "é😀"]
    store.append("things", {"number": [1, 2, 3, 4, 5], "name": names, "size": [0.5] * 5})
    store.append("things", {"number": [2**63 - 1], "name": ["one"], "size": [None]})
    store.append("things", {"number": []})
    store.close()
    store = Store(path, SCHEMA)
    rows = store.rows("SELECT number, name, size FROM things ORDER BY number").dicts()
    store.close()
    assert [row["name"] for row in rows] == [*names, "one"]
    assert [row["size"] for row in rows] == [0.5] * 5 + [None]


def test_columns_with_one_value_throughout(path: Path) -> None:
    store = Store(path, SCHEMA)
    store.append("things", {"number": [7, 7, 7], "name": ["x"] * 3, "size": [None] * 3})
    assert store.rows("SELECT number, name, size FROM things") == [(7, "x", None)] * 3
    store.close()


def test_a_file_of_another_version_is_moved_aside_and_kept(path: Path) -> None:
    older = Store(path, SCHEMA.replace("size DOUBLE", "length INTEGER"))
    older.append("things", {"number": [1]})
    older.close()
    store = Store(path, SCHEMA)
    store.append("things", {"number": [2], "size": [0.5]})
    assert numbers(store) == [2]
    store.close()
    kept = Store(path.with_name(f"{path.name}.old"), SCHEMA.replace("size DOUBLE", "length INTEGER"))
    assert numbers(kept) == [1]
    kept.close()


def test_a_file_gets_the_tables_that_came_since(path: Path) -> None:
    older = Store(path, SCHEMA)
    older.append("things", {"number": [1]})
    older.close()
    store = Store(path, SCHEMA + "; CREATE TABLE IF NOT EXISTS more (number BIGINT)")
    assert numbers(store) == [1]
    assert store.rows("SELECT number FROM more") == []
    store.close()


def test_appends_of_many_threads_all_arrive(path: Path) -> None:
    store = Store(path, SCHEMA)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: store.append("things", {"number": [number, -number]}), range(1, 101)))
    assert numbers(store) == [*range(-100, 0), *range(1, 101)]
    store.close()


def test_only_who_is_at_fault_is_refused(path: Path) -> None:
    """The waiting ones are committed together; a bad one among them must not take the others along."""
    store = Store(path, SCHEMA)
    refused: list[int] = []

    def append(number: int) -> None:
        value = None if number % 5 == 0 else number
        try:
            store.append("things", {"number": [value], "name": ["x"]})
        except duckdb.ConstraintException:
            refused.append(number)

    with store.transaction():  # holds the others back until all of them wait
        threads = [threading.Thread(target=append, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    assert sorted(refused) == [0, 5, 10, 15]
    assert numbers(store) == [number for number in range(20) if number % 5]
    store.close()


def test_a_transaction_stands_or_falls_as_a_whole(path: Path) -> None:
    store = Store(path, SCHEMA)
    inserts = ["INSERT INTO things (number) VALUES (1)", "INSERT INTO things (number) VALUES (NULL)"]

    def insert_both() -> None:
        with store.transaction() as cursor:
            for sql in inserts:
                cursor.execute(sql)

    with pytest.raises(duckdb.ConstraintException):
        insert_both()
    assert numbers(store) == []
    store.close()


def test_a_snapshot_sees_one_state(path: Path) -> None:
    store = Store(path, SCHEMA)
    with store.snapshot() as cursor:
        before = cursor.execute("SELECT count(*) FROM things").fetchall()
        store.append("things", {"number": [1]})
        assert cursor.execute("SELECT count(*) FROM things").fetchall() == before == [(0,)]
    assert numbers(store) == [1]
    store.close()


HOLDER = """
import sys
from pathlib import Path
from threemaps.standins.store import Store
store = Store(Path(sys.argv[1]), "CREATE TABLE IF NOT EXISTS t (n BIGINT)")
print("open", flush=True)
sys.stdin.read()
"""


def test_a_file_in_use_is_named(path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(UserError, match="in use by another process") as refusal:
            Store(path, SCHEMA)
        holder.kill()
    assert str(path) in refusal.value.message
    assert "threemaps down" in refusal.value.hint


def test_a_file_that_is_no_store_is_named_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(UserError, match="cannot be read as a store") as refusal:
        Store(path, SCHEMA)
    assert f"mv {path} {path}.broken" in refusal.value.hint
    assert path.read_bytes().startswith(b"not a database")


def fill(store: Store, rows: int, age_ms: int) -> None:
    store.execute(
        "INSERT INTO things SELECT epoch_ms(now()) - ?, range, md5(random()::VARCHAR), 1.5 FROM range(?)",
        [age_ms, rows],
    )


def test_what_is_too_old_goes(path: Path) -> None:
    store = Store(path, SCHEMA)
    fill(store, 10, 25 * HOUR_MS)
    fill(store, 3, 23 * HOUR_MS)
    store.execute("ATTACH ':memory:' AS beside")  # as Application Signals derives its records
    store.execute("CREATE TABLE beside.derived AS SELECT 0::BIGINT AS stored_at")
    assert trim(store, Retention(hours=24)) == 10
    assert trim(store, Retention(hours=24)) == 0
    assert numbers(store) == [0, 1, 2]
    store.close()


def test_of_what_is_too_much_the_oldest_goes_and_its_space_is_used_again(path: Path) -> None:
    store = Store(path, SCHEMA)
    retention = Retention(hours=24, megabytes=4)
    largest = 0
    for age in range(20, 0, -1):
        fill(store, 50_000, age * HOUR_MS // 100)
        store.tidy()
        trim(store, retention)
        largest = max(largest, path.stat().st_size)
    ((youngest,),) = store.rows("SELECT epoch_ms(now()) - max(stored_at) FROM things")
    assert youngest < HOUR_MS // 50
    assert used_bytes(store) < 6_000_000
    assert largest < 12_000_000
    store.close()


def test_what_nothing_refers_to_any_more_goes_along(path: Path) -> None:
    store = Store(path, SCHEMA + "; CREATE TABLE IF NOT EXISTS names (name VARCHAR)")
    store.also_tidy("DELETE FROM names WHERE name NOT IN (SELECT name FROM things)")
    store.execute("INSERT INTO names VALUES ('old')")
    store.execute("INSERT INTO things VALUES (0, 1, 'old', NULL)")
    trim(store)
    assert store.rows("SELECT * FROM names") == []
    store.close()


def test_an_idle_store_gives_back_what_its_log_kept_in_memory(path: Path) -> None:
    store = Store(path, SCHEMA)
    log_file = path.with_name(f"{path.name}.wal")
    names = [str(number) * 10 for number in range(50_000)]
    store.append("things", {"number": list(range(50_000)), "name": names, "size": [1.5] * 50_000})
    kept = store.rows(IN_MEMORY)
    store.rest(idle_seconds=3_600)
    assert log_file.exists()  # somebody wrote a moment ago
    with store.snapshot() as reading:
        reading.execute("CREATE TEMP TABLE few AS SELECT * FROM things LIMIT 5")
        store.rest(idle_seconds=0)
        assert reading.execute("SELECT count(*) FROM few").fetchall() == [(5,)]
    assert not log_file.exists()
    assert store.rows(IN_MEMORY) < kept
    assert numbers(store) == list(range(50_000))
    store.close()


def test_an_idle_store_lets_go_of_what_was_read_of_its_file(path: Path) -> None:
    store = Store(path, SCHEMA)
    fill(store, 200_000, 0)
    store.rest(idle_seconds=0)
    assert len(store.rows("SELECT * FROM things")) == 200_000
    kept = store.rows(OF_THE_FILE)
    store.rest(idle_seconds=0)
    assert store.rows(OF_THE_FILE) < kept
    assert len(numbers(store)) == 200_000
    store.close()
