"""Whether a process answers, and whether a port is free."""

import socket
import time
from collections.abc import Callable, Iterable

import psutil
import requests

from threemaps.basics import nearby
from threemaps.errors import UserError
from threemaps.settings import Settings

POLL_SECONDS = 0.05
# Where a suggested port is: beyond all of ours, and below those that systems hand out.
MOVED_BY = 15000


def answers(url: str, timeout: float = 2.0) -> bool:
    try:
        return nearby.get(url, timeout).status_code == 200
    except requests.RequestException:
        return False


def wait_until(condition: Callable[[], object], seconds: float, poll: float = POLL_SECONDS) -> bool:
    """Asks every `poll` seconds; False where it did not come true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(poll)
    return True


def require_free_ports(settings: Settings, names: Iterable[str]) -> None:
    """Names every port that somebody else has, before anything is started."""
    _require_address(settings.bind)
    taken = [name for name in names if not _is_free(settings.bind, settings.ports[name], udp=name == "xray")]
    if not taken:
        return
    lines = [
        f"port {settings.ports[name]} ({name}) is in use{_owner(settings.ports[name])}" for name in taken
    ]
    moved = [f"THREEMAPS_PORT_{name.upper()}={_elsewhere(settings.ports[name])}" for name in taken]
    raise UserError(
        "\n  ".join(lines),
        hint=f"stop what listens there (`make down` in another checkout?), or move ours: {' '.join(moved)}",
    )


def require_own_ports(settings: Settings, names: Iterable[str]) -> None:
    """Each listens on a port of its own."""
    owners: dict[int, str] = {}
    for name in names:
        port = settings.ports[name]
        if port in owners:
            raise UserError(
                f"port {port} is given to both {owners[port]} and {name}",
                hint=f"move one of them: THREEMAPS_PORT_{name.upper()}={_elsewhere(port)}",
                exit_code=2,
            )
        owners[port] = name


def _elsewhere(port: int) -> int:
    return port + MOVED_BY if port + MOVED_BY < 65536 else port - MOVED_BY


def _require_address(host: str) -> None:
    """Some port of it can be had; else every port would seem to be in use."""
    try:
        with socket.socket(socket.AF_INET) as probe:
            probe.bind((host, 0))
    except OSError as error:
        raise UserError(
            f"THREEMAPS_BIND={host!r} is no IPv4 address of this machine ({error.strerror})",
            hint="THREEMAPS_BIND=127.0.0.1 is the default",
            exit_code=2,
        ) from error


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
    """Who has the port, where the system says."""
    try:
        for connection in psutil.net_connections("inet"):
            local = connection.laddr
            is_listening = connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)
            if local and local.port == port and is_listening and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return ""
