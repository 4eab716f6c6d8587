"""A command that we started, and all that it leaves running, in whatever session and under whatever name."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from threemaps.demo.health import wait_until

STOP_SECONDS = 2  # for an orderly end
SET_CHILD_SUBREAPER = 36


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """What a service leaves behind becomes our child, not init's: so a daemon is found again, and reaped."""
    adopt(True)
    try:
        yield
    finally:
        adopt(False)


def adopt(is_on: bool) -> None:
    """Linux only. Elsewhere the session has to do."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, int(is_on), 0, 0, 0)


class Family:
    """Start it inside of `adopting`."""

    def __init__(self, start: "Callable[[], subprocess.Popen[bytes]]") -> None:
        self.others = {child.pid for child in psutil.Process().children()}
        self.process = start()

    def living(self) -> list[psutil.Process]:
        """The reloader's child, gunicorn's workers and daemons included.

        One that forks and ends while we look hides its child from that look, but not from the next.
        """
        found: dict[int, psutil.Process] = {}
        while (seen := self._seen()).keys() != found.keys():
            found = seen
            if living := [one for one in found.values() if is_living(one)]:
                return living
        return []

    def _seen(self) -> dict[int, psutil.Process]:
        self.process.poll()
        found: dict[int, psutil.Process] = {}
        for child in psutil.Process().children():
            if child.pid not in self.others:
                found[child.pid] = child
                with contextlib.suppress(psutil.Error):
                    found |= {one.pid: one for one in child.children(recursive=True)}
        for one in psutil.process_iter():
            with contextlib.suppress(OSError):
                if os.getsid(one.pid) == self.process.pid:
                    found[one.pid] = one
        return found

    @property
    def code(self) -> int | None:
        """What it ended with; nothing while it or a daemon of its lives."""
        return None if self.living() else self.process.returncode

    def addresses(self) -> list[str]:
        """Where they listen: over TCP, or else at a socket in the file system."""
        found = {one for process in self.living() for one in addresses_of(process.pid)}
        files = {one for one in found if one.startswith("unix:")}
        return sorted(found - files) or sorted(files)

    def stop(self) -> None:
        """First in order, which lets SDKs flush, then for good."""
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            for one in self.living():
                with contextlib.suppress(psutil.Error):
                    one.send_signal(how)
            wait_until(lambda: not self.living(), STOP_SECONDS)
        self.process.wait()
        self.reap()

    def reap(self) -> None:
        """Those that we adopted have nobody else who would."""
        for child in psutil.Process().children():
            if child.pid not in self.others:
                with contextlib.suppress(OSError):
                    os.waitpid(child.pid, os.WNOHANG)


def addresses_of(pid: int) -> set[str]:
    found: set[str] = set()
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in process.net_connections(kind="all"):
            if one.status == psutil.CONN_LISTEN:
                found.add(url_of(one.laddr.ip, one.laddr.port))
            elif one.family == socket.AF_UNIX and isinstance(one.laddr, str) and one.laddr:
                found.add(f"unix:{Path(process.cwd(), one.laddr)}")
    return found


def is_living(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def url_of(ip: str, port: int) -> str:
    """How to ask there; one that listens everywhere listens near."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(ip, ip)
    return f"http://[{near}]:{port}/" if ":" in near else f"http://{near}:{port}/"
