"""One set of running services for the tests that only ask; those that break something start their own."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from waitress.server import create_server

from tests.component.services.recorder import Recorder
from tests.component.services.running import Services


@pytest.fixture(scope="session")
def recording() -> Iterator[tuple[Recorder, str]]:
    recorder = Recorder()
    server = create_server(recorder.app(), host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield recorder, f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(timeout=5)


@pytest.fixture(scope="session")
def recorder(recording: tuple[Recorder, str]) -> Recorder:
    return recording[0]


@pytest.fixture(scope="session")
def services(recording: tuple[Recorder, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    running = Services(tmp_path_factory.mktemp("services"), recording[1])
    yield running.start()
    running.stop()


@pytest.fixture
def new_services(recording: tuple[Recorder, str], tmp_path: Path) -> Iterator[Callable[..., Services]]:
    """`new_services("users", VARIABLE="…")`: services that the test may break."""
    started: list[Services] = []

    def start(*names: str, modes: dict[str, str] | None = None, otlp: str = "", **variables: str) -> Services:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        services = Services(folder, otlp or recording[1], variables, modes or {})
        started.append(services)
        return services.start(*names)

    yield start
    for services in started:
        services.stop()
