"""TM91x: does the address that spans go to mean another container, and can it be reached?"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from threemaps.doctor.compose_file import Project, Service, as_list
from threemaps.doctor.rules.base import Found
from threemaps.doctor.rules.compose import Asked, line_of, rewrite, rule

ADDRESS = re.compile(r"(OTEL_EXPORTER_OTLP\w*_ENDPOINT|AWS_XRAY_DAEMON_ADDRESS)")
HOST = re.compile(r"[\"']?(?:\w+://)?([^:/\s\"']+)")
TAKING = re.compile(r"otel|opentelemetry-collector|collector|xray-daemon|jaeger")


def addresses(asked: Asked) -> Iterator[tuple[Service, str, str, str]]:
    """Service, variable, value and host."""
    for service in asked.project.services:
        for name, value in service.environ.items():
            host = HOST.match(value)
            if ADDRESS.fullmatch(name) and host and not service.host_network:
                yield service, name, value, host[1]


def collector_of(project: Project) -> str | None:
    """The service that takes spans: by its image, else by its name."""
    names = project.bodies.items()
    return next(
        (name for name, body in names if TAKING.search(str(body.get("image", ""))) or TAKING.search(name)),
        None,
    )


@rule("TM917", "daemon-port", "the X-Ray SDK takes HOST:PORT, and raises at its start for anything else")
def daemon_port(asked: Asked) -> Found | None:
    for service, name, value, host in addresses(asked):
        if name == "AWS_XRAY_DAEMON_ADDRESS" and not re.search(r":\d+$", value):
            number = line_of(service.file, re.escape(name), service.name)
            edit = rewrite(service.file, number, re.escape(value), f"{host}:2000")
            return Found(f"{service.place}: {name}={value} has no port", write=edit)
    return None


@rule("TM909", "localhost-inside", "localhost inside a container is that container")
def localhost_inside(asked: Asked) -> Found | None:
    for service, name, value, host in addresses(asked):
        if host not in ("localhost", "127.0.0.1"):
            continue
        there = collector_of(asked.project)
        seen = f"{service.place}: {name}={value} is the container itself"
        if there is None:
            seen = f"{seen}, and none of {', '.join(asked.project.names)} is a collector"
            return Found(seen, type=f"threemaps up, then set {name} to host.docker.internal")
        number = line_of(service.file, re.escape(name), service.name)
        return Found(seen, write=rewrite(service.file, number, re.escape(host), there))
    return None


@rule("TM910", "no-such-service", "a name without dots is that of another service of the same network")
def no_such_service(asked: Asked) -> Found | None:
    for service, name, value, host in addresses(asked):
        if "." in host or host in ("localhost", *asked.project.names) or is_alias(asked.project, host):
            continue
        near = collector_of(asked.project)
        seen = f"{service.place}: {name}={value}, and none is called {host!r}: there are "
        seen += ", ".join(asked.project.names)
        if near is None:
            return Found(seen, type=f"set {name} to a service that takes spans")
        number = line_of(service.file, re.escape(name), service.name)
        return Found(seen, write=rewrite(service.file, number, re.escape(host), near))
    return None


def is_alias(project: Project, host: str) -> bool:
    named = (body for body in project.bodies.values() if "aliases" in str(body) or "container_name" in body)
    return any(host in str(body) for body in named)


@rule("TM915", "not-started", "a service with a profile starts when its profile is asked for")
def not_started(asked: Asked) -> Found | None:
    active = {*asked.environ.get("COMPOSE_PROFILES", "").split(","), *asked.profiles}
    for service, name, _, host in addresses(asked):
        wanted = as_list(asked.project.bodies.get(host, {}).get("profiles"))
        if wanted and "*" not in active and not active & set(wanted):
            seen = f"{service.place}: {name} is {host}, which only starts with the profile {wanted[0]}"
            return Found(seen, type=f"docker compose --profile {wanted[0]} up -d")
    return None


@rule("TM916", "other-network", "containers reach each other in a network that they share")
def other_network(asked: Asked) -> Found | None:
    for service, name, _, host in addresses(asked):
        there = asked.project.bodies.get(host)
        here = asked.project.bodies.get(service.name, {})
        if there is None or networks_of(here) & networks_of(there):
            continue
        ours, theirs = sorted(networks_of(here)), sorted(networks_of(there))
        seen = f"{service.place}: {name} is {host}, which is in the network {theirs[0]}, not in {ours[0]}"
        return Found(seen, type=f"add {ours[0]} to the networks of {host} in {asked.file.name}")
    return None


def networks_of(body: Mapping[str, Any]) -> set[str]:
    return {str(one) for one in body.get("networks") or ["default"]}
