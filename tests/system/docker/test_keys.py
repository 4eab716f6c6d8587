"""Keys in `.env` reach whom they are for, and nobody where nothing goes out."""

import json
from pathlib import Path

import pytest

from tests.system.docker.stack import Stack

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]

PLANTED = {
    "HONEYCOMB_API_KEY": "planted-ingest",
    "HONEYCOMB_CONFIGURATION_KEY": "planted-configuration",
    "HONEYCOMB_API_ENDPOINT": "http://honeycomb:8081",
    "AWS_ACCESS_KEY_ID": "planted-access",
    "AWS_SECRET_ACCESS_KEY": "planted-secret",
    "AWS_SESSION_TOKEN": "planted-session",
    "AWS_REGION": "eu-central-1",
    "ROLLBAR_ACCESS_TOKEN": "planted-rollbar",
}
SECRETS = [value for value in PLANTED.values() if value.startswith("planted-")]


def initialised(stack: Stack, folder: Path, backends: str) -> Stack:
    """Every container made, and the values written; nothing else has to run."""
    stack.env_file = folder / "env"
    names = folder / "names"
    names.write_text("10.0.3.7:8080 = payments-elsewhere\n")
    lines = {**PLANTED, "THREEMAPS_BACKENDS": backends, "THREEMAPS_NAMES": str(names)}
    stack.env_file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    stack.ok("create", "--build")
    stack.ok("up", "init")
    environments = {name: json.dumps(one["Config"]) for name, one in stack.containers().items()}
    told = {name for name, text in environments.items() if any(secret in text for secret in SECRETS)}
    assert told == {"init"}
    return stack


def where(stack: Stack) -> dict[str, set[str]]:
    return {secret: files for secret in SECRETS if (files := stack.files_with(secret))}


def test_local_mode_passes_on_nothing(created: Stack, tmp_path: Path) -> None:
    stack = initialised(created, tmp_path, "local")
    assert stack.files_with("local-ingest-key") == {"run/honeycomb_api_key"}
    assert stack.files_with("payments-elsewhere") == {"run/names"}
    assert where(stack) == {}


def test_honeycomb_alone(created: Stack, tmp_path: Path) -> None:
    assert where(initialised(created, tmp_path, "honeycomb")) == {
        "planted-ingest": {"run/honeycomb_api_key"},
        "planted-configuration": {"page/reading.env"},
    }


def test_aws_alone(created: Stack, tmp_path: Path) -> None:
    both = {"run/aws_credentials", "page/reading.env"}
    assert where(initialised(created, tmp_path, "aws")) == {
        "planted-access": both,
        "planted-secret": both,
        "planted-session": both,
    }
    assert created.files_with("eu-central-1") >= {"run/AWS_REGION", "run/AWS_ENDPOINT_URL_XRAY"}


def test_a_backend_that_does_not_exist(created: Stack, tmp_path: Path) -> None:
    created.env_file = tmp_path / "env"
    created.env_file.write_text("THREEMAPS_BACKENDS=datadog\n")
    done = created.run("up", "--detach", "--wait")
    assert done.returncode != 0
    assert "'datadog' is no backend" in created.ok("logs", "init")
    assert "Traceback" not in created.ok("logs", "init")
