"""Fixtures for pytest: an OTLP address to send to, and the edges that a test expects of what it did.

pytest loads this module wherever threemaps is installed: it imports the rest when a fixture is used.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from threemaps.testing.run import Run
    from threemaps.testing.system import TestSystem

OWN, RUNNING = "own", "running"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("threemaps").addoption(
        "--threemaps",
        choices=(OWN, RUNNING),
        default=OWN,
        help="send to what the tests start (own), or to what `threemaps up` started (running)",
    )


@pytest.fixture(scope="session")
def threemaps_system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[TestSystem]":
    """Where to send (`otlp_endpoint`, `environment`) and where it is read back (`settings`)."""
    from threemaps.testing.system import own_system, running_system

    if request.config.getoption("--threemaps") == RUNNING:
        yield running_system()
        return
    with own_system(tmp_path_factory.mktemp("threemaps")) as system:
        yield system


@pytest.fixture(scope="session")
def otlp_endpoint(threemaps_system: "TestSystem") -> str:
    """The OTLP address, for OTEL_EXPORTER_OTLP_ENDPOINT with the protocol http/protobuf."""
    return threemaps_system.otlp_endpoint


@pytest.fixture(scope="session")
def otlp_environment(threemaps_system: "TestSystem") -> dict[str, str]:
    """The variables with which a service under `opentelemetry-instrument` sends its spans here."""
    return dict(threemaps_system.environment)


@pytest.fixture
def service_map(threemaps_system: "TestSystem") -> "Run":
    """The map of what was sent since the test began: `service_map.read()`."""
    from threemaps.testing.run import Run

    return Run.begin(threemaps_system)


@pytest.fixture
def expect_edges(service_map: "Run") -> Callable[..., None]:
    """`expect_edges({("a", "b"): 3}, within=30)`: the calls since the test began, counted exactly."""
    return service_map.expect_edges
