"""The way out of the process: one line of JSON a fact, over a unix socket of the doctor's."""

import _thread
import itertools
import json
import os
import socket
import time

from . import privacy

SECONDS = 2.0  # for the doctor to take a line; then the probe falls silent rather than hold up the service
clock, lock_of, socket_of = time.time, _thread.allocate_lock, socket.socket  # before gevent replaces them

state: "dict[str, object]" = {}
lock = lock_of()
numbers = itertools.count(1)


def open_to(address: str) -> None:
    state["address"] = address
    renew()


def renew() -> None:
    """A connection and a name of its own for each process: a forked one may not share its parent's."""
    global lock
    lock = lock_of()
    state["run"] = f"{os.getpid()}-{time.monotonic_ns()}"
    connection = socket_of(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(SECONDS)
    try:
        connection.connect(str(state["address"]))
        state["connection"] = connection
    except OSError:
        state["connection"] = None


def report(kind: str, **facts: object) -> None:
    """Never raises: what cannot be reported is not worth an error in somebody else's service."""
    connection = state.get("connection")
    if connection is None:
        return
    try:
        line = {"kind": kind, "pid": os.getpid(), "run": state["run"], "at": clock(), **facts}
        data = privacy.hide(json.dumps(line, default=repr)).encode() + b"\n"
        with lock:
            connection.sendall(data)  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001
        state["connection"] = None


# Numbers for objects, which outlive no object: `id()` may be given to another one later.
names: "dict[int, tuple[object, int]]" = {}


def number_of(thing: object) -> int:
    """The object is kept, so that its number stays its own."""
    known = names.get(id(thing))
    if known is None:
        known = names[id(thing)] = (thing, next(numbers))
    return known[1]
