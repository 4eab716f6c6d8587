"""A docker-compose.yml beside the service, broken as people break it, and mended as the doctor says."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from threemaps.doctor.check import Check
from threemaps.doctor.compose import check_compose
from threemaps.doctor.rules.base import Edit
from threemaps.settings import LOCAL_INGEST_KEY

WORDS = ["docker", "compose", "up", "backend"]
DOCKERFILE = 'FROM python:3.12-slim\nCMD ["opentelemetry-instrument", "python", "app.py"]\n'
COMPOSE = """services:
  backend:
    build: .
    environment:
      OTEL_SERVICE_NAME: backend
      OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf
      OTEL_EXPORTER_OTLP_ENDPOINT: http://collector:4318
  collector:
    image: otel/opentelemetry-collector-contrib:0.152.0
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
    """The broken link, or the last that holds. No Docker is on the path: the file itself is read."""
    checks = check_compose(WORDS, {"PATH": "/nowhere", **environ}, project)
    assert [one.detail for one in checks if not one.looked], "what was not looked at has to be said"
    return next((one for one in checks if not one.ok), checks[-1])


def follow(check: Check, project: Path) -> None:
    if check.edit:
        edit = {**check.edit, "file": Path(str(check.edit["file"]))}
        Edit(**edit).apply()  # type: ignore[arg-type]
    else:
        typed = check.next_step.partition(" && docker compose")[0].replace("YOUR_VALUE", LOCAL_INGEST_KEY)
        subprocess.run(["bash", "-c", typed], cwd=project, check=True)


def test_right_project(project: Path) -> None:
    assert look(project).ok


def with_command(command: str) -> str:
    return COMPOSE.replace("    build: .\n", f"    build: .\n    {command}\n")


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
    file.write_text(with_command(command))
    found = look(project)
    assert "skips the image's opentelemetry-instrument" in found.detail
    follow(found, project)
    assert "opentelemetry-instrument" in str(
        yaml.safe_load(file.read_text())["services"]["backend"]["command"]
    )
    assert look(project).ok


@pytest.mark.parametrize("cmd", ['CMD ["python", "app.py"]', "CMD python app.py"])
def test_image_without_launcher_and_sdk(project: Path, cmd: str) -> None:
    (project / "Dockerfile").write_text(f"FROM python:3.12-slim\n{cmd}\n")
    (project / "requirements.txt").write_text("flask\n")
    found = look(project)
    assert "python app.py has no opentelemetry-instrument, and requirements.txt names no SDK" in found.detail
    for _ in range(3):  # the launcher, then its two packages
        follow(look(project), project)
    assert look(project).ok


def test_image_whose_code_may_set_tracing_up(project: Path) -> None:
    """Nobody reads the code for that, and nobody calls it good."""
    (project / "Dockerfile").write_text('FROM python:3.12-slim\nCMD ["python", "app.py"]\n')
    (project / "requirements.txt").write_text("flask\nopentelemetry-sdk\n")
    found = look(project)
    assert not found.looked
    assert found.detail.startswith(
        "backend: whether its code sets up the tracing; threemaps doctor -- python"
    )


def test_key_that_never_reached_the_container(project: Path) -> None:
    file = project / "docker-compose.yml"
    file.write_text(DIRECT + "      OTEL_EXPORTER_OTLP_HEADERS: x-honeycomb-team=${HONEYCOMB_API_KEY}\n")
    found = look(project)
    assert "OTEL_EXPORTER_OTLP_HEADERS needs HONEYCOMB_API_KEY, which is not set" in found.detail
    follow(found, project)
    assert look(project).ok


def test_container_that_sends_to_itself(project: Path) -> None:
    file = project / "docker-compose.yml"
    file.write_text(COMPOSE.replace("collector:4318", "localhost:4318"))
    found = look(project)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 is the container itself" in found.detail
    follow(found, project)
    assert look(project).ok


TAKEN = "      OTEL_EXPORTER_OTLP_ENDPOINT: http://collector:4318\n"
LISTED = "      - OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317\n"


