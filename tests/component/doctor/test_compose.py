"""A docker-compose.yml beside the service, broken as people break it, and mended as the doctor says."""

import json
import os
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.component.doctor.test_service import STANDIN, diagnose
from tests.component.doctor.workshop import follow
from threemaps.doctor.check import Check

WORDS = ["docker", "compose", "up", "backend"]
DOCKERFILE = 'FROM python:3.12-slim\nCMD ["opentelemetry-instrument", "python", "app.py"]\n'
COMPOSE = """services:
  backend:
    build: .
    environment:
      OTEL_SERVICE_NAME: backend
      OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf
      OTEL_EXPORTER_OTLP_ENDPOINT: http://collector:4318
"""
DIRECT = """services:
  backend:
    build: .
    environment:
      OTEL_SERVICE_NAME: backend
      OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf
      OTEL_EXPORTER_OTLP_ENDPOINT: https://api.honeycomb.io
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    return tmp_path


def look(project: Path, **environ: str) -> Check:
    return diagnose(
        WORDS, {"DOCKER_HOST": "unix:///nowhere", "PATH": os.environ["PATH"], **environ}, project
    )[-1]


def test_right_project(project: Path) -> None:
    assert look(project).ok


@pytest.mark.parametrize(
    "command",
    [
        "command: python app.py",
        'command: "python app.py"',
        'command: ["python", "app.py"]',
        "command: [python, app.py]",
        "command:\n      - python\n      - app.py",
    ],
)
def test_command_that_skips_the_launcher(project: Path, command: str) -> None:
    file = project / "docker-compose.yml"
    file.write_text(COMPOSE + f"    {command}\n")
    found = look(project)
    assert "skips the image's opentelemetry-instrument" in found.detail
    follow(found.next_step, WORDS, os.environ, project)
    assert "opentelemetry-instrument" in str(
        yaml.safe_load(file.read_text())["services"]["backend"]["command"]
    )
    assert look(project).ok


@pytest.mark.parametrize("cmd", ['CMD ["python", "app.py"]', "CMD python app.py"])
def test_image_without_the_launcher(project: Path, cmd: str) -> None:
    (project / "Dockerfile").write_text(f"FROM python:3.12-slim\n{cmd}\n")
    found = look(project)
    assert "python app.py starts without opentelemetry-instrument" in found.detail
    follow(found.next_step, WORDS, os.environ, project)
    assert look(project).ok


def test_image_whose_code_sets_tracing_up_itself(project: Path) -> None:
    (project / "Dockerfile").write_text('FROM python:3.12-slim\nCMD ["python", "app.py"]\n')
    (project / "app.py").write_text("from opentelemetry import trace\ntrace.set_tracer_provider(provider)\n")
    assert look(project).ok


def test_reloader_in_the_container(project: Path) -> None:
    file = project / "docker-compose.yml"
    file.write_text(COMPOSE + "    command: opentelemetry-instrument python3 -m flask run --debug\n")
    found = look(project)
    assert "service backend: --debug starts the reloader" in found.detail
    file.write_text(COMPOSE + "    command: opentelemetry-instrument python3 -m flask run\n")
    assert look(project).ok


def test_key_that_never_reached_the_container(project: Path) -> None:
    file = project / "docker-compose.yml"
    file.write_text(DIRECT + "      OTEL_EXPORTER_OTLP_HEADERS: x-honeycomb-team=${HONEYCOMB_API_KEY}\n")
    found = look(project)
    assert "OTEL_EXPORTER_OTLP_HEADERS needs HONEYCOMB_API_KEY, which is not set" in found.detail
    follow(found.next_step, WORDS, os.environ, project)
    assert look(project).ok


def test_direct_export_without_the_team_header(project: Path) -> None:
    file = project / "docker-compose.yml"
    file.write_text(DIRECT)
    found = look(project)
    assert "without x-honeycomb-team" in found.detail
    assert "docker-compose.yml, service backend" in found.next_step
    file.write_text(DIRECT + "      OTEL_EXPORTER_OTLP_HEADERS: x-honeycomb-team=KEY\n")
    assert look(project).ok


def test_container_that_sends_to_itself(project: Path) -> None:
    file = project / "docker-compose.yml"
    file.write_text(COMPOSE.replace("collector:4318", "localhost:4318"))
    found = look(project)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 is the container itself" in found.detail
    follow(found.next_step, WORDS, os.environ, project)
    assert look(project).ok


class Engine(socketserver.ThreadingUnixStreamServer):
    """The three answers of Docker's engine that the doctor asks for."""

    daemon_threads = True

    def __init__(self, path: str, created: str, environ: list[str]) -> None:
        self.answers: dict[str, Any] = {
            "/containers/json": [{"Id": "c1"}],
            "/containers/c1/json": {"Image": "sha256:1", "Config": {"Env": environ}},
            "/images/sha256:1/json": {"Created": created},
        }
        super().__init__(path, Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    server: Engine

    def address_string(self) -> str:
        return "local"

    def do_GET(self) -> None:
        body = json.dumps(self.server.answers[self.path.partition("?")[0]]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def engines() -> Iterator[list[Engine]]:
    running: list[Engine] = []
    yield running
    for engine in running:
        engine.shutdown()
        engine.server_close()


RUNS_WITH = [line.strip().replace(": ", "=", 1) for line in COMPOSE.splitlines() if "OTEL_" in line]


def test_image_that_was_not_rebuilt(project: Path, engines: list[Engine]) -> None:
    path = str(project / "docker.sock")
    engines.append(Engine(path, "2020-01-01T00:00:00.123456789Z", RUNS_WITH))
    found = look(project, DOCKER_HOST=f"unix://{path}")
    assert "Dockerfile is newer than the image: it was not rebuilt" in found.detail
    assert found.next_step == "docker compose up -d --build backend"
    engines[0].answers["/images/sha256:1/json"]["Created"] = "2999-01-01T00:00:00Z"
    assert look(project, DOCKER_HOST=f"unix://{path}").ok


def test_variable_set_after_the_container_started(project: Path, engines: list[Engine]) -> None:
    path = str(project / "docker.sock")
    engines.append(Engine(path, "2999-01-01T00:00:00Z", RUNS_WITH[1:]))
    found = look(project, DOCKER_HOST=f"unix://{path}")
    assert "OTEL_SERVICE_NAME was set after the container started" in found.detail
    engines[0].answers["/containers/c1/json"]["Config"]["Env"] = RUNS_WITH
    assert look(project, DOCKER_HOST=f"unix://{path}").ok


def test_a_service_in_the_same_folder_is_looked_at_with_it(project: Path) -> None:
    (project / "docker-compose.yml").write_text(COMPOSE + "    command: python app.py\n")
    found = diagnose(["python", "app.py"], {**os.environ, "DOCKER_HOST": "unix:///nowhere"}, project)[-1]
    assert found.link == "compose"
    assert STANDIN not in found.detail
