"""Maps in files: nobody is asked, and those of two times are compared as such."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.compare.maps import NOON, WINDOW, a_map
from threemaps.compare.side_by_side import compare_now
from threemaps.compare.troubles import standing_troubles
from threemaps.model.difference import Comparison, Window
from threemaps.model.servicemap import ServiceMap
from threemaps.readers.snapshot import snapshot_text
from threemaps.render import words
from threemaps.settings import Settings


def test_files_alone_claim_nothing_of_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two saved maps in an empty folder: only files are evidence, and nobody is asked."""

    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for file, held, backend in zip(
        files, ("web>api 40 0", "web>api 33 0"), ("xray", "cloudwatch"), strict=True
    ):
        file.write_text(snapshot_text(backend, WINDOW, a_map(held)))
    comparison = compare_now(empty(tmp_path), [str(file) for file in files])
    [one] = [one for one in comparison.differences if not one.expected]

    assert one.cause == "unknown"
    assert not [line for line in one.evidence if line.startswith("checked")]
    assert any("only files were compared" in line for line in one.evidence)
    assert comparison.troubles == ()


def empty(folder: Path) -> Settings:
    return Settings.load({"THREEMAPS_ENV_FILE": "/nonexistent", "THREEMAPS_STATE": str(folder / "state")})


LATER = Window(NOON + timedelta(days=1), NOON + timedelta(days=1, minutes=15))
BEFORE = a_map("web>api 900 9")
AFTER = a_map("web>api 1800 90")


def of_two_times(tmp_path: Path, after: ServiceMap, **more: float) -> Comparison:
    files = [tmp_path / "before.json", tmp_path / "after.json"]
    files[0].write_text(snapshot_text("xray", WINDOW, BEFORE))
    files[1].write_text(snapshot_text("xray", LATER, after))
    return compare_now(empty(tmp_path), [str(file) for file in files], **more)


def test_two_times_show_what_has_changed(tmp_path: Path) -> None:
    comparison = of_two_times(tmp_path, AFTER)
    causes = {one.cause for one in comparison.differences}

    assert comparison.agree
    assert "calls a second went from 1 to 2 (+100%)" in causes
    assert "the share of calls that fail went from 0.01 to 0.05 (+400%)" in causes
    [shares] = [words.what(one) for one in comparison.differences if one.kind == "errors"]
    assert "0.01," in shares
    assert shares.endswith(" 0.05")


@pytest.mark.parametrize(("most", "agree"), [(0.25, False), (1.5, False), (4.5, True)])
def test_a_change_beyond_the_threshold_fails(tmp_path: Path, most: float, agree: bool) -> None:
    assert of_two_times(tmp_path, AFTER, max_change=most).agree == agree


def test_maps_of_two_times_that_are_alike(tmp_path: Path) -> None:
    assert of_two_times(tmp_path, BEFORE, max_change=0.0).differences == ()


def test_nothing_that_runs_here_has_no_troubles(tmp_path: Path) -> None:
    assert standing_troubles(empty(tmp_path), NOON) == ()
