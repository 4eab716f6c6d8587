"""A Compose project: asked of Compose itself where it is there, else read from its file."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from threemaps.doctor.check import Check, good, unseen
from threemaps.doctor.compose_file import Project, Service, compose_file, read_project, read_service
from threemaps.doctor.docker import running
from threemaps.doctor.expected import expected
from threemaps.doctor.facts import Facts
from threemaps.doctor.packages import Packages
from threemaps.doctor.rules.compose import Asked, rules, write_variable
from threemaps.doctor.service import first_cause, named
from threemaps.doctor.subject import LAUNCHER, Subject, from_process
from threemaps.errors import UserError

LINK = "compose"
SECONDS = 30


def is_compose(words: Sequence[str]) -> bool:
    return list(words[:2]) == ["docker", "compose"] or [Path(word).name for word in words[:1]] == [
        "docker-compose"
    ]


def check_compose(words: Sequence[str], environ: Mapping[str, str], folder: Path) -> list[Check]:
    """The project in this folder. Raises UserError where there is none."""
    file = compose_file(folder)
    if file is None:
        raise UserError(
            f"there is no Compose file in {folder}", hint="cd to the folder that has docker-compose.yml"
        )
    project = ask_compose(read_project(file, environ), environ)
    asked = Asked(project, environ, tuple(profiles_in(words)))
    checks: list[Check] = []
    if not project.asked:
        said = "Compose is not installed here: this is what the file says"
        checks.append(unseen(LINK, "asked of Compose", said))
    causes = ((one, found) for one, find in rules() if (found := find(asked)))
    if cause := next(causes, None):
        return [*checks, named(LINK, *cause, ok=False)]
    for service in asked.traced:
        if broken := first_cause(facts_on(service, environ)):
            return [*checks, replace(broken, link=LINK, detail=f"{service.place}: {broken.detail}")]
    names = ", ".join(service.name for service in project.services) or "none"
    held = (
        f"{len(rules())} rules on Compose, and those on variables, were held against the services built here"
    )
    checks.append(good(LINK, "file", f"{held}: {names}"))
    checks.append(unseen(LINK, "inside", inside(asked)))
    return checks


def profiles_in(words: Sequence[str]) -> Iterator[str]:
    """Of `docker compose --profile NAME up`."""
    for before, word in pairwise(words):
        if before == "--profile":
            yield word
        elif word.startswith("--profile="):
            yield word.partition("=")[2]


def facts_on(service: Service, environ: Mapping[str, str]) -> Facts:
    """What its variables promise: of the running container where there is one, else as the file has them."""
    # Which packages the image has is not known; which variables they read is, by our own.
    packages = Packages({}, tuple(Path(one) for one in sys.path), trouble="not asked")
    subject = Subject(
        service.argv,
        service.environ,
        service.context,
        any(LAUNCHER in word for word in service.argv),
        installed=packages,
    )
    container = running(service.file.parent, service.name, environ)
    with contextlib.suppress(UserError):
        subject = from_process(container.pid) if container and container.pid else subject
    facts = expected(subject, asks=False)
    facts.writes = partial(write_variable, service)
    return facts


def inside(asked: Asked) -> str:
    """Where the containers run on this machine their processes can be looked at."""
    found = (running(one.file.parent, one.name, asked.environ) for one in asked.traced)
    pid = next((one.pid for one in found if one and one.pid), 0)
    return f"whether requests make spans{f': sudo threemaps doctor --pid {pid} sees more' if pid else ''}"


def ask_compose(project: Project, environ: Mapping[str, str]) -> Project:
    """With the values that `docker compose config` fills in; unchanged where there is no Compose."""
    program = shutil.which("docker", path=environ.get("PATH", os.defpath))
    if program is None:
        return project
    command = [program, "compose", "-f", str(project.file), "config", "--format", "json"]
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            cwd=project.file.parent,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return project
    if re.search(r"unknown (command|flag)|is not a docker command", done.stderr):
        return project
    if done.returncode != 0:
        return replace(project, asked=True, problem=project.problem or done.stderr.strip().splitlines()[-1])
    told = json.loads(done.stdout).get("services") or {}
    unset = {one.name: one.unset for one in project.services}
    services = tuple(
        replace(
            read_service(name, body, project.file, {}),
            unset=unset.get(name, {}),
            host_network=body.get("network_mode") == "host",
        )
        for name, body in told.items()
        if body.get("build")
    )
    return replace(project, asked=True, services=services)
