"""Snapshots, contracts, prices and `.env` files of anything."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from tests.component.security.garbage import places, replaced
from tests.component.security.inputs import JSON_VALUES, PATIENT, QUICK, TRIED, examples, refused_or_done
from threemaps.account.metering import Usage
from threemaps.account.spend import as_json, read_prices
from threemaps.cli.main import cli
from threemaps.cli.spend import table
from threemaps.compare.contract import Contract
from threemaps.demo.names import read_names
from threemaps.errors import UserError
from threemaps.model.difference import Window
from threemaps.model.servicemap import Edge, Kind, Node, ServiceMap
from threemaps.readers.snapshot import Snapshot, snapshot_text
from threemaps.settings import PROJECT, Settings

pytestmark = PATIENT

WINDOW = Window(datetime(2026, 3, 4, 5, tzinfo=UTC), datetime(2026, 3, 4, 6, tzinfo=UTC))
EXAMPLE = ServiceMap.of((), [Edge(Node("a", Kind.SERVICE), Node("b", Kind.SERVICE), 7, 1, 3.5, None)])
GOOD_SNAPSHOT = snapshot_text("xray", WINDOW, EXAMPLE)
PRICES = json.loads((PROJECT / "threemaps" / "account" / "prices.json").read_text())
PRICE_PLACES = list(places(PRICES))
USAGE = Usage(seconds=60, requests=10)


@QUICK
@example(content=b"\r\xc2\x80")
@given(
    content=st.binary(max_size=200)
    | JSON_VALUES.map(lambda value: json.dumps(value).encode())
    | st.integers(0, len(GOOD_SNAPSHOT)).map(lambda end: GOOD_SNAPSHOT[:end].encode())
    | st.tuples(st.sampled_from(sorted(json.loads(GOOD_SNAPSHOT))), JSON_VALUES).map(
        lambda change: json.dumps(json.loads(GOOD_SNAPSHOT) | dict([change])).encode()
    )
)
def test_a_snapshot_or_a_contract_of_anything(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    refused_or_done(lambda: Snapshot.of(str(path)).read_map(WINDOW))
    refused_or_done(lambda: Contract.read(str(path)))
    TRIED["snapshot and contract files"] += 2


@QUICK
@given(
    content=JSON_VALUES
    | st.tuples(st.sampled_from(PRICE_PLACES), JSON_VALUES).map(lambda change: replaced(PRICES, *change))
)
def test_prices_of_anything(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "prices.json"
    path.write_text(json.dumps(content))

    def use() -> None:
        prices = read_prices(path)
        as_json(USAGE, prices, 1.0)
        table(USAGE, prices)

    refused_or_done(use)
    TRIED["price tables"] += 1


@QUICK
@given(content=st.binary(max_size=200))
def test_a_dotenv_of_anything(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.env"
    path.write_bytes(content)
    refused_or_done(lambda: Settings.load({"THREEMAPS_ENV_FILE": str(path)}))
    TRIED["variables"] += 1


EDGES = json.loads(GOOD_SNAPSHOT)["edges"]
EDGE_PLACES = list(places(EDGES))


@examples(40)
@given(
    change=st.tuples(st.sampled_from(EDGE_PLACES), JSON_VALUES),
    shape=st.sampled_from(("table", "json", "mermaid", "dot", "svg", "html", "junit")),
    expect=st.booleans(),
)
def test_files_of_anything_compared_and_drawn(
    tmp_path_factory: pytest.TempPathFactory, change: tuple[Any, Any], shape: str, expect: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    good, odd = folder / "good.json", folder / "odd.json"
    good.write_text(GOOD_SNAPSHOT)
    odd.write_text(json.dumps(json.loads(GOOD_SNAPSHOT) | {"edges": replaced(EDGES, *change)}))
    files = [str(good), "--expect", str(odd)] if expect else [str(good), str(odd)]
    done = CliRunner().invoke(cli, ["compare", *files, "--format", shape])
    assert done.exception is None or isinstance(done.exception, SystemExit | UserError), done.exception
    TRIED["files compared and drawn"] += 1


@pytest.mark.parametrize("file", ["/dev/zero", "/dev/urandom"])
def test_files_without_an_end_are_cut_off(file: str) -> None:
    refused_or_done(lambda: Settings.load({"THREEMAPS_ENV_FILE": file}))
    for read in (
        lambda: read_names(file),
        lambda: read_prices(Path(file)),
        lambda: Snapshot.of(file).read_map(WINDOW),
        lambda: Contract.read(file),
    ):
        with pytest.raises(UserError):
            read()
