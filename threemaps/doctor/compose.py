"""A Compose project: asked of Compose itself where it is there, else read from its file."""

import contextlib
import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from threemaps.doctor.check import Check, good, unseen
from threemaps.doctor.compose_file import Project, Service, compose_file, read_project, read_service
from threemaps.doctor.docker import Docker
from threemaps.doctor.expected import expected
from threemaps.doctor.facts import Facts
from threemaps.doctor.packages import Packages
from threemaps.doctor.rules.compose import Asked, rules, write_variable
from threemaps.doctor.rules.compose_services import not_launched
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
    docker = Docker(file, environ)
    project = ask_compose(read_project(file, environ), docker)
    asked = Asked(project, environ, docker, tuple(profiles_in(words)))
    checks: list[Check] = []
    if not project.asked:
        said = "Compose is not installed here: this is what the file says"
        checks.append(unseen(LINK, "asked of Compose", said))
    causes = ((one, found) for one, find in rules() if (found := find(asked)))
    if cause := next(causes, None):
        return [*checks, named(LINK, *cause, ok=False)]
    for service in asked.traced:
        if broken := first_cause(facts_on(service, asked)):
            return [*checks, replace(broken, link=LINK, detail=f"{service.place}: {broken.detail}")]
    names = ", ".join(service.name for service in project.services) or "none"
    held = (
        f"{len(rules())} rules on Compose, and those on variables, were held against the services built here"
    )
    checks.append(good(LINK, "file", f"{held}: {names}"))
    checks += [unseen(LINK, "inside", inside(service, asked)) for service in asked.traced]
    return checks


def profiles_in(words: Sequence[str]) -> Iterator[str]:
    """Of `docker compose --profile NAME up`."""
    for before, word in pairwise(words):
        if before == "--profile":
            yield word
        elif word.startswith("--profile="):
            yield word.partition("=")[2]


def facts_on(service: Service, asked: Asked) -> Facts:
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
    container = asked.container(service)
    with contextlib.suppress(UserError):
        subject = from_process(container.pid) if container and container.pid else subject
    facts = expected(subject, asks=False)
    facts.writes = partial(write_variable, service)
    return facts


def inside(service: Service, asked: Asked) -> str:
    """What only a look inside shows, and the command for it."""
    what = "whether its code sets up the tracing" if not_launched(service) else "whether requests make spans"
    container = asked.container(service)
    look = f"-- {shlex.join(service.argv)}"
    if container and container.pid:
        look = f"--pid {container.pid}, or {look} in {service.context.name}/,"
    return f"{service.name}: {what}; threemaps doctor {look} shows more"


def ask_compose(project: Project, docker: Docker) -> Project:
    """With the values that `docker compose config` fills in; unchanged where there is no Compose."""
    done = docker.compose("config", "--format", "json")
    if done is None:
        return project
    if done.returncode != 0:
        return replace(project, asked=True, problem=project.problem or done.stderr.strip().splitlines()[-1])
    bodies = json.loads(done.stdout).get("services") or {}
    unset = {one.name: one.unset for one in project.services}
    services = tuple(
        replace(read_service(name, body, project.file, {}), unset=unset.get(name, {}))
        for name, body in bodies.items()
        if body.get("build")
    )
    return replace(project, asked=True, services=services)
