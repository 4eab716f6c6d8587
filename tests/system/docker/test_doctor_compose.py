"""`threemaps doctor -- docker compose up`, with Compose itself to be asked."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.component.doctor.test_compose import COMPOSE, DOCKERFILE, WORDS
from tests.component.doctor.workshop import closure, files
from tests.system.docker.images import python_image
from threemaps.demo.health import wait_until
from threemaps.doctor.check import Check
from threemaps.doctor.compose import check_compose
from threemaps.doctor.outside import check_process

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


RUNNING = COMPOSE + "    profiles: [never]\n"
SERVED = f"""FROM {python_image()}
ENV PYTHONPATH=/packages
COPY packages /packages
COPY opentelemetry-instrument /usr/local/bin/
CMD ["opentelemetry-instrument", "python", "-m", "http.server"]
"""
LAUNCHER = """#!/usr/bin/env python3
from opentelemetry.instrumentation.auto_instrumentation import run
run()
"""


class Running:
    """A service in a container, with the packages that these tests run with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "docker-compose.yml").write_text(RUNNING)
        (folder / "Dockerfile").write_text(SERVED)
        (folder / "opentelemetry-instrument").write_text(LAUNCHER)
        (folder / "opentelemetry-instrument").chmod(0o755)
        for name in closure(("opentelemetry-distro", "opentelemetry-exporter-otlp-proto-http")):
            for inside, path in files(distribution(name)):
                (folder / "packages" / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, folder / "packages" / inside)

    def compose(self, *words: str) -> None:
        subprocess.run(["docker", "compose", *words], cwd=self.folder, env=ENVIRON, check=True, timeout=150)

    def asked(self) -> list[Check]:
        return check_compose([*WORDS[:2], "--profile", "never", *WORDS[2:]], ENVIRON, self.folder)

    def broken(self) -> str:
        return next((one.detail for one in self.asked() if not one.ok), "")


# A project of its own, whatever the stack beside it is called.
ENVIRON = {name: value for name, value in os.environ.items() if name != "COMPOSE_PROJECT_NAME"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    (folder := tmp_path / f"doctor{os.getpid()}").mkdir()
    made = Running(folder)
    made.compose("up", "--detach", "--build", "backend")
    try:
        yield made
    finally:
        made.compose("down", "--volumes", "--rmi", "local", "--timeout", "1")


def test_a_container_is_looked_into(running: Running) -> None:
    """By its process, as Docker's engine gives it: the launcher and the packages are those of the image."""
    checks = running.asked()
    assert all(one.ok for one in checks), checks
    pid = int(re.search(r"--pid (\d+)", checks[-1].detail)[1])  # type: ignore[index]
    seen = "it was started under opentelemetry-instrument"
    assert wait_until(lambda: seen in [one.detail for one in check_process(pid)], 60)
    assert [one.detail for one in check_process(pid) if not one.ok] == []


def test_what_became_of_a_container(running: Running) -> None:
    """Each is seen in the container alone: the file says nothing of it."""
    file = running.folder / "docker-compose.yml"
    file.write_text(RUNNING.replace("SERVICE_NAME: backend", "SERVICE_NAME: other"))
    assert "OTEL_SERVICE_NAME was set after the container started" in running.broken()
    running.compose("up", "--detach", "backend")
    assert running.broken() == ""
    os.utime(running.folder / "Dockerfile", (time.time() + 60, time.time() + 60))
    assert "Dockerfile is newer than the image: it was not rebuilt" in running.broken()
    os.utime(running.folder / "Dockerfile", (0, 0))
    running.compose("kill", "backend")
    assert "its container ended with 137" in running.broken()
