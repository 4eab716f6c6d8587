"""A small service to break, in a folder and a virtual environment of its own."""

import os
import shlex
import subprocess
import venv
import zipfile
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from threemaps.doctor.packages import required

APP = """
import os
from flask import Flask

app = Flask(__name__)


@app.get("/")
def home():
    return "hello"


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
"""
PACKAGES = (
    "flask",
    "gunicorn",
    "opentelemetry-distro",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp",
    "opentelemetry-instrumentation-flask",
)


class Workshop:
    """The packages are those that the tests run with, linked; wheels of the missing ones stand by for pip."""

    def __init__(self, folder: Path, *, without: Iterable[str] = ()) -> None:
        self.folder = folder
        self.venv = folder / ".venv"
        self.bin = self.venv / "bin"
        self.wheels = folder / ".wheels"
        self.wheels.mkdir(parents=True)
        venv.create(self.venv, symlinks=True)
        self.site = next(self.venv.glob("lib/python3*/site-packages"))
        (folder / "app.py").write_text(APP)
        for name in closure((*PACKAGES, "pip")):
            if name in without:
                self.offer(name)
            else:
                link(distribution(name), self.site)
        self.script("opentelemetry-instrument", "opentelemetry.instrumentation.auto_instrumentation", "run")
        self.script("flask", "flask.cli", "main")
        self.script("gunicorn", "gunicorn.app.wsgiapp", "run")

    def script(self, name: str, module: str, function: str) -> None:
        code = (
            f"#!{self.bin / 'python'}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
        )
        (self.bin / name).write_text(code)
        (self.bin / name).chmod(0o755)

    def offer(self, name: str) -> None:
        """A wheel that pip finds without any registry."""
        one = distribution(name)
        stem = canonicalize_name(name).replace("-", "_")
        with zipfile.ZipFile(self.wheels / f"{stem}-{one.version}-py3-none-any.whl", "w") as wheel:
            for inside, path in files(one):
                wheel.write(path, inside)

    def environ(self, **variables: str) -> dict[str, str]:
        return {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            **variables,
        }


def follow(
    advice: str, command: list[str], environ: Mapping[str, str], folder: Path
) -> tuple[list[str], dict[str, str]]:
    """Types what the doctor says. What it leaves behind is the command and the environment to try next."""
    if advice.startswith(("export ", "unset ", "set ", "sed ", "echo ")) or " -m pip install " in advice:
        typed = advice.split(" && docker compose")[0]
        shell = ["bash", "-c", f"{{ {typed}; }} >&2 && env -0"]
        answer = subprocess.run(
            shell, env=dict(environ), cwd=folder, capture_output=True, check=True, timeout=60
        )
        pairs = (pair.partition("=") for pair in answer.stdout.decode().split("\0") if pair)
        return command, {name: value for name, _, value in pairs}
    return shlex.split(advice), dict(environ)


def closure(names: tuple[str, ...]) -> list[str]:
    """These distributions and all that they require."""
    installed = {canonicalize_name(one.metadata["Name"]) for one in distributions()}
    waiting = [canonicalize_name(name) for name in names]
    found: list[str] = []
    while waiting:
        name = waiting.pop()
        if name not in found and name in installed:
            found.append(name)
            waiting += [canonicalize_name(one.name) for one in required(distribution(name))]
    return found


def link(one: Distribution, site: Path) -> None:
    for inside, path in files(one):
        target = site / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            target.symlink_to(path)


def files(one: Distribution) -> list[tuple[str, Path]]:
    """What a distribution put into site-packages."""
    names = [str(name) for name in one.files or () if not str(name).startswith("..")]
    pairs = [(name, Path(os.fspath(one.locate_file(name)))) for name in names if "__pycache__" not in name]
    return [(name, path) for name, path in pairs if path.is_file()]
