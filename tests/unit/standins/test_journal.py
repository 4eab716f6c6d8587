"""What was taken and is in no table yet: on disk before the answer, seen by who reads, back after a crash."""

import os
import signal
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import duckdb
import pytest

from tests.unit.standins.test_store import SCHEMA, numbers
from threemaps.errors import UserError
from threemaps.standins import store as store_module
from threemaps.standins.encoding import EncodedRows, encode_rows
from threemaps.standins.journal import Entry, Journal
from threemaps.standins.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "things.duckdb"


def things(*numbers: int) -> EncodedRows:
    return encode_rows({"number": list(numbers), "name": [f"thing {number}" for number in numbers]})


def journals(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.glob("*.journal.*"))


def test_who_reads_sees_all_that_was_taken(path: Path) -> None:
    store = Store(path, SCHEMA)
    store.take("things", things(1, 2))
    assert numbers(store) == [1, 2]
    store.take("things", things(3))
    with store.snapshot() as reading:
        store.take("things", things(4))
        assert reading.execute("SELECT count(*) FROM things").fetchall() == [(3,)]
    with store.transaction() as cursor:
        cursor.execute("DELETE FROM things WHERE number > 3")
    assert numbers(store) == [1, 2, 3]
    store.take("things", things(5))
    store.execute("UPDATE things SET size = 1.5")
    assert store.rows("SELECT count(size) FROM things") == [(4,)]
    store.close()
    assert journals(path) == []


def test_what_is_only_in_memory_is_read_too() -> None:
    store = Store(":memory:", SCHEMA)
    store.take("things", things(1, 2))
    assert numbers(store) == [1, 2]
    store.close()


def test_it_waits_for_who_reads_its_table(path: Path) -> None:
    store = Store(path, SCHEMA + "; CREATE TABLE IF NOT EXISTS others (number BIGINT)")
    store.take("things", things(1))
    assert store.rows("SELECT * FROM others") == []
    assert len(journals(path)) == 1
    assert numbers(store) == [1]
    assert journals(path) == []
    store.close()


def test_it_comes_when_it_was_taken(path: Path) -> None:
    store = Store(path, SCHEMA)
    before = time.time_ns() // 1_000_000
    store.take("things", things(1))
    after = time.time_ns() // 1_000_000
    ((stored_at,),) = store.rows("SELECT stored_at FROM things")
    assert before <= stored_at <= after
    store.take("things", encode_rows({"number": [2], "stored_at": [7]}))
    assert store.rows("SELECT stored_at FROM things WHERE number = 2") == [(7,)]
    store.close()


def test_no_more_than_so_much_waits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "JOURNAL_BYTES", 2_000)
    store = Store(path, SCHEMA)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.take("things", things(number, number + 1_000)), range(500)))
    assert sum(file.stat().st_size for file in path.parent.glob("*.journal.*")) < 10_000
    assert numbers(store) == [*range(500), *range(1_000, 1_500)]
    store.close()


def take_and_die(path: Path) -> None:
    store = Store(path, SCHEMA)
    store.take("things", things(1, 2))
    assert numbers(store) == [1, 2]  # these are in their table: they must not come twice
    store.take("things", things(3))
    store.take("things", encode_rows({"number": [4], "size": [0.5]}))
    os.kill(os.getpid(), signal.SIGKILL)


