"""One stack for all tests that send and break; a second one, hardly started, for those that look at keys."""

import os
from collections.abc import Iterator

import pytest

from tests.system.docker.stack import Stack

PROJECT = os.environ.get("COMPOSE_PROJECT_NAME") or f"threemaps-test-{os.getpid()}"


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """`docker compose up` as it stands, without a `.env`."""
    running = Stack(PROJECT)
    try:
        running.ok("up", "--build", "--wait", "--detach")
        yield running
    finally:
        running.down()


@pytest.fixture
def created() -> Iterator[Stack]:
    """A project that a test starts as far as it needs."""
    made = Stack(f"{PROJECT}-keys")
    try:
        yield made
    finally:
        made.down()
