"""A few questions to Docker's engine, over its socket: no client needed, and none started."""

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

SOCKET = "unix:///var/run/docker.sock"
SECONDS = 3


@dataclass(frozen=True, slots=True)
class Container:
    """`pid` is its first process, as this machine numbers it; `ended` its exit code, once it has."""

    image: str
    environ: Mapping[str, str]
    pid: int = 0
    ended: int | None = None


class Engine(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self.path)


def get(path: str, environ: Mapping[str, str]) -> Any:
    """None where no engine answers: then there is nothing to be said about its containers."""
    host = environ.get("DOCKER_HOST") or SOCKET
    if not host.startswith("unix://"):
        return None
    engine = Engine(host.removeprefix("unix://"))
    try:
        engine.request("GET", path)
        answer = engine.getresponse()
        return json.loads(answer.read()) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        engine.close()


def running(project: Path, service: str, environ: Mapping[str, str]) -> Container | None:
    """The container that docker compose runs, or ran, for this service of this folder."""
    labels = [
        f"com.docker.compose.service={service}",
        f"com.docker.compose.project.working_dir={project.resolve()}",
    ]
    found = get(f"/containers/json?all=1&filters={quote(json.dumps({'label': labels}))}", environ)
    if not found:
        return None
    body = get(f"/containers/{found[0]['Id']}/json", environ)
    if not body:
        return None
    pairs = (pair.partition("=") for pair in body["Config"].get("Env") or ())
    environment = {name: value for name, _, value in pairs}
    state = body.get("State", {})
    ended = int(state["ExitCode"]) if state.get("Status") == "exited" else None
    return Container(body["Image"], environment, int(state.get("Pid", 0)), ended)


def image_of(container: Container, environ: Mapping[str, str]) -> float:
    """When the container's image was built, in seconds since 1970; 0 where it does not say."""
    body = get(f"/images/{container.image}/json", environ) or {}
    try:
        return datetime.fromisoformat(body.get("Created", "")).timestamp()
    except ValueError:
        return 0
