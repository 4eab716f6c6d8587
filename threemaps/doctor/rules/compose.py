"""TM9xx: a Compose file, as people break it."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from threemaps.doctor.compose_file import Project, Service, pairs
from threemaps.doctor.docker import image_of, running
from threemaps.doctor.files import text_of
from threemaps.doctor.packages import read_requirements
from threemaps.doctor.rules.base import Edit, Found, Rule
from threemaps.doctor.subject import LAUNCHER

UP = "docker compose up -d --build"
OURS = re.compile(r"OTEL_|HONEYCOMB_|AWS_|ROLLBAR_")
ADDRESS = re.compile(r"(OTEL_EXPORTER_OTLP\w*_ENDPOINT|AWS_XRAY_DAEMON_ADDRESS)")
HOST = re.compile(r"(?:\w+://)?([^:/\s]+)")


@dataclass(frozen=True)
class Asked:
    """A project, and the variables with which Compose reads it."""

    project: Project
    environ: Mapping[str, str]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.project.services)

    @property
    def traced(self) -> list[Service]:
        """Those that are told where spans go."""
        return [one for one in self.project.services if any(OURS.match(name) for name in one.environ)]


Look = Callable[[Asked], Found | None]
RULES: list[tuple[Rule, Look]] = []


def rule(code: str, name: str, why: str) -> Callable[[Look], Look]:
    def add(find: Look) -> Look:
        RULES.append((Rule(code, name, why, lambda facts: None), find))
        return find

    return add


def line_of(file: Path, pattern: str, service: str = "") -> int:
    """The number of the first line, below that of the service, in which this stands; else 0."""
    lines = text_of(file).splitlines()
    start = (
        next(
            (
                number
                for number, line in enumerate(lines)
                if re.match(rf"\s+[\"']?{re.escape(service)}[\"']?:", line)
            ),
            0,
        )
        if service
        else 0
    )
    return next(
        (number for number, line in enumerate(lines[start:], start + 1) if re.search(pattern, line)), 0
    )


def rewrite(file: Path, number: int, old: str, new: str) -> Edit | None:
    lines = text_of(file).splitlines()
    return Edit(file, number, "replace", re.sub(old, new, lines[number - 1])) if number else None


def write_variable(service: Service, seen: str, name: str, value: str) -> Found:
    """A variable's line in the file with another value, or without it."""
    number = line_of(service.file, rf"\b{re.escape(name)}\b\s*[:=]", service.name)
    if not number:
        return Found(seen, type=f"set {name}={value or '(nothing)'} for the service {service.name}")
    line = text_of(service.file).splitlines()[number - 1]
    anew = re.sub(rf"(\b{re.escape(name)}\b[\"']?\s*[:=]\s*).*", rf"\g<1>{value}", line)
    return Found(seen, write=Edit(service.file, number, "replace", anew if value else ""))


@rule("TM902", "blank-around-equals", "in a list, what stands before the = is the name, blanks and all")
def blank_around_equals(asked: Asked) -> Found | None:
    for name, body in asked.project.bodies.items():
        listed = body.get("environment")
        for one in listed if isinstance(listed, list) else []:
            if re.match(r"\w+\s+=|\w+=\s", str(one)):
                number = line_of(asked.project.file, re.escape(str(one)), name)
                seen = f"service {name}: the variable in {one!r} has blanks around its ="
                return Found(seen, write=rewrite(asked.project.file, number, r"\s*=\s*", "="))
    return None


@rule("TM901", "broken-file", "Compose starts nothing from a file that it cannot read")
def broken_file(asked: Asked) -> Found | None:
    if not asked.project.problem:
        return None
    file = asked.project.file
    found = re.search(r"line (\d+)", asked.project.problem)
    place = f"{file.name}:{found[1]}" if found else file.name
    return Found(
        f"{place} cannot be read: {asked.project.problem[:300]}",
        type=f"docker compose -f {shlex.quote(file.name)} config",
    )


@rule("TM903", "no-dollar", "a variable is ${NAME}; without the dollar its name in brackets is the value")
def no_dollar(asked: Asked) -> Found | None:
    for name, body in asked.project.bodies.items():
        for key, value in pairs(body.get("environment")):
            found = re.search(r"(?<!\$)\{([A-Z][A-Z0-9_]+)\}", value or "")
            if found and OURS.match(key):
                number = line_of(asked.project.file, rf"{re.escape(key)}.*\{{{found[1]}\}}", name)
                seen = f"service {name}: {key} holds {{{found[1]}}} as it stands: the $ before it is missing"
                return Found(
                    seen,
                    write=rewrite(
                        asked.project.file, number, rf"(?<!\$)\{{{found[1]}\}}", f"${{{found[1]}}}"
                    ),
                )
    return None


