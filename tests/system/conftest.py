"""One running system for the tests that only look and send; those that break things start their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import System


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    running = System.at(tmp_path_factory.mktemp("system") / "state").up()
    yield running
    running.ok("down")


@pytest.fixture
def own_system(tmp_path: Path) -> Iterator[System]:
    """A system that the test may break; it is stopped whatever happened."""
    running = System.at(tmp_path / "state")
    yield running
    running.ok("down")
