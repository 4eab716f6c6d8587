"""A docker-compose.yml read as docker compose reads it: values filled in, the image's command known."""

import contextlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from threemaps.doctor.files import text_of
from threemaps.doctor.subject import Subject
from threemaps.settings import read_dotenv

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

    @property
    def place(self) -> str:
        return f"{self.file.name}, service {self.name}"


def services(subject: Subject) -> list[Service]:
    """Those of the compose file in the service's folder, or the one above, that are built from it."""
    for folder in (subject.folder, subject.folder.parent):
        file = next((folder / name for name in FILES if (folder / name).is_file()), None)
        if file is None:
            continue
        try:
            document = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except (yaml.YAMLError, UnicodeDecodeError):
            return []
        outside = {**read_dotenv(folder / ".env"), **subject.environ}
        found = document.get("services") or {}
        return [
            read_service(name, body, file, outside)
            for name, body in found.items()
            if isinstance(body, dict) and body.get("build") and concerns(body, folder, subject)
        ]
    return []


def concerns(body: Mapping[str, Any], folder: Path, subject: Subject) -> bool:
    """Built from a folder that holds the service; any built one when docker compose is the command."""
    context = (folder / context_of(body)).resolve()
    return is_compose(subject) or subject.folder.resolve().is_relative_to(context)


def is_compose(subject: Subject) -> bool:
    return subject.program == "docker-compose" or list(subject.argv[:2]) == ["docker", "compose"]


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
