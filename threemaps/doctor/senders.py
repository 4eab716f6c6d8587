"""Who else sends: to the collector, or past it straight to a local vendor."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from threemaps.basics.nearby import LOOPBACK
from threemaps.doctor.check import Check, good, noted, unseen
from threemaps.doctor.proc import environ_in
from threemaps.doctor.walk import Walk
from threemaps.errors import UserError

LINK, NAME = "service", "other senders"
COLLECTOR = ("otlp_http", "otlp_grpc")
VENDORS = {"honeycomb": "Honeycomb", "aws": "AWS"}


@dataclass(frozen=True, slots=True)
class Sender:
    """A process with a connection to `port`, by the name that its spans have."""

    name: str
    pid: int
    port: str  # its name in the settings

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def check_other_senders(walk: Walk) -> Check:
    """Processes, none of ours, that keep a connection open as exporters do. UDP leaves no trace of that."""
    try:
        senders = sorted(set(others(walk)), key=lambda one: (one.name, one.pid))
    except psutil.Error as error:
        return unseen(
            LINK, NAME, f"who else sends: the connections of this machine cannot be listed ({error})"
        )
    direct = [one for one in senders if one.port in VENDORS]
    if direct:
        one = direct[0]
        seen = f"{one} sends straight to the local {VENDORS[one.port]}: the other maps lack it"
        url = walk.settings.url("otlp_http")
        return noted(LINK, NAME, seen, f"export OTEL_EXPORTER_OTLP_ENDPOINT={url}")
    if senders:
        return good(LINK, NAME, f"besides ours the collector hears from {', '.join(map(str, senders))}")
    return good(LINK, NAME, "no other process keeps a connection to the collector or to a local vendor")


def others(walk: Walk) -> Iterator[Sender]:
    settings = walk.settings
    wanted = {settings.ports[name]: name for name in (*COLLECTOR, *VENDORS)}
    own = own_processes(walk)
    for one in psutil.net_connections(kind="tcp"):
        if not one.raddr or not one.pid or one.pid in own or one.status != psutil.CONN_ESTABLISHED:
            continue
        if one.raddr.port in wanted and one.raddr.ip in LOOPBACK:
            yield Sender(name_of(one.pid), one.pid, wanted[one.raddr.port])


def own_processes(walk: Walk) -> set[int]:
    """All that `up` started, its children, and the doctor itself with those that started it."""
    own = {psutil.Process().pid, *(one.pid for one in psutil.Process().parents())}
    roots = {*walk.started_by_us.values(), *(one.pid for one in walk.services.values() if one.pid)}
    for pid in roots:
        with contextlib.suppress(psutil.Error):
            own |= {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    return own


def name_of(pid: int) -> str:
    """Its OTEL_SERVICE_NAME; else its command."""
    with contextlib.suppress(OSError, UserError):
        if name := environ_in(Path(f"/proc/{pid}/environ").read_bytes(), pid).get("OTEL_SERVICE_NAME"):
            return name
    with contextlib.suppress(psutil.Error):
        return " ".join(psutil.Process(pid).cmdline()[:3])
    return "a process"
