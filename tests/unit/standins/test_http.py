"""Bodies at the door of every stand-in."""

import gzip
import tracemalloc
from typing import Any

import pytest
import zstandard

from threemaps.standins.http import BodyError, decompress, json_answer, parse_json

TEXT = b"some text " * 1000


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " gzip "])
def test_gzip_in_one_or_more_members(encoding: str) -> None:
    assert decompress(gzip.compress(TEXT) + gzip.compress(TEXT), encoding, 10**6) == TEXT * 2


def test_zstd_in_one_or_more_frames() -> None:
    assert decompress(zstandard.compress(TEXT) + zstandard.compress(TEXT), "zstd", 10**6) == TEXT * 2


def test_zstd_that_begins_with_an_empty_frame_or_does_not_tell_its_size() -> None:
    assert decompress(zstandard.compress(b"") + zstandard.compress(TEXT), "zstd", 10**6) == TEXT
    untold = zstandard.ZstdCompressor(write_content_size=False).compress(TEXT)
    assert decompress(untold, "zstd", 10**6) == TEXT
    with pytest.raises(BodyError, match="more than 9999 bytes"):
        decompress(untold, "zstd", 9_999)


def lying_about_its_size(frame: bytes) -> bytes:
    """The size follows the magic number and a byte of flags."""
    return frame[:5] + bytes((frame[5] ^ 1,)) + frame[6:]


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_plain(encoding: str) -> None:
    assert decompress(TEXT, encoding, 10**6) == TEXT


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_bomb_takes_no_more_memory_than_allowed(pack: Any) -> None:
    bomb = pack(bytes(50_000_000))
    encoding = "gzip" if bomb.startswith(b"\x1f\x8b") else "zstd"
    tracemalloc.start()
    with pytest.raises(BodyError, match="more than 1000000 bytes") as refusal:
        decompress(bomb, encoding, 1_000_000)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refusal.value.status == 413
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("data", "encoding", "status"),
    [
        (TEXT, "gzip", 400),
        (gzip.compress(TEXT, mtime=0)[:-9], "gzip", 400),
        (b"", "gzip", 400),
        (TEXT, "zstd", 400),
        (zstandard.compress(TEXT)[:-3], "zstd", 400),
        (b"", "zstd", 400),
        (lying_about_its_size(zstandard.compress(TEXT)), "zstd", 400),
        (zstandard.compress(TEXT) + b"more", "zstd", 400),
        (TEXT, "br", 415),
        (TEXT, "gzip, gzip", 415),
    ],
)
def test_what_cannot_be_unpacked(data: bytes, encoding: str, status: int) -> None:
    with pytest.raises(BodyError) as refusal:
        decompress(data, encoding, 10**6)
    assert refusal.value.status == status


@pytest.mark.parametrize("text", ["", "{", "[1,]", "NaN", '"\\ud800"', "[" * 2000 + "]" * 2000])
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(BodyError, match="no JSON"):
        parse_json(text)


def test_json_may_be_nested_but_not_endlessly() -> None:
    assert parse_json("[" * 100 + "]" * 100)
    with pytest.raises(BodyError, match="nested more than 100 deep"):
        parse_json('{"a":' * 101 + "1" + "}" * 101)


def test_an_answer_says_what_it_is() -> None:
    answer = json_answer({"a": 1}, 201, {"Location": "/x"})
    assert (answer.status_code, answer.get_json()) == (201, {"a": 1})
    assert answer.headers["Location"] == "/x"
