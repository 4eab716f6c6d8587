"""What Compose and Docker's client say of a project: its configuration, and its containers."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

SECONDS = 30


@dataclass(frozen=True, slots=True)
class Container:
    """`pid` is its first process, as this machine numbers it; `ended` its exit code, once it has."""

    environ: Mapping[str, str]
    built: float  # its image, in seconds since 1970
    pid: int
    ended: int | None


@dataclass(frozen=True)
class Docker:
    """Asked in the project's folder, with the variables that its user has."""

    file: Path
    environ: Mapping[str, str]

    def ask(self, *words: str) -> subprocess.CompletedProcess[str] | None:
        """None where there is no client, or none that answers in time."""
        program = shutil.which("docker", path=self.environ.get("PATH", os.defpath))
        if program is None:
            return None
        command, environ = [program, *words], dict(self.environ)
        try:
            return subprocess.run(
                command, env=environ, cwd=self.file.parent, capture_output=True, text=True, timeout=SECONDS
            )
        except (OSError, subprocess.SubprocessError):
            return None

    def compose(self, *words: str) -> subprocess.CompletedProcess[str] | None:
        """None where the client has no Compose, too."""
        done = self.ask("compose", "-f", str(self.file), *words)
        lacks = done and re.search(r"unknown (command|flag|shorthand)|is not a docker command", done.stderr)
        return None if lacks else done

    def container(self, service: str) -> Container | None:
        """The newest of this service; None where there is none, or nobody to ask."""
        listed = self.compose("ps", "--all", "--quiet", service)
        if listed is None or listed.returncode or not listed.stdout.split():
            return None
        found = self.inspect(listed.stdout.split()[0])
        image = self.inspect(str(found.get("Image", "")))
        pairs = (pair.partition("=") for pair in found.get("Config", {}).get("Env") or ())
        state = found.get("State", {})
        return Container(
            environ={name: value for name, _, value in pairs},
            built=seconds_of(str(image.get("Created", ""))),
            pid=int(state.get("Pid", 0)),
            ended=int(state["ExitCode"]) if state.get("Status") == "exited" else None,
        )

    def inspect(self, name: str) -> dict[str, Any]:
        done = self.ask("inspect", name)
        return dict(json.loads(done.stdout)[0]) if done and not done.returncode else {}


def seconds_of(stamp: str) -> float:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return 0
