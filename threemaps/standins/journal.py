"""Rows that were taken and are not in their table yet: on disk, so that a kill -9 does not cost them.

A statement costs DuckDB a millisecond or more however few rows it inserts; writing them to the end of a file
costs next to nothing. So rows wait in a file `NAME.journal.N`, and enter their tables many at a time. The
same transaction notes N: after a crash files up to N are done with, and those above are read back.
"""

import contextlib
import logging
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from threemaps.standins.encoding import EncodedRows

log = logging.getLogger("threemaps.standins")

# A record: how long its description and its document are, a checksum of both, then both.
_HEAD = struct.Struct("<III")
MOST_TOLD = 1_000_000  # bytes of a record's description
_sync_file = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class Entry:
    table: str
    rows: EncodedRows
    taken_ms: int

    @property
    def is_timed_by_us(self) -> bool:
        """Whether its rows do not say themselves when they came."""
        return "stored_at" not in self.rows.names

    def record(self) -> tuple[bytes, bytes]:
        """What stands before the document, and the document."""
        rows = self.rows
        header = orjson.dumps([self.table, rows.names, rows.constant, self.taken_ms, rows.bulk])
        document = rows.document
        return _HEAD.pack(len(header), len(document), _checksum(header, document)) + header, document


def _checksum(header: bytes, document: bytes) -> int:
    return zlib.crc32(document, zlib.crc32(header))


class Journal:
    """Entries that wait, in order. Without a path they are in memory only, like the store itself."""

    def __init__(self, store: Path | None, done: int = 0) -> None:
        """`done` is the number of the last file whose entries are all in their tables."""
        self._store = store
        self._lock = threading.Lock()
        self._sync_lock = threading.Lock()  # taken before the other one
        self._file: int | None = None
        self._number = done
        self._written = self._synced = 0
        self._waiting: list[Entry] = []
        self.tables: frozenset[str] = frozenset()
        self.bytes = 0
        self._read_back(done)

    def add(self, entry: Entry) -> None:
        """Returns when the entry survives a crash of the machine."""
        record = entry.record()
        with self._lock:
            if self._store is not None:
                self._write(record)
            self._wait(entry)
            self._written = mine = self._written + 1
        with self._sync_lock:
            if self._synced < mine:
                self._sync()

    def _wait(self, entry: Entry) -> None:
        self._waiting.append(entry)
        self.bytes += len(entry.rows.document)
        self.tables |= {entry.table}

    def _write(self, record: tuple[bytes, bytes]) -> None:
        if self._file is None:
            self._file = self._begin()
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            for part in record:
                _write_all(self._file, part)
        except OSError:
            # What comes after half a record would not be found again.
            os.ftruncate(self._file, end)
            raise

    def _begin(self) -> int:
        self._number += 1
        path = self._path(self._number)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else a crash of the machine could forget that there is such a file
        finally:
            os.close(folder)
        return file

    def _sync(self) -> None:
        written = self._written
        if self._file is not None:
            _sync_file(self._file)
        self._synced = written

    def cut(self) -> tuple[int, list[Entry]]:
        """All that waits, and the number of the file that it ends with; what comes now goes into the next."""
        with self._sync_lock, self._lock:
            if self._synced < self._written:
                self._sync()
            self._close()
            return self._number, list(self._waiting)

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def forget(self, number: int, count: int) -> None:
        """The first so many entries are in their tables now, and the files up to this one done with."""
        with self._lock:
            gone, self._waiting = self._waiting[:count], self._waiting[count:]
            self.bytes -= sum(len(entry.rows.document) for entry in gone)
            self.tables = frozenset(entry.table for entry in self._waiting)
        for path, found in self._files():
            if found <= number:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        with self._sync_lock, self._lock:
            self._close()

    def _read_back(self, done: int) -> None:
        for path, number in self._files():
            if number <= done:
                path.unlink(missing_ok=True)
                continue
            self._number = number
            content = path.read_bytes()
            entries = list(_entries(content))
            for entry, _ in entries:
                self._wait(entry)
            whole = entries[-1][1] if entries else 0
            if not _is_cut(content[whole:]):
                broken = path.with_name(f"{path.name}.broken")
                broken.write_bytes(content)
                log.warning("%s: from byte %d on this is no journal; kept as %s", path, whole, broken)

    def _path(self, number: int) -> Path:
        assert self._store is not None
        return self._store.with_name(f"{self._store.name}.journal.{number}")

    def _files(self) -> list[tuple[Path, int]]:
        if self._store is None:
            return []
        found = []
        for path in self._store.parent.glob(f"{self._store.name}.journal.*"):
            with contextlib.suppress(ValueError):
                found.append((path, int(path.suffix[1:])))
        return sorted(found, key=lambda one: one[1])


def _write_all(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]


def _entries(content: bytes) -> Iterator[tuple[Entry, int]]:
    """Each with where it ends, up to the first that is not whole."""
    at = 0
    while at + _HEAD.size <= len(content):
        size, more, checksum = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        header, document = content[at : at + size], content[at + size : at + size + more]
        if not header or _checksum(header, document) != checksum:
            return
        at += size + more
        # What was written before there was such a thing says nothing of a bulk.
        table, names, constant, taken_ms, *bulk = orjson.loads(header)
        yield Entry(table, EncodedRows(tuple(names), tuple(constant), document, *bulk), taken_ms), at


def _is_cut(rest: bytes) -> bool:
    """Whether these are the first bytes of a record, which nobody was answered. Else it is garbage."""
    if len(rest) < _HEAD.size or not rest.strip(b"\0"):
        return True
    size, more, _ = _HEAD.unpack_from(rest)
    is_plausible = 0 < size < MOST_TOLD and rest[_HEAD.size : _HEAD.size + 1] in (b"[", b"")
    return is_plausible and _HEAD.size + size + more > len(rest)