@pytest.mark.parametrize(
    ("edit", "says", "heals"),
    [
        (
            ("    build: .\n", "    build: .\n   environment: [\n"),
            r"docker-compose.yml:\d+ cannot be read",
            False,
        ),
        (("    environment:\n", "    environment:\n      - A: 1\n"), "cannot be read", False),
        (
            (
                "      OTEL_SERVICE_NAME: backend\n      OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf\n"
                + TAKEN,
                "      - OTEL_SERVICE_NAME = backend\n" + LISTED,
            ),
            "blanks around its =",
            True,
        ),
        (
            (TAKEN, TAKEN + '      OTEL_EXPORTER_OTLP_HEADERS: "x-honeycomb-team={HONEYCOMB_API_KEY}"\n'),
            r"the \$ before it is missing",
            True,
        ),
        (("http://collector:4318", "http://colector:4318"), "none is called 'colector': .*collector", True),
        (
            ("  collector:\n    image: otel/opentelemetry-collector-contrib:0.152.0\n", ""),
            "none is called 'collector'",
            True,
        ),
        (("    environment:\n", "    enviroment:\n"), "Compose knows no 'enviroment'", True),
        (("services:\n", "service:\n"), "Compose knows no 'service'", True),
        (("    build: .\n", "\tbuild: .\n"), r"docker-compose.yml:\d+ cannot be read", True),
        (("  collector:\n", "collector:\n"), "collector stands beside `services:`", True),
        (
            ("    build: .\n", "    build: .\n    env_file: .env.local\n"),
            "env_file .env.local is not there",
            True,
        ),
        (
            ("    build: .\n", "    build: .\n    entrypoint: python app.py\n"),
            "entrypoint: 'python app.py' skips",
            True,
        ),
        (("0.152.0\n", "0.152.0\n    profiles: [otel]\n"), "only starts with the profile otel", False),
        (("0.152.0\n", "0.152.0\n    networks: [back]\n"), "in the network back, not in default", True),
        (
            ("0.152.0\n", "0.152.0\n    networks:\n      - back\n"),
            "in the network back, not in default",
            True,
        ),
        (("    build: .\n", "    build: .\n    network_mode: host\n"), "is in the host's network", True),
        ((TAKEN, ""), "OTEL_EXPORTER_OTLP_ENDPOINT is not set: spans go to localhost:4318", True),
        (
            (TAKEN, TAKEN + "      AWS_XRAY_DAEMON_ADDRESS: collector\n"),
            "DAEMON_ADDRESS=collector has no port",
            True,
        ),
        (
            (
                "      OTEL_SERVICE_NAME: backend\n      OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf\n"
                + TAKEN,
                "      - OTEL_SERVICE_NAME: backend\n" + LISTED,
            ),
            "is no NAME=value",
            True,
        ),
    ],
)
def test_a_file_broken_as_people_break_it(
    project: Path, edit: tuple[str, str], says: str, heals: bool
) -> None:
    file = project / "docker-compose.yml"
    assert edit[0] in COMPOSE
    file.write_text(COMPOSE.replace(*edit))
    found = look(project, HONEYCOMB_API_KEY=LOCAL_INGEST_KEY)
    assert re.search(says, found.detail), found
    assert found.next_step
    if heals:
        follow(found, project)
        assert look(project, HONEYCOMB_API_KEY=LOCAL_INGEST_KEY).ok


def test_variables_under_a_service_that_runs_no_python(project: Path) -> None:
    (project / "web").mkdir()
    (project / "web" / "Dockerfile").write_text('FROM node:22\nCMD ["npm", "start"]\n')
    lines = COMPOSE.replace("    build: .\n    environment:", "    build: web\n    environment:")
    (project / "docker-compose.yml").write_text(
        lines.replace("backend:", "frontend:") + "  backend:\n    build: .\n"
    )
    found = look(project)
    assert "stand under frontend, which runs no Python; backend does" in found.detail


def test_requirements_without_the_packages(project: Path) -> None:
    (project / "requirements.txt").write_text("flask\n")
    found = look(project)
    assert "does not name opentelemetry-distro" in found.detail
    follow(found, project)
    follow(look(project), project)
    assert look(project).ok


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (
            ("http://collector:4318", "collector:4318"),
            "OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318 lacks its scheme",
        ),
        (("http/protobuf", "http/json"), "OTEL_EXPORTER_OTLP_PROTOCOL=http/json: Python has grpc"),
        ((TAKEN, TAKEN + "      OTEL_TRACES_SAMPLER: always_off\n"), "always_off drops every trace"),
        ((TAKEN, TAKEN + '      OTEL_SDK_DISABLED: "true"\n'), "OTEL_SDK_DISABLED=true"),
    ],
)
def test_the_rules_on_variables_hold_in_containers_too(
    project: Path, edit: tuple[str, str], says: str
) -> None:
    (project / "docker-compose.yml").write_text(COMPOSE.replace(*edit))
    found = look(project)
    assert found.detail.startswith("docker-compose.yml, service backend: ")
    assert says in found.detail
    follow(found, project)
    assert look(project).ok


HTTP = "http:\n        endpoint: 0.0.0.0:4318"
COLLECTOR = """receivers:
  otlp:
    protocols:
      http:
        endpoint: 0.0.0.0:4318
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
"""


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (("", ""), ""),
        (("\n        endpoint: 0.0.0.0:4318", ""), "listens on localhost:4318, not on 0.0.0.0"),
        ((HTTP, "http: {}"), "listens on localhost:4318"),
        (("0.0.0.0:4318", "127.0.0.1:4318"), "listens on 127.0.0.1:4318"),
        (
            ("http:\n        endpoint: 0.0.0.0:4318", "grpc:\n        endpoint: 0.0.0.0:4317"),
            "spans come over http",
        ),
        (
            ("protocols:\n      http:\n        endpoint: 0.0.0.0:4318", "protocols: {grpc: {}}"),
            "spans come over http",
        ),
        (("receivers: [otlp]", "receivers: [zipkin]"), "no pipeline for traces has the receiver otlp"),
    ],
)
def test_a_collector_that_takes_nothing(project: Path, edit: tuple[str, str], says: str) -> None:
    """The configuration that the collector of the project mounts."""
    mounted = "    command: [--config=/etc/otel.yaml]\n    volumes: ['./otel.yaml:/etc/otel.yaml:ro']\n"
    (project / "docker-compose.yml").write_text(COMPOSE + mounted)
    (project / "otel.yaml").write_text(COLLECTOR.replace(*edit) if says else COLLECTOR)
    found = look(project)
    assert says in found.detail
    if says:
        assert not found.ok
        follow(found, project)
        assert look(project).ok


def test_a_collector_without_its_file(project: Path) -> None:
    mounted = "    volumes: ['./otle.yaml:/etc/otelcol-contrib/config.yaml']\n"
    (project / "docker-compose.yml").write_text(COMPOSE + mounted)
    (project / "otel.yaml").write_text(COLLECTOR)
    found = look(project)
    assert "its configuration otle.yaml is not there" in found.detail
    follow(found, project)
    assert look(project).ok
