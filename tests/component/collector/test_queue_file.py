"""Which queue's file is damaged, among those that a real collector has written."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.collector_process import wait_for
from tests.component.collector.conftest import Chain
from tests.component.collector.sending import call
from threemaps.demo.ended import advice
from threemaps.demo.queue_file import is_damaged

PAGE = 4096


def no_magic(content: bytearray) -> None:
    for page in (0, 1):
        content[page * PAGE + 16 : page * PAGE + 20] = b"\0" * 4


def cut(content: bytearray) -> None:
    del content[2 * PAGE + 8 :]


def page_of_another(content: bytearray) -> None:
    """In every page of the tree."""
    for at in range(2 * PAGE, len(content) - 16, PAGE):
        number, kind, *_ = struct.unpack_from("<QHHI", content, at)
        if number == at // PAGE and kind in (1, 2):
            struct.pack_into("<Q", content, at, number + 13)


def zeros(content: bytearray) -> None:
    content[2 * PAGE :] = bytes(len(content) - 2 * PAGE)


def test_only_the_damaged_one_is_to_be_put_aside(own_chain: Chain, tmp_path: Path) -> None:
    own_chain.vendors.fail(503)
    for _ in range(20):
        own_chain.send(call("queued-a", "queued-b"))
    wait_for(lambda: own_chain.vendors.refused["honeycomb"])
    own_chain.collector.kill()
    settings = own_chain.collector.settings
    files = sorted(settings.queue.glob("exporter_*"))
    assert len(files) >= 4
    assert [file for file in files if is_damaged(file)] == []
    victim = next(file for file in files if "honeycomb_traces" in file.name)
    whole = victim.read_bytes()
    damages: tuple[Callable[[bytearray], None], ...] = (no_magic, cut, page_of_another, zeros)
    for damage in damages:
        content = bytearray(whole)
        damage(content)
        victim.write_bytes(content)
        assert [file for file in files if is_damaged(file)] == [victim], damage.__name__
        said = advice(
            settings, "collector", settings.logs / "collector.log", ["panic: …", "go.etcd.io/bbolt"]
        )
        assert said.endswith(f"mv {victim} {victim}.broken && threemaps up")


@pytest.mark.parametrize("content", [b"x", b"\0" * 100_000])
def test_what_is_no_such_file_is_damaged(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "exporter_x"
    file.write_bytes(content)
    assert is_damaged(file)
    assert not is_damaged(tmp_path / "not there")