def killed(path: Path) -> None:
    process = get_context("spawn").Process(target=take_and_die, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(journals(path)) == 1


def test_what_was_taken_survives_a_kill(path: Path) -> None:
    killed(path)
    for _ in range(2):
        store = Store(path, SCHEMA)
        assert numbers(store) == [1, 2, 3, 4]
        store.close()
    assert journals(path) == []


BULKS = [
    ["one", "", "line\nbreak", "\0nul", "\u0301 combined", "é😀", '{"json":"text"}'],
    [""],
    ["a", None, "c"],
    ["what separates: \x1e", "is in it"],
    ["x" * 100_000] * 300,
]


@pytest.mark.parametrize("names", BULKS)
def test_texts_come_back_as_they_were(path: Path, names: list[str | None]) -> None:
    """Also those that cannot stand behind the JSON, and those that are read back from the journal."""
    rows = encode_rows({"number": list(range(len(names))), "name": names}, bulk="name")
    assert (rows.bulk is None) == (None in names or any("\x1e" in name for name in names if name))
    store = Store(path, SCHEMA)
    store.take("things", rows)
    (journal,) = path.parent.glob("*.journal.*")
    content = journal.read_bytes()
    assert store.rows("SELECT name FROM things ORDER BY number") == [(name,) for name in names]
    store.append_rows("things", rows)
    store.close()
    path.unlink()
    journal.write_bytes(content)
    store = Store(path, SCHEMA)
    assert store.rows("SELECT name FROM things ORDER BY number") == [(name,) for name in names]
    store.close()


def test_what_was_written_before_texts_stood_behind_the_json_is_read(path: Path) -> None:
    document = b'{"number":[1,2],"name":["a","b"]}'
    told = b'["things",["number","name"],[false,false],7]'
    checksum = zlib.crc32(document, zlib.crc32(told))
    head = struct.pack("<III", len(told), len(document), checksum)
    path.with_name(f"{path.name}.journal.1").write_bytes(head + told + document)
    store = Store(path, SCHEMA)
    assert store.rows("SELECT number, name, stored_at FROM things") == [(1, "a", 7), (2, "b", 7)]
    store.close()


def test_what_was_written_in_part_was_not_taken(path: Path) -> None:
    killed(path)
    (journal,) = path.parent.glob("*.journal.*")
    journal.write_bytes(journal.read_bytes()[:-1])
    store = Store(path, SCHEMA)
    assert numbers(store) == [1, 2, 3]
    store.close()


def test_what_is_in_its_table_does_not_come_twice(path: Path) -> None:
    """Killed after the commit, and before the file was taken away."""
    store = Store(path, SCHEMA)
    store.take("things", things(1))
    (journal,) = path.parent.glob("*.journal.*")
    content = journal.read_bytes()
    assert numbers(store) == [1]
    store.close()
    journal.write_bytes(content)
    store = Store(path, SCHEMA)
    store.take("things", things(2))
    assert numbers(store) == [1, 2]
    store.close()


def test_the_journal_of_another_version_is_moved_aside_with_its_file(path: Path) -> None:
    killed(path)
    store = Store(path, SCHEMA.replace("size DOUBLE", "length INTEGER"))
    assert numbers(store) == []
    store.close()
    kept = Store(path.with_name(f"{path.name}.old"), SCHEMA)
    assert numbers(kept) == [1, 2, 3, 4]
    kept.close()


def test_a_journal_that_fits_no_table_is_named_and_kept(path: Path) -> None:
    killed(path)
    path.rename(path.with_name("elsewhere"))
    path.with_name(f"{path.name}.wal").unlink()
    with pytest.raises(UserError, match="its journal"):
        Store(path, "CREATE TABLE IF NOT EXISTS others (number BIGINT)")
    assert len(journals(path)) == 1


def test_a_full_disk_takes_nothing_and_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a record that did not fit nothing stays, and the next one is found behind those before."""
    journal = Journal(path)
    journal.add(Entry("things", things(1), 0))
    write = os.write

    def half(file: int, content: memoryview) -> int:
        write(file, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space left"):
            journal.add(Entry("things", things(2), 0))
    journal.add(Entry("things", things(3), 0))
    journal.close()
    _, entries = Journal(path).cut()
    assert [entry.rows for entry in entries] == [things(1), things(3)]


def test_what_its_table_refuses_for_now_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(path, SCHEMA)
    store.take("things", things(1))
    with monkeypatch.context() as broken:

        def refuse(*_: object) -> None:
            raise duckdb.IOException("no space")

        broken.setattr(store_module, "_insert_entries", refuse)
        with pytest.raises(duckdb.IOException):
            numbers(store)
    store.take("things", things(2))
    assert numbers(store) == [1, 2]
    store.close()
    assert journals(path) == []


def test_readers_and_writers_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has an answer finds the rows at once, whatever the others do."""
    monkeypatch.setattr(store_module, "JOURNAL_BYTES", 1_000)
    store = Store(path, SCHEMA)
    missing: list[int] = []

    def take_and_look(first: int) -> None:
        for number in range(first, first + 30):
            store.take("things", things(number))
            if not store.rows("SELECT 1 FROM things WHERE number = ?", [number]):
                missing.append(number)

    threads = [threading.Thread(target=take_and_look, args=(1_000 * number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert len(numbers(store)) == len(set(numbers(store))) == 180
    store.close()


@pytest.mark.parametrize("garbage", [b"garbage", b"\xff" * 500, b"in the middle of a record"])
def test_garbage_in_a_journal_is_named_and_kept(
    path: Path, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    killed(path)
    journal = path.with_name(journals(path)[0])
    whole = journal.read_bytes()
    journal.write_bytes(whole[: len(whole) // 2] + garbage + whole[len(whole) // 2 :])
    store = Store(path, SCHEMA)
    store.close()
    broken = journal.with_name(f"{journal.name}.broken")
    assert broken.read_bytes().count(garbage) == 1
    assert str(broken) in caplog.text


@pytest.mark.parametrize("left", [0, 1, 11, 12, 13, 40])
def test_a_journal_that_was_cut_is_none(path: Path, left: int) -> None:
    killed(path)
    journal = path.with_name(journals(path)[0])
    whole = journal.read_bytes()
    journal.write_bytes(whole[: len(whole) - left] if left else whole + bytes(left))
    Store(path, SCHEMA).close()
    assert not list(path.parent.glob("*.broken"))
