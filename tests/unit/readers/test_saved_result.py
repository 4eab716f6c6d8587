"""Results saved from Honeycomb's page, as maps."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.readers.conftest import WINDOW
from threemaps.readers import UnreadableError, open_backend
from threemaps.settings import Settings

ROWS: list[dict[str, Any]] = [
    {"parent.service.name": "web", "service.name": "api", "COUNT": 1200, "P95(duration_ms)": 12.5},
    {"parent.service.name": "web", "service.name": "web", "COUNT": 2400, "P95(duration_ms)": 9},
    {"parent.service.name": "api", "service.name": "users, all", "COUNT": 3, "P95(duration_ms)": None},
]
EDGES = {("web", "api"): (1200, None, 12.5), ("api", "users, all"): (3, None, None)}


def drawn(path: Path) -> tuple[Any, Any]:
    backend = open_backend(str(path), Settings.load({}))
    found = backend.read_map(WINDOW)
    edges = {
        (one.source.name, one.target.name): (one.requests, one.errors, one.p95_ms) for one in found.edges
    }
    return edges, backend


@pytest.mark.parametrize(
    "document",
    [ROWS, {"results": ROWS}, {"data": {"results": [{"data": row} for row in ROWS]}, "complete": True}],
)
def test_json_in_any_of_its_shapes(tmp_path: Path, document: Any) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(document))
    edges, backend = drawn(path)
    assert edges == EDGES
    assert (backend.drawn_by, backend.read_through) == ("honeycomb", "file")
    assert backend.covers(WINDOW) == WINDOW
    assert "does not say which time" in backend.remarks[0]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv(tmp_path: Path, separator: str, encoding: str) -> None:
    path = tmp_path / "result.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows([{**ROWS[0], "COUNT": "1,200"}, *ROWS[1:]])
    assert drawn(path)[0] == EDGES


def test_a_result_of_the_api_says_its_window(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    query = {"start_time": 1_700_000_000, "end_time": 1_700_000_600}
    path.write_text(json.dumps({"query": query, "data": {"results": []}}))
    _, backend = drawn(path)
    assert backend.covers(WINDOW).start.timestamp() == 1_700_000_000
    assert backend.remarks == ()


def test_errors_are_known_where_the_result_is_broken_down_by_them(tmp_path: Path) -> None:
    ends = {"parent.service.name": "web", "service.name": "api"}
    path = tmp_path / "result.json"
    path.write_text(json.dumps([{**ends, "error": True, "COUNT": 2}, {**ends, "error": None, "COUNT": 5}]))
    assert drawn(path)[0] == {("web", "api"): (7, 2, None)}


@pytest.mark.parametrize(
    "text",
    [
        "service.name,COUNT\napi,3\n",
        '[{"service.name": "api", "COUNT": 3}]',
        "parent.service.name,service.name,COUNT\nweb,api,many\n",
        '[{"parent.service.name": "web", "service.name": "api", "COUNT": -1}]',
        '[{"parent.service.name": "web", "service.name": "api", "COUNT": 1}, 5]',
        "[]",
    ],
)
def test_what_is_no_such_result(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result"
    path.write_text(text)
    with pytest.raises(UnreadableError):
        open_backend(str(path), Settings.load({})).read_map(WINDOW)
