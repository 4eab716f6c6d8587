"""TM91x: does the address that spans go to mean another container, and can it be reached?"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from threemaps.doctor.compose_file import Project, Service, as_list
from threemaps.doctor.destination import DEFAULT_PORTS, EXPORTER, GRPC, PROTOCOLS
from threemaps.doctor.files import text_of
from threemaps.doctor.rules.base import Edit, Found
from threemaps.doctor.rules.compose import Asked, below, indented, line_of, rewrite, rule
from threemaps.doctor.rules.compose_services import starts_launcher

ADDRESS = re.compile(r"(OTEL_EXPORTER_OTLP\w*_ENDPOINT|AWS_XRAY_DAEMON_ADDRESS)")
HOST = re.compile(r"[\"']?(?:\w+://)?([^:/\s\"']+)")
TAKING = re.compile(r"otel|opentelemetry-collector|collector|xray-daemon|jaeger")


def addresses(asked: Asked) -> Iterator[tuple[Service, str, str, str]]:
    """Service, variable, value and host, in a network of Compose's."""
    for service in asked.project.services:
        for found in () if service.host_network else addresses_of(service):
            yield service, *found


def addresses_of(service: Service) -> Iterator[tuple[str, str, str]]:
    for name, value in service.environ.items():
        if ADDRESS.fullmatch(name) and (host := HOST.match(value)):
            yield name, value, host[1]


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


@rule("TM919", "host-network", "in the host's network no name of a service resolves")
def host_network(asked: Asked) -> Found | None:
    for service in asked.project.services:
        named = (one for one in addresses_of(service) if one[2] in asked.project.bodies)
        if service.host_network and (found := next(named, None)):
            seen = f"{service.place}: it is in the host's network, and {found[0]} is the service {found[2]}"
            number = line_of(service.file, r"^\s+network_mode:", service.name)
            return Found(seen, write=Edit(service.file, number, "replace", "") if number else None)
    return None


@rule("TM909", "localhost-inside", "localhost inside a container is that container")
def localhost_inside(asked: Asked) -> Found | None:
    for service, name, value, host in addresses(asked):
        if host not in ("localhost", "127.0.0.1"):
            continue
        there = collector_of(asked.project)
        seen = f"{service.place}: {name}={value} is the container itself"
        number = line_of(service.file, re.escape(name), service.name)
        if there is None:
            seen = f"{seen}, and none of {', '.join(asked.project.names)} is a collector"
            outside = rewrite(service.file, number, re.escape(host), "host.docker.internal")
            return Found(seen, "threemaps up", outside)
        return Found(seen, write=rewrite(service.file, number, re.escape(host), there))
    return no_address(asked)


def no_address(asked: Asked) -> Found | None:
    """Without one the launcher's exporter sends to localhost; an exporter in the code may have its own."""
    for service in asked.traced:
        there, given = collector_of(asked.project), [name for name, _, _ in addresses_of(service)]
        if there is None or service.host_network or not starts_launcher(service.argv) or given:
            continue
        if service.environ.get(EXPORTER, "otlp") not in ("otlp", *PROTOCOLS):
            continue
        port = DEFAULT_PORTS.get(service.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", GRPC), 4317)
        name = "OTEL_EXPORTER_OTLP_ENDPOINT"
        seen = f"{service.place}: {name} is not set: spans go to localhost:{port}, the container itself"
        return Found(seen, write=below(service, {name: f"http://{there}:{port}"}))
    return None


@rule("TM910", "no-such-service", "a name without dots is that of another service of the same network")
def no_such_service(asked: Asked) -> Found | None:
    for service, name, value, host in addresses(asked):
        if "." in host or host in ("localhost", *asked.project.names) or is_alias(asked.project, host):
            continue
        near = collector_of(asked.project) or "host.docker.internal"
        seen = f"{service.place}: {name}={value}, and none is called {host!r}: there are "
        seen += ", ".join(asked.project.names)
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
        return Found(seen, write=joined(asked.file, host, ours[0]))
    return None


def joined(file: Path, name: str, network: str) -> Edit | None:
    """The line of the networks of `name`, with this one among them."""
    number = line_of(file, r"^\s+networks:", name)
    if edit := rewrite(file, number, r"(networks:\s*\[)", rf"\1{network}, "):
        if "[" in edit.text:
            return edit
        sample = text_of(file).splitlines()[number]
        entry = indented(sample, [f"- {network}" if "- " in sample else f"{network}:"])
        return Edit(file, number, "after", entry)
    return None


def networks_of(body: Mapping[str, Any]) -> set[str]:
    return {str(one) for one in body.get("networks") or ["default"]}
