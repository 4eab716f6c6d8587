"""Other people's clients, each in an environment of its own; `make test-tools` makes them.

Their packages would change what the project's own environment holds: AWS's distro pins OpenTelemetry, AWS CLI
pins botocore.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.needs import missing
from threemaps.demo.lock import exclusive

INSTALL_SECONDS = 600


@dataclass(frozen=True)
class Environment:
    """`packages` with their versions, and the file that is there once they are installed."""

    name: str
    packages: tuple[str, ...]
    proof: str
    command: Callable[["Environment"], Sequence[Sequence[str]]]

    @property
    def folder(self) -> Path:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base) / "threemaps" / "foreign" / self.name

    def found(self) -> bool:
        return (self.folder / self.proof).exists()

    def path(self, *parts: str) -> Path:
        """A file in it; the test is skipped where there is no such environment."""
        if not self.found():
            missing(f"{self.name} ({', '.join(self.packages)}), in an environment of its own,")
        return self.folder.joinpath(*parts)

    def make(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self.folder.parent / "lock", lambda: None):
            if self.found():
                return
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()
            for command in self.command(self):
                subprocess.run(command, cwd=self.folder, check=True, timeout=INSTALL_SECONDS)


def pip(environment: Environment) -> Sequence[Sequence[str]]:
    python = str(environment.folder / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return ([sys.executable, "-m", "venv", str(environment.folder)], [*install, *environment.packages])


def npm(environment: Environment) -> Sequence[Sequence[str]]:
    return (
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", ".", *environment.packages],
    )


DISTRO = Environment(
    "aws-distro",
    (
        "aws-opentelemetry-distro==0.21.0",
        "opentelemetry-instrumentation-flask",
        "opentelemetry-instrumentation-requests",
        "flask",
        "requests",
    ),
    "bin/opentelemetry-instrument",
    pip,
)
AWS_CLI = Environment("aws-cli", ("awscli==1.46.3",), "bin/aws", pip)
NODE = Environment(
    "aws-sdk-js",
    ("@aws-sdk/client-application-signals@3.1006.0", "@aws-sdk/client-cloudwatch@3.1006.0"),
    "node_modules/@aws-sdk/client-application-signals/package.json",
    npm,
)
MCP_SDK = Environment(
    "mcp-sdk-js",
    ("@modelcontextprotocol/sdk@1.32.2",),
    "node_modules/@modelcontextprotocol/sdk/package.json",
    npm,
)


def run_javascript(environment: Environment, script: str, *arguments: str, environ: Any = None) -> str:
    """What the script prints. It lies beside the packages that it imports, as Node wants it."""
    environment.path("node_modules")
    with tempfile.NamedTemporaryFile("w", suffix=".mjs", dir=environment.folder) as file:
        file.write(script)
        file.flush()
        command = ["node", file.name, *arguments]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    return done.stdout


# What Honeycomb's Python client needs; its own source is in the checkout whose tests are run.
HONEYCOMB_API = Environment("honeycomb-api", ("honeycomb-api", "pytest", "pytest-asyncio"), "bin/pytest", pip)
# Moto itself, for its tests' helpers; the tests are those of the checkout.
MOTO = Environment("moto", ("moto[server]==5.2.5", "pytest", "freezegun"), "bin/moto_server", pip)
ENVIRONMENTS = (DISTRO, AWS_CLI, NODE, MCP_SDK, HONEYCOMB_API, MOTO)
