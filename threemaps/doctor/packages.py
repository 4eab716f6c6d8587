"""What an interpreter has installed, read from its package metadata: nothing of it is imported here."""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ASK = "import json, sys; print(json.dumps({'path': sys.path, 'version': list(sys.version_info[:3])}))"
VARIABLE = re.compile(r"\bOTEL_[A-Z][A-Z0-9_]+")


@dataclass(frozen=True)
class Packages:
    """The distributions on one interpreter's path, by their canonical name."""

    found: Mapping[str, Distribution]
    path: tuple[Path, ...]
    trouble: str = ""  # why the interpreter could not be asked

    def has(self, name: str) -> bool:
        return canonicalize_name(name) in self.found

    def version(self, name: str) -> str:
        distribution = self.found.get(canonicalize_name(name))
        return str(distribution.version) if distribution else ""

    def entry_points(self, group: str) -> dict[str, str]:
        """Entry point → the distribution that brings it."""
        return {
            point.name: name
            for name, distribution in self.found.items()
            for point in distribution.entry_points
            if point.group == group
        }

    def unmet(self, prefix: str = "opentelemetry-") -> list[str]:
        """What these packages require of each other and do not have."""
        return [
            f"{name} {distribution.version} needs {requirement.name}{requirement.specifier}, "
            f"and {self.version(requirement.name) or 'none'} is installed"
            for name, distribution in sorted(self.found.items())
            if name.startswith(prefix)
            for requirement in required(distribution)
            if requirement.name.lower().startswith(prefix) and not self.meets(requirement)
        ]

    def meets(self, requirement: Requirement) -> bool:
        version = self.version(requirement.name)
        return bool(version) and requirement.specifier.contains(version, prereleases=True)

    def variables(self) -> set[str]:
        """Every OTEL_ variable that the installed packages read."""
        names: set[str] = set()
        for folder in self.path:
            for file in folder.glob("opentelemetry/**/environment_variables*"):
                module = file / "__init__.py" if file.is_dir() else file
                if module.suffix == ".py" and module.exists():
                    names.update(VARIABLE.findall(module.read_text(encoding="utf-8")))
        return names

    def near_module(self, module: str) -> str:
        """The module of an installed OpenTelemetry package that was meant."""
        files = (
            str(file)
            for name, one in self.found.items()
            if name.startswith("opentelemetry")
            for file in one.files or ()
        )
        known = {
            file.removesuffix("/__init__.py").replace("/", ".")
            for file in files
            if file.endswith("/__init__.py")
        }
        parents = {".".join(one.split(".")[:size]) for one in known for size in range(1, one.count(".") + 2)}
        return next(iter(get_close_matches(module, sorted(parents), n=1, cutoff=0.85)), "")


def package_of(module: str) -> str:
    """The package to install for a module that is missing."""
    parts = module.replace("_", "-").split(".")
    if parts[:3] == ["opentelemetry", "exporter", "otlp"]:
        return "opentelemetry-exporter-otlp"
    if parts[0] != "opentelemetry":
        return parts[0]
    return "-".join(parts[:3] if parts[1:2] in (["instrumentation"], ["exporter"]) else parts[:2])


def required(distribution: Distribution) -> list[Requirement]:
    """The requirements that hold without any extra, on this machine."""
    found = []
    for line in distribution.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found.append(requirement)
    return found


# What decides which packages an interpreter sees. The service's keys are none of its business.
FOR_AN_INTERPRETER = ("CONDA_", "HOME", "LANG", "LC_", "LD_", "PATH", "PYENV_", "PYTHON", "VIRTUAL_ENV")


def of_interpreter(interpreter: Path, environ: Mapping[str, str], folder: Path) -> Packages:
    """Asks the interpreter for its path, without waking the launcher's hook."""
    python_path = [
        part for part in environ.get("PYTHONPATH", "").split(os.pathsep) if "auto_instrumentation" not in part
    ]
    needed = {name: value for name, value in environ.items() if name.startswith(FOR_AN_INTERPRETER)}
    quiet = {**needed, "PYTHONPATH": os.pathsep.join(python_path), "OTEL_SDK_DISABLED": "true"}
    try:
        answer = subprocess.run(
            [interpreter, "-c", ASK],
            env=quiet,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        path = json.loads(answer.stdout.splitlines()[-1])["path"]
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        return Packages({}, (), trouble=str(error))
    return read_packages([folder / part for part in path])


USUAL = ("/usr/local", "/usr", "/opt/venv", "/venv", "/.venv", "/app/.venv", "/app/venv", "/code/.venv")


def of_root(root: Path, environ: Mapping[str, str]) -> Packages:
    """The packages of a container, found by looking: its interpreter cannot be run from out here."""
    named = [
        str(Path(one).parent) for one in environ.get("PATH", "").split(os.pathsep) if one.endswith("bin")
    ]
    folders = [root / one.lstrip("/") for one in environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    for prefix in dict.fromkeys((environ.get("VIRTUAL_ENV") or "/usr/local", *named, *USUAL)):
        for kind in ("site-packages", "dist-packages"):
            folders += sorted(root.glob(f"{prefix.strip('/') or '.'}/lib/python3*/{kind}"))
    found = read_packages(folders)
    return found if found.found else replace(found, trouble=f"none were found below {root}")


def read_packages(folders: Sequence[Path]) -> Packages:
    found: dict[str, Distribution] = {}
    for distribution in distributions(path=[str(folder) for folder in folders]):
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(canonicalize_name(name), distribution)
    return Packages(found, tuple(folders))


def read_requirements(lines: Iterable[str]) -> list[Requirement]:
    """The plain lines of a requirements.txt; options, links and hashes are pip's business."""
    found = []
    for line in lines:
        text = line.split(" #")[0].split("--hash")[0].strip().rstrip("\\").strip()
        if not text or text.startswith(("#", "-")):
            continue
        try:
            found.append(Requirement(text))
        except InvalidRequirement:
            continue
    return found
