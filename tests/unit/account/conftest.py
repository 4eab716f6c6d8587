"""An AWS account to provision: the stand-in, over a real socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Serve
from threemaps.settings import Settings
from threemaps.standins import aws
from threemaps.standins.store import Store


@pytest.fixture
def account(tmp_path: Path, serve: Serve) -> Iterator[Settings]:
    store = Store(tmp_path / "aws.duckdb", aws.SCHEMA)
    url = serve(aws.create_app(store))
    environ = {"THREEMAPS_URL_AWS": url, "THREEMAPS_ENV_FILE": "/dev/null", "THREEMAPS_STATE": str(tmp_path)}
    yield Settings.load(environ)
    store.close()
