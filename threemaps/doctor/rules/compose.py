"""What a rule on a Compose project is, and how its file is mended."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from threemaps.doctor.compose_file import Project, Service
from threemaps.doctor.docker import Container, Docker
from threemaps.doctor.files import text_of
from threemaps.doctor.rules.base import Edit, Found, Rule

UP = "docker compose up -d --build"
OURS = re.compile(r"OTEL_|HONEYCOMB_|AWS_|ROLLBAR_")


@dataclass(frozen=True)
class Asked:
    """A project, and the variables with which Compose reads it."""

    project: Project
    environ: Mapping[str, str]
    docker: Docker
    profiles: tuple[str, ...] = ()
    containers: dict[str, Container | None] = field(default_factory=dict)  # those that were asked for

    @property
    def file(self) -> Path:
        return self.project.file

    def container(self, service: Service) -> Container | None:
        """Asked of Compose once."""
        if service.name not in self.containers:
            self.containers[service.name] = (
                self.docker.container(service.name) if self.project.asked else None
            )
        return self.containers[service.name]

    @property
    def traced(self) -> list[Service]:
        """Those with variables on where spans go."""
        return [one for one in self.project.services if any(OURS.match(name) for name in one.environ)]


Look = Callable[[Asked], Found | None]
ADDED: dict[str, list[tuple[Rule, Look]]] = {"reading": [], "services": [], "network": [], "collector": []}


def rule(code: str, name: str, why: str) -> Callable[[Look], Look]:
    """Modules are asked in the order above, and their rules in the order in which they stand there."""

    def add(find: Look) -> Look:
        ADDED[find.__module__.rpartition("_")[2]].append((Rule(code, name, why, lambda facts: None), find))
        return find

    return add


def rules() -> list[tuple[Rule, Look]]:
    return [one for added in ADDED.values() for one in added]


def line_of(file: Path, pattern: str, service: str = "") -> int:
    """The number of the first line, below that of the service, in which this stands; else 0."""
    lines = text_of(file).splitlines()
    head = rf"\s+[\"']?{re.escape(service)}[\"']?:" if service else ""
    start = next((number for number, line in enumerate(lines) if re.match(head, line)), 0)
    below = enumerate(lines[start:], start + 1)
    return next((number for number, line in below if re.search(pattern, line)), 0)


def rewrite(file: Path, number: int, old: str, new: str) -> Edit | None:
    """The line with `new` for what matches; nothing where there is no such line."""
    if not number:
        return None
    return Edit(file, number, "replace", re.sub(old, new, text_of(file).splitlines()[number - 1]))


def below(service: Service, values: Mapping[str, str]) -> Edit | None:
    """Variables that the service does not have yet."""
    lines = text_of(service.file).splitlines()
    if head := line_of(service.file, r"^\s+environment:\s*$", service.name):
        sample = lines[head]
        written = indented(sample, [f"- {name}={value}" for name, value in values.items()])
        if not sample.lstrip().startswith("- "):
            written = indented(sample, [f"{name}: {value}" for name, value in values.items()])
        return Edit(service.file, head, "after", written)
    number = line_of(service.file, rf"^\s+[\"']?{re.escape(service.name)}[\"']?:")
    entries = ["  environment:", *(f"    {name}: {value}" for name, value in values.items())]
    return Edit(service.file, number, "after", indented(lines[number - 1], entries)) if number else None


def indented(sample: str, lines: Sequence[str]) -> str:
    """As deep as the sample stands."""
    return "\n".join(sample[: len(sample) - len(sample.lstrip())] + line for line in lines)


def write_variable(service: Service, seen: str, name: str, value: str) -> Found:
    """A variable's line in the file with another value, or without it."""
    number = line_of(service.file, rf"\b{re.escape(name)}\b\s*[:=]", service.name)
    edit = rewrite(service.file, number, rf"(\b{re.escape(name)}\b[\"']?\s*[:=]\s*).*", rf"\g<1>{value}")
    if edit is None:
        return Found(seen, write=below(service, {name: value}) if value else None)
    return Found(seen, write=edit if value else Edit(service.file, number, "replace", ""))
