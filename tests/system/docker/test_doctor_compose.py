"""`threemaps doctor -- docker compose up`, with Compose itself to be asked."""

import os
from pathlib import Path

import pytest

from tests.component.doctor.test_compose import COMPOSE, DOCKERFILE, WORDS
from threemaps.doctor.compose import check_compose

pytestmark = pytest.mark.docker


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("", "", ""),
        ("    environment:", "    enviroment:", "Compose knows no 'enviroment'"),
        ("    build: .\n", "    build: .\n    wanted: 1\n", "'wanted' not allowed"),
        ("collector:4318", "localhost:4318", "is the container itself"),
        ("http://collector:4318", "${NOBODY_SET_IT}", "needs NOBODY_SET_IT, which is not set"),
        ("    build: .\n", "    build: .\n    command: python app.py\n", "skips the image's"),
    ],
)
def test_compose_is_asked(tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "docker-compose.yml").write_text(COMPOSE.replace(old, new) if old else COMPOSE)
    checks = check_compose(WORDS, os.environ, tmp_path)
    assert "Compose is not installed" not in " ".join(one.detail for one in checks)
    broken = [one for one in checks if not one.ok]
    assert [says in one.detail for one in broken] == ([True] if says else [])
