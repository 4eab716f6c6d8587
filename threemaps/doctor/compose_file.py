"""A docker-compose.yml read as docker compose reads it: values filled in, the image's command known."""

import contextlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from threemaps.basics.variables import read_dotenv
from threemaps.doctor.files import text_of

FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?:(:?[-+?])([^}]*))?\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a compose file that is built here, values filled in as docker compose would."""

    name: str
    file: Path
    command: tuple[str, ...]  # empty: the image's own
    image_command: tuple[str, ...]  # the Dockerfile's ENTRYPOINT and CMD
    environ: Mapping[str, str]
    context: Path
    dockerfile: Path
    host_network: bool
    unset: Mapping[str, str]  # variable of the container → the one outside that nobody set

    key: str = "command"  # what the file calls it

    @property
    def place(self) -> str:
        return f"{self.file.name}, service {self.name}"

    @property
    def argv(self) -> tuple[str, ...]:
        return self.command or self.image_command


@dataclass(frozen=True, slots=True)
class Project:
    """`problem` is what keeps Compose from reading the file; `asked` says that Compose itself was asked."""

    file: Path
    bodies: Mapping[str, Mapping[str, Any]]  # as the file has them, values not filled in
    services: tuple[Service, ...]  # those that are built here
    asked: bool = False
    problem: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)  # those at the top, with what stands below them

    @property
    def names(self) -> list[str]:
        return sorted(self.bodies)


def compose_file(folder: Path) -> Path | None:
    return next((folder / name for name in FILES if (folder / name).is_file()), None)


def read_project(file: Path, outside: Mapping[str, str]) -> Project:
    """As the file says, checked against the shapes that Compose takes."""
    try:
        document = yaml.safe_load(text_of(file)) or {}
    except yaml.YAMLError as error:
        return Project(file, {}, (), problem=" ".join(str(error).split()))
    bodies = document.get("services") if isinstance(document, dict) else None
    keys = document if isinstance(document, dict) else {}
    if problem := misshapen(document):
        return Project(file, {}, (), problem=problem, keys=keys)
    known = {**read_dotenv(file.parent / ".env"), **outside}
    found = {str(name): body for name, body in (bodies or {}).items() if isinstance(body, dict)}
    built = tuple(read_service(name, body, file, known) for name, body in found.items() if body.get("build"))
    return Project(file, found, built, keys=keys)


# What Compose takes in the parts that decide about telemetry.
SHAPES: dict[str, tuple[type, ...]] = {
    "environment": (dict, list),
    "env_file": (str, list),
    "command": (str, list, type(None)),
    "entrypoint": (str, list, type(None)),
    "build": (str, dict),
    "ports": (list,),
    "depends_on": (list, dict),
}


def misshapen(document: object) -> str:
    """Where the file has another shape than Compose takes, or nothing."""
    if not isinstance(document, dict) or not isinstance(document.get("services"), dict):
        return "services: it has to be there, with one entry a service"
    for name, body in document["services"].items():
        if not isinstance(body, dict):
            return f"services.{name}: it has to have entries of its own, and is {body!r}"
        for key, kinds in SHAPES.items():
            if key in body and not isinstance(body[key], kinds):
                return (
                    f"services.{name}.{key}: {body[key]!r} is no {' or '.join(one.__name__ for one in kinds)}"
                )
        for one in as_list(body.get("environment") if isinstance(body.get("environment"), list) else None):
            if not isinstance(one, str):
                return f"services.{name}.environment: {one!r} is no NAME=value"
    return ""


def context_of(body: Mapping[str, Any]) -> str:
    build = body["build"]
    return str(build.get("context", ".") if isinstance(build, dict) else build)


def read_service(name: str, body: Mapping[str, Any], file: Path, outside: Mapping[str, str]) -> Service:
    unset: dict[str, str] = {}
    environ: dict[str, str] = {}
    for one in as_list(body.get("env_file")):
        path = one.get("path", "") if isinstance(one, dict) else one
        environ.update(read_dotenv(file.parent / str(path)))
    for key, value in pairs(body.get("environment")):
        environ[key] = outside.get(key, "") if value is None else fill(value, outside, key, unset)
        if value is None and not outside.get(key):
            unset[key] = key
    context = (file.parent / context_of(body)).resolve()
    build = body["build"] if isinstance(body["build"], dict) else {}
    dockerfile = context / str(build.get("dockerfile", "Dockerfile"))
    return Service(
        name=name,
        file=file,
        command=words(body.get("entrypoint")) + words(body.get("command")),
        image_command=image_command(dockerfile),
        environ=environ,
        context=context,
        dockerfile=dockerfile,
        host_network=body.get("network_mode") == "host",
        unset=unset,
        key="entrypoint" if body.get("entrypoint") else "command",
    )


def fill(text: str, outside: Mapping[str, str], key: str, unset: dict[str, str]) -> str:
    """`${NAME}`, `${NAME:-default}`: what stays empty is remembered in `unset`."""

    def replace(match: re.Match[str]) -> str:
        name = match[1] or match[4]
        if not name:
            return "$"
        value = outside.get(name, "")
        if not value and match[2] in {"-", ":-"}:
            return fill(match[3], outside, key, unset)
        if not value:
            unset[key] = name
        return value

    return VARIABLE.sub(replace, text)


def pairs(environment: object) -> list[tuple[str, str | None]]:
    if isinstance(environment, dict):
        return [(str(key), None if value is None else str(value)) for key, value in environment.items()]
    lines = (str(line).partition("=") for line in as_list(environment))
    return [(name, value if separator else None) for name, separator, value in lines]


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def words(command: object) -> tuple[str, ...]:
    if isinstance(command, str):
        with contextlib.suppress(ValueError):  # a quote that nobody closed: Docker says so itself
            return tuple(shlex.split(command))
        return tuple(command.split())
    return tuple(str(word) for word in as_list(command))


def image_command(dockerfile: Path) -> tuple[str, ...]:
    """The last ENTRYPOINT and CMD of a Dockerfile."""
    found: dict[str, tuple[str, ...]] = {"ENTRYPOINT": (), "CMD": ()}
    for line in text_of(dockerfile).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name.upper() in found:
            rest = rest.strip()
            found[name.upper()] = words(listed(rest) if rest.startswith("[") else rest)
    return found["ENTRYPOINT"] + found["CMD"]


def listed(text: str) -> object:
    """A list in JSON, as Docker has it, or text where it is none."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
