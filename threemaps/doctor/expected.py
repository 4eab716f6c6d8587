"""What the probe would report of a service that nobody looked into, as far as variables promise it."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from threemaps.doctor.destination import EXPORTER, GRPC, Destination, destination, with_scheme
from threemaps.doctor.facts import Facts
from threemaps.doctor.honeycomb import elsewhere, is_honeycomb
from threemaps.doctor.listener import Fact
from threemaps.doctor.subject import Subject
from threemaps.readers.honeycomb_account import HEADER, ask_auth

RUN = "expected"


def expected(subject: Subject, *, asks: bool, api: str = "") -> Facts:
    """Only the launcher is ruled by variables alone; what code does is not known.

    `asks`: addresses can be asked from here. `api` is a Honeycomb besides those of honeycomb.io.
    """
    facts = [*under_launcher(subject, asks=asks, api=api)] if subject.launched else []
    promised = [{"run": RUN, "pid": subject.pid or 0, "at": 0.0, **one} for one in facts]
    return Facts(subject, "", promised, expected=True, asks=asks)


def under_launcher(subject: Subject, *, asks: bool, api: str) -> Iterator[Fact]:
    packages = subject.packages
    if not packages.trouble and not packages.entry_points("opentelemetry_distro"):
        return
    exporters = {one.strip() for one in subject.get(EXPORTER).split(",") if one.strip()}
    if exporters and exporters <= {"none", "console"}:
        return
    there = destination(subject)
    yield {"kind": "provider", "provider": 1, "sampler": "", "resource": {"service.name": name_in(subject)}}
    yield {"kind": "global", "provider": 1, "accepted": True}
    exporter = {
        "exporter": 2,
        "type": "OTLPSpanExporter",
        "protocol": there.protocol,
        "endpoint": there.url,
        "headers": there.headers,
    }
    delay = subject.get("OTEL_BSP_SCHEDULE_DELAY")
    waits = int(delay) if delay.isdigit() else 5000
    yield {"kind": "processor", "processor": 3, "exporter": exporter, "delay": waits, "by_code": False}
    yield {"kind": "processor-added", "provider": 1, "processor": 3}
    if asks and goes_to_honeycomb(there, api) and there.headers.get(HEADER):
        yield {"kind": "auth", "exporter": 2, **auth_of(subject, there)}
    elif goes_to_honeycomb(there, api):
        yield {"kind": "auth", "exporter": 2, "status": 0, "why": "no key"}


def auth_of(subject: Subject, there: Destination) -> Fact:
    key = there.headers[HEADER]
    base = with_scheme(subject, GRPC, there.url) if there.protocol == GRPC else there.base
    auth = ask_auth(base, key)
    other = elsewhere(base, key)[0] if auth.status == 401 else ""
    return {
        "status": auth.status,
        "why": auth.error,
        "type": auth.kind,
        "access": ["events"] if auth.status == 200 and auth.may_send else [],
        "other": other,
    }


def goes_to_honeycomb(there: Destination, api: str) -> bool:
    same = urlsplit(api)
    is_api = (there.host, there.parts.port) == (same.hostname, same.port)
    return is_honeycomb(there.host) or HEADER in there.headers or is_api


def name_in(subject: Subject) -> str:
    """As the SDK reads it; else what it calls those without a name."""
    pairs = (pair.partition("=") for pair in subject.get("OTEL_RESOURCE_ATTRIBUTES").split(","))
    attributes = {name.strip(): value.strip() for name, _, value in pairs}
    return subject.get("OTEL_SERVICE_NAME") or attributes.get("service.name", "") or "unknown_service"


def shares_network(subject: Subject) -> bool:
    """A container has its own localhost and its own names."""
    if subject.pid is None:
        return True
    try:
        return os.readlink("/proc/self/ns/net") == os.readlink(f"/proc/{subject.pid}/ns/net")
    except OSError:
        return True
