"""A Compose project: asked of Compose itself where it is there, else read from its file."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from threemaps.doctor.check import Check, good, unseen
from threemaps.doctor.compose_file import Project, compose_file, read_project, read_service
from threemaps.doctor.rules.compose import RULES, Asked
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
    checks: list[Check] = []
    if not project.asked:
        checks.append(
            unseen(LINK, "asked of Compose", "Compose is not installed here: this is what the file says")
        )
    for one, find in RULES:
        if found := find(Asked(project, environ)):
            edit = found.write.as_json() if found.write else None
            return [
                *checks,
                Check(
                    LINK,
                    one.name,
                    False,
                    found.seen,
                    found.next_step,
                    True,
                    one.code,
                    one.why,
                    one.docs,
                    edit,
                ),
            ]
    names = ", ".join(service.name for service in project.services) or "none"
    checks.append(
        good(LINK, "file", f"{len(RULES)} rules were held against the services that are built here: {names}")
    )
    checks.append(
        unseen(
            LINK,
            "inside",
            "what happens in the containers: docker compose exec SERVICE threemaps doctor --pid 1",
        )
    )
    return checks


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
