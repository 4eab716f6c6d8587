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
    """`pid` is its first process, as this machine numbers it; 0 while it does not run."""

    image: str
    environ: Mapping[str, str]
    pid: int = 0


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
    """The container that docker compose runs for this service of this folder."""
    labels = [
        f"com.docker.compose.service={service}",
        f"com.docker.compose.project.working_dir={project.resolve()}",
    ]
    found = get(f"/containers/json?filters={quote(json.dumps({'label': labels}))}", environ)
    if not found:
        return None
    body = get(f"/containers/{found[0]['Id']}/json", environ)
    if not body:
        return None
    pairs = (pair.partition("=") for pair in body["Config"].get("Env") or ())
    environment = {name: value for name, _, value in pairs}
    return Container(body["Image"], environment, int(body.get("State", {}).get("Pid", 0)))


def image_of(container: Container, environ: Mapping[str, str]) -> float:
    """When the container's image was built, in seconds since 1970; 0 where it does not say."""
    body = get(f"/images/{container.image}/json", environ) or {}
    try:
        return datetime.fromisoformat(body.get("Created", "")).timestamp()
    except ValueError:
        return 0
