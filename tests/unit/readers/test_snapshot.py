"""Maps in files."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.unit.compare.maps import a_map
from tests.unit.compare.test_compare import maps
from tests.unit.readers.conftest import WINDOW
from threemaps.errors import UserError
from threemaps.model.servicemap import ServiceMap
from threemaps.readers import UnreadableError, open_backend
from threemaps.readers.snapshot import Snapshot, snapshot_text
from threemaps.settings import Settings

HELD = a_map("(outside)>web 40 1", "web>api 40 -", "api>db:5432! 40 0")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(maps)
def test_what_is_written_is_read(tmp_path: Path, found: ServiceMap) -> None:
    path = tmp_path / "map.json"
    path.write_text(snapshot_text("xray", WINDOW, found))
    snapshot = Snapshot.of(str(path))
    assert snapshot.read_map(WINDOW) == found
    assert snapshot.drawn_by == "xray"
    assert snapshot.covers(WINDOW) == WINDOW


def test_the_file_diffs_well(tmp_path: Path) -> None:
    text = snapshot_text("honeycomb", WINDOW, HELD)
    assert snapshot_text("honeycomb", WINDOW, HELD) == text
    lines = text.splitlines()
    assert sum('"source_kind"' in line for line in lines) == 3
    assert sum('"kind"' in line and '"source_kind"' not in line for line in lines) == 4
    changed = snapshot_text(
        "honeycomb", WINDOW, a_map("(outside)>web 40 1", "web>api 41 -", "api>db:5432! 40 0")
    )
    assert sum(one != other for one, other in zip(lines, changed.splitlines(), strict=True)) == 1


def test_a_snapshot_is_narrowed_like_any_other_source(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text(snapshot_text("xray", WINDOW, HELD))
    assert Snapshot.of(str(path)).read_map(WINDOW, "db*") == a_map("api>db:5432! 40 0")


def test_an_empty_map(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text(snapshot_text("xray", WINDOW, a_map()))
    assert Snapshot.of(str(path)).read_map(WINDOW) == a_map()


def test_a_name_that_is_nothing() -> None:
    with pytest.raises(UserError) as caught:
        open_backend("honycomb", Settings.load({}))
    assert caught.value.message == "'honycomb' is neither a backend nor a file"
    assert caught.value.exit_code == 2
    assert not isinstance(caught.value, UnreadableError)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": "something/else"}, "schema"),
        ({"version": 2}, "version is 2"),
        ({"colour": "red"}, 'unknown key "colour"'),
        ({"source": "jaeger"}, "'jaeger'"),
        ({"window": None}, '"window" is None'),
        ({"window": {"start": "2026-03-01T12:00:00", "end": "2026-03-01T12:15:00"}}, "time zone"),
        ({"window": {"start": "2026-03-01T12:00:00Z", "end": "2026-03-01T11:00:00Z"}}, "before the end"),
        ({"nodes": {}}, '"nodes" has to be a list'),
        ({"edges": [7]}, '"edges" has to be a list of objects'),
        ({"edges": [{"source": "a"}]}, "a name is needed"),
        ({"edges": [{"source": "a", "target": "b", "requests": 1.5}]}, "1.5"),
        ({"edges": [{"source": "a", "target": "b", "requests": True}]}, "True"),
        ({"edges": [{"source": "a", "target": "b", "mean_ms": "3"}]}, "'3'"),
        ({"edges": [{"source": "a", "target": "b"}] * 2}, "a → b stands in it twice"),
        ({"nodes": [{"name": "a", "kind": "planet"}]}, "'planet'"),
        ({"nodes": [{"name": "a", "id": 1}]}, 'unknown key "id"'),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(json.dumps({**json.loads(snapshot_text("xray", WINDOW, HELD)), **change}))
    with pytest.raises(UnreadableError) as caught:
        Snapshot.of(str(path))
    assert complaint in caught.value.message
    assert str(path) in caught.value.message
    assert "threemaps snapshot" in caught.value.hint


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"7", b"[" * 100_000])
def test_a_file_that_is_no_document_is_refused(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "map.json"
    path.write_bytes(body)
    with pytest.raises(UnreadableError, match="is no service map"):
        Snapshot.of(str(path))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="is no service map"):
        Snapshot.of(str(tmp_path))


def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threemaps.readers.snapshot.MAX_BYTES", 10)
    path = tmp_path / "map.json"
    path.write_text(snapshot_text("xray", WINDOW, HELD))
    with pytest.raises(UnreadableError, match="larger than"):
        Snapshot.of(str(path))
