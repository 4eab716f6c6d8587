"""A service that sends its spans, before a test breaks it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.component.doctor.workshop import Workshop
from tests.conftest import free_port
from threemaps.doctor.recorder import Recorder

Environ = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """With every package in place. A test that changes files makes its own."""
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="session")
def recorder() -> Iterator[Recorder]:
    """What the service sends to when nothing is broken."""
    with Recorder() as running:
        yield running


@pytest.fixture
def environ(recorder: Recorder) -> Environ:
    """The variables of a service that is set up right."""

    def make(shop: Workshop, **variables: str) -> dict[str, str]:
        right = shop.environ(
            PORT=str(free_port()),
            OTEL_SERVICE_NAME="shop",
            OTEL_EXPORTER_OTLP_ENDPOINT=recorder.http_url,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
        )
        return {name: value for name, value in {**right, **variables}.items() if value}

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the service's code, for tests that change it."""
    from tests.component.doctor.workshop import APP

    (tmp_path / "app.py").write_text(APP)
    return tmp_path
