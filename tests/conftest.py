"""Fixtures that every folder of tests shares."""

import asyncio
import atexit
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
from hypothesis import settings

from tests.running import System, free_ports
from threemaps.basics.serving import Server, listen

Serve = Callable[[WSGIApplication], str]

# What an example takes is this machine's business: a busy one is no failure.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# A shell's job in the background ignores Ctrl-C, and so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# DuckDB's bindings list what they leak when the interpreter is gone, and nobody can act on it. What tests
# themselves leave open is an error while they run.
atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))

# In the order in which they run: what takes long goes first, so that no worker is left with it in the end.
FOLDERS = ("system", "component", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FOLDERS.index(folder_of(item)))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long bytes make no name: packed ones have the time in them, and workers would not agree on it."""
    return f"{argname} of bytes" if isinstance(val, bytes) and len(val) > 60 else None


def folder_of(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]


def in_a_loop_of_its_own(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What `work()` returns; the browser's client keeps a loop running in the tests' own thread."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()


def free_port() -> int:
    """A port that was free a moment ago, for a process that cannot take port 0."""
    return free_ports(1)[0]


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system for the tests that only look and send; every test leaves it healthy."""
    with System.at(tmp_path_factory.mktemp("system") / "state") as system:
        yield system.up()


@pytest.fixture(scope="module")
def new_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., System]]:
    """`new_system(VARIABLE="…")`: one that a file may break; stopped after the file's last test."""
    with contextlib.ExitStack() as stack:
        yield lambda **variables: stack.enter_context(
            System.at(tmp_path_factory.mktemp("system") / "state", **variables)
        )


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves an app over a real socket for the length of a test: `url = serve(app)`."""
    with serving() as start:
        yield start


@contextlib.contextmanager
def serving(threads: int = 4) -> Iterator[Serve]:
    """The same for the length of a block."""
    with contextlib.ExitStack() as running:
        yield lambda app: url_of(running.enter_context(listening(app, threads)))


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{server.effective_port}"


@contextlib.contextmanager
def listening(app: WSGIApplication, threads: int = 4) -> Iterator[Server]:
    """The server of the page and the stand-ins, in this process."""
    server = listen(app, "web", "127.0.0.1", 0, threads)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        # Closed by its own thread: closing a socket that another thread waits on is an error there. Under
        # the lock, or that thread closes the trigger's pipe before it is written to.
        with server.trigger.lock:
            server.trigger.thunks.append(lambda: close_all(server))
            server.trigger.pull_trigger()
        thread.join(timeout=5)
        server.task_dispatcher.shutdown()


def close_all(server: Any) -> None:
    """The server and the connections that clients keep open; its loop ends when nothing is left."""
    for one in list(server._map.values()):
        one.handle_close()
