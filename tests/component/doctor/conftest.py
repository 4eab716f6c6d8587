"""What services are held against: an end to send to, and an interpreter of one's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.component.doctor.breakages.case import PLAIN
from tests.component.doctor.ends import Ends, all_ends
from tests.component.doctor.workshop import Workshop


@pytest.fixture(scope="session")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ends]:
    with all_ends(tmp_path_factory.mktemp("ends")) as found:
        yield found


@pytest.fixture
def reading_back(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor reads back at the Honeycomb that runs here."""
    monkeypatch.setenv("THREEMAPS_ENV_FILE", os.devnull)
    monkeypatch.setenv("THREEMAPS_PORT_HONEYCOMB", str(ends.honeycomb))


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """With every package in place. A test that changes files makes its own."""
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the service's code, for tests that change it."""
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "app.py").write_text(PLAIN)
    return shop
