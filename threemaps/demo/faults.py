"""Faults as feature flags: one flag a service, in a file of flagd's format that the services follow."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

from threemaps.basics import nearby
from threemaps.demo.health import wait_until
from threemaps.demo.lock import exclusive
from threemaps.demo.state import write_private
from threemaps.errors import UserError
from threemaps.settings import Settings

SCHEMA = "https://flagd.dev/schema/v0/flags.json"
PREFIX = "fault."
# A service looks at its flag with each request.
OBEYED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Fault:
    latency_ms: int = 0
    errors: float = 0.0  # the share of requests that fail
    down: bool = False

    def __str__(self) -> str:
        if self.down:
            return "down: it closes connections without an answer"
        parts = [f"{self.latency_ms} ms slower"] if self.latency_ms else []
        parts += [f"{self.errors:.0%} of its requests fail"] if self.errors else []
        return ", ".join(parts) or "as it should be"


NO_FAULT = Fault()


def document(faults: Mapping[str, Fault]) -> dict[str, Any]:
    """As flagd has it. A service without a fault keeps its flag, switched to `off`."""
    return {"$schema": SCHEMA, "flags": {PREFIX + name: _flag(fault) for name, fault in faults.items()}}


def _flag(fault: Fault) -> dict[str, Any]:
    return {
        "state": "ENABLED",
        "variants": {"off": asdict(NO_FAULT), "on": asdict(fault)},
        "defaultVariant": "off" if fault == NO_FAULT else "on",
    }


def parse(flag_file: Any) -> dict[str, Fault]:
    """The faults of a document; what is none of ours is left out."""
    flags = flag_file.get("flags") if isinstance(flag_file, dict) else None
    found = {}
    for key, flag in flags.items() if isinstance(flags, dict) else ():
        try:
            value = flag["variants"][flag["defaultVariant"]]
            fault = Fault(int(value["latency_ms"]), float(value["errors"]), bool(value["down"]))
        except (KeyError, TypeError, ValueError):
            continue
        if key.startswith(PREFIX):
            found[key.removeprefix(PREFIX)] = fault
    return found


def read(path: Path) -> dict[str, Fault]:
    try:
        return parse(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def is_in_force(health_url: str, fault: Fault) -> bool:
    """Whether the service obeys by now; one that does not run, or knows no faults, is not waited for."""
    try:
        header = nearby.get(health_url, 2).headers.get("X-Fault")
        return header is None or parse({"flags": {PREFIX: _told(json.loads(header))}}) == {"": fault}
    except (requests.RequestException, ValueError):
        return True


def _told(value: Any) -> dict[str, Any]:
    return {"variants": {"now": value}, "defaultVariant": "now"}


def switch(path: Path, service: str, fault: Fault) -> dict[str, Fault]:
    """Changes one service's fault; readers see the old file or the new one, never half of it."""
    with exclusive(path.with_suffix(".lock"), lambda: None):
        faults = {**read(path), service: fault}
        write_private(path, json.dumps(document(faults), indent=1) + "\n")
    return faults


def bring_about(settings: Settings, service: str, fault: Fault) -> str:
    """Switches, waits until the service obeys, and says what it does now."""
    path = settings.flags_file
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    switch(path, service, fault)
    url = f"{settings.url(service)}/api/health"
    obeyed = wait_until(lambda: is_in_force(url, fault), OBEYED_SECONDS)
    return f"{service}: {fault}{'' if obeyed else ' (not in force yet)'}"


def require_local(settings: Settings) -> None:
    if settings.honeycomb_is_real or settings.aws_is_real:
        raise UserError(
            "faults are for local mode only; THREEMAPS_BACKENDS names a real backend",
            hint="THREEMAPS_BACKENDS=local threemaps up",
        )