@rule("TM904", "not-set", "a variable that nobody set outside arrives empty inside; Compose only warns")
def not_set(asked: Asked) -> Found | None:
    for service in asked.project.services:
        for inside, name in service.unset.items():
            if OURS.match(inside):
                seen = f"{service.place}: {inside} needs {name}, which is not set: it arrives empty"
                dotenv = shlex.quote(str(service.file.parent / ".env"))
                return Found(seen, type=f"echo {name}=YOUR_VALUE >> {dotenv} && {UP} {service.name}")
    return None


def is_python(service: Service) -> bool:
    words = " ".join((*service.command, *service.image_command, text_of(service.dockerfile)))
    return re.search(r"python|gunicorn|flask|uvicorn", words) is not None


@rule("TM905", "wrong-service", "a variable reaches the service under which it stands, and no other one")
def wrong_service(asked: Asked) -> Found | None:
    wrong = [
        one
        for one in asked.traced
        if not is_python(one) and any(name.startswith("OTEL_") for name in one.environ)
    ]
    right = [one for one in asked.project.services if is_python(one) and one not in asked.traced]
    if not wrong or not right:
        return None
    names = ", ".join(name for name in wrong[0].environ if name.startswith("OTEL_"))
    seen = f"{names} stand under {wrong[0].name}, which runs no Python; {right[0].name} does, and has none"
    return Found(
        seen,
        type=f"move them below {right[0].name} in {asked.project.file.name}, then {UP} {right[0].name}",
    )


def starts_launcher(command: tuple[str, ...]) -> bool:
    return any(LAUNCHER in word for word in command)


@rule("TM906", "skips-launcher", "`command:` replaces the image's CMD, launcher and all")
def skips_launcher(asked: Asked) -> Found | None:
    for service in asked.project.services:
        if (
            service.command
            and starts_launcher(service.image_command)
            and not starts_launcher(service.command)
        ):
            seen = f"{service.place}: command: {shlex.join(service.command)!r} skips the image's {LAUNCHER}"
            return (
                Found(seen, write=launched_edit(service))
                if launched_edit(service)
                else Found(seen, type=f"remove command: from {service.place}")
            )
    return None


def launched_edit(service: Service) -> Edit | None:
    """The line of `command:` with the launcher in it, in each of the ways to write one."""
    lines = text_of(service.file).splitlines()
    number = line_of(service.file, r"^\s*command:", service.name)
    if not number:
        return None
    line = lines[number - 1]
    if re.search(r"command:\s*\[", line):
        return Edit(service.file, number, "replace", line.replace("[", f'["{LAUNCHER}", ', 1))
    if re.search(r"command:\s*$", line) and number < len(lines):
        below = lines[number]
        return Edit(service.file, number, "after", f"{below[: below.index('-')]}- {LAUNCHER}")
    return Edit(service.file, number, "replace", re.sub(r"(command:\s*[\"']?)", rf"\1{LAUNCHER} ", line))


@rule(
    "TM907",
    "no-launcher",
    "a service that is told where spans go makes them when something sets up the tracing",
)
def no_launcher(asked: Asked) -> Found | None:
    for service in asked.traced:
        argv = service.command or service.image_command
        told = any(name.startswith("OTEL_") for name in service.environ)
        if not argv or starts_launcher(argv) or not told or not is_python(service) or sets_up_itself(service):
            continue
        seen = f"{service.place}: {shlex.join(argv)} has no {LAUNCHER}, and its code no TracerProvider"
        if service.command:
            return Found(seen, write=launched_edit(service))
        number = line_of(service.dockerfile, r"^CMD\b")
        return Found(
            seen,
            write=rewrite(service.dockerfile, number, r"^CMD (\[?)(\s*)", rf"CMD \1\2{quote_in(service)}"),
        )
    return None


def quote_in(service: Service) -> str:
    return (
        f'"{LAUNCHER}", '
        if re.search(r"^CMD\s*\[", text_of(service.dockerfile), re.MULTILINE)
        else f"{LAUNCHER} "
    )


