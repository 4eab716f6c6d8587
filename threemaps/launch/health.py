"""Whether a process answers, and whether a port is free."""

import socket
import time
from collections.abc import Callable, Iterable

import psutil
import requests

from threemaps.errors import UserError
from threemaps.settings import Settings

POLL_SECONDS = 0.05
# Where a suggested port is: beyond all of ours, and below those that systems hand out.
MOVED_BY = 15000


def answers(url: str, timeout: float = 2.0) -> bool:
    try:
        return requests.get(url, timeout=timeout).status_code == 200
    except requests.RequestException:
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def require_free_ports(settings: Settings, names: Iterable[str]) -> None:
    """Names every port that somebody else has, before anything is started."""
    taken = [name for name in names if not _is_free(settings.bind, settings.ports[name], udp=name == "xray")]
    if not taken:
        return
    lines = [
        f"port {settings.ports[name]} ({name}) is in use{_owner(settings.ports[name])}" for name in taken
    ]
    moved = [f"THREEMAPS_PORT_{name.upper()}={settings.ports[name] + MOVED_BY}" for name in taken]
    raise UserError(
        "\n  ".join(lines),
        hint=f"stop what listens there (`make down` in another checkout?), or move ours: {' '.join(moved)}",
    )


def _is_free(host: str, port: int, *, udp: bool) -> bool:
    kinds = [socket.SOCK_STREAM, socket.SOCK_DGRAM] if udp else [socket.SOCK_STREAM]
    return all(_can_bind(host, port, kind) for kind in kinds)


def _can_bind(host: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # What a server does too: a connection in TIME_WAIT does not keep its port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            return True
        except OSError:
            return False


def _owner(port: int) -> str:
    """Who has the port, where the system tells."""
    try:
        for connection in psutil.net_connections("inet"):
            local = connection.laddr
            is_listening = connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)
            if local and local.port == port and is_listening and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return ""