def sets_up_itself(service: Service) -> bool:
    return any(
        re.search(r"TracerProvider\(|xray_recorder", text_of(file))
        for file in sorted(service.context.rglob("*.py"))[:200]
    )


@rule("TM908", "no-packages", "what requirements.txt does not name is not in the image")
def no_packages(asked: Asked) -> Found | None:
    for service in asked.traced:
        file = service.context / "requirements.txt"
        argv = service.command or service.image_command
        if not file.is_file() or not starts_launcher(argv) or installs_itself(service):
            continue
        names = {one.name.lower().replace("_", "-") for one in read_requirements(text_of(file).splitlines())}
        for wanted in ("opentelemetry-distro", "opentelemetry-exporter-otlp"):
            if not any(one.startswith(wanted) for one in names):
                return Found(
                    f"{service.place}: {file.name} does not name {wanted}",
                    type=f"echo {wanted} >> {shlex.quote(str(file))} && {UP} {service.name}",
                )
    return None


def installs_itself(service: Service) -> bool:
    """The image's own lines bring the packages."""
    return (
        re.search(r"opentelemetry-(distro|bootstrap)|aws-opentelemetry", text_of(service.dockerfile))
        is not None
    )


@rule("TM909", "localhost-inside", "localhost inside a container is that container")
def localhost_inside(asked: Asked) -> Found | None:
    for service in asked.project.services:
        for name, value in service.environ.items():
            if (
                not ADDRESS.fullmatch(name)
                or service.host_network
                or not re.search(r"(^|//)(localhost|127\.0\.0\.1)\b", value)
            ):
                continue
            there = collector_of(asked.project)
            seen = f"{service.place}: {name}={value} is the container itself"
            if there is None:
                return Found(
                    f"{seen}, and none of {', '.join(asked.project.names)} is a collector",
                    type=f"threemaps up, then set {name} to host.docker.internal",
                )
            return Found(
                seen,
                write=rewrite(
                    service.file,
                    line_of(service.file, re.escape(name), service.name),
                    r"localhost|127\.0\.0\.1",
                    there,
                ),
            )
    return None


def collector_of(project: Project) -> str | None:
    """The service that takes spans: by its image, else by its name."""
    taking = re.compile(r"otel|opentelemetry-collector|collector|xray-daemon|jaeger")
    for name, body in project.bodies.items():
        if taking.search(str(body.get("image", ""))) or taking.search(name):
            return name
    return None


@rule("TM910", "no-such-service", "a name without dots is that of another service of the same network")
def no_such_service(asked: Asked) -> Found | None:
    for service in asked.project.services:
        for name, value in service.environ.items():
            host = HOST.match(value)
            if (
                not ADDRESS.fullmatch(name)
                or host is None
                or "." in host[1]
                or host[1] in ("localhost", *asked.project.names)
            ):
                continue
            if service.host_network or any(
                host[1] in str(body)
                for body in asked.project.bodies.values()
                if "aliases" in str(body) or "container_name" in body
            ):
                continue
            near = collector_of(asked.project)
            there = ", ".join(asked.project.names)
            seen = f"{service.place}: {name}={value}, and none is called {host[1]!r}: there are {there}"
            number = line_of(service.file, re.escape(name), service.name)
            return (
                Found(seen, write=rewrite(service.file, number, re.escape(host[1]), near))
                if near
                else Found(seen, type=f"set {name} to a service that takes spans")
            )
    return None


@rule("TM911", "old-image", "a container runs what its image was built of")
def old_image(asked: Asked) -> Found | None:
    for service in asked.project.services:
        container = running(service.file.parent, service.name, asked.environ)
        if container is None:
            continue
        for file in (service.dockerfile, service.context / "requirements.txt"):
            built = image_of(container, asked.environ)
            if file.is_file() and built and file.stat().st_mtime > built:
                return Found(
                    f"{service.place}: {file.name} is newer than the image: it was not rebuilt",
                    type=f"{UP} {service.name}",
                )
        for name, value in service.environ.items():
            if re.match(r"OTEL_|HONEYCOMB_", name) and value and container.environ.get(name) != value:
                seen = f"{service.place}: {name} was set after the container started, and never reached it"
                return Found(seen, type=f"docker compose up -d {service.name}")
    return None
