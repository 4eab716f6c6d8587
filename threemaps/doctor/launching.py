"""Somebody else's service: is the tracing there, and does it start with the program?"""

import re
import shlex
import shutil
from pathlib import Path

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.discretion import shown
from threemaps.doctor.files import text_of
from threemaps.doctor.packages import Packages, read_requirements
from threemaps.doctor.subject import LAUNCHER, Subject

LINK = "service"
TRACING = re.compile(r"opentelemetry|honeycomb|aws-xray-sdk|aws-opentelemetry")
# Web frameworks and HTTP clients without which a service map has no edges: library → instrumentation.
LIBRARIES = {
    name: f"opentelemetry-instrumentation-{name}"
    for name in ("flask", "django", "fastapi", "starlette", "falcon", "tornado", "requests", "httpx")
}


def check_command(subject: Subject) -> Check:
    """There is a program, and a Python behind it."""
    if subject.is_python:
        return good(LINK, "command", f"{subject.command} runs on {subject.interpreter}")
    if subject.pid is not None and subject.root != Path("/"):
        return good(LINK, "command", f"process {subject.pid} runs {subject.command} in a container")
    detail = f"{subject.argv[0] if subject.argv else 'nothing'!r} is no Python program that can be found"
    return broken(
        LINK, "command", detail, f"command -v {shlex.quote(subject.argv[0])}" if subject.argv else "ps aux"
    )


def check_requirements(subject: Subject) -> Check:
    """What requirements.txt asks for is what runs: if not, the image or the venv is older than the file."""
    file = subject.folder / "requirements.txt"
    if not file.is_file():
        return good(LINK, "requirements", f"no requirements.txt in {subject.folder}")
    wanted = [one for one in read_requirements(text_of(file).splitlines()) if TRACING.match(one.name.lower())]
    missing = [one for one in wanted if not subject.packages.meets(one)]
    if not missing:
        return good(LINK, "requirements", f"the tracing packages of {file.name} are installed")
    has = subject.packages.version(missing[0].name) or "none"
    detail = f"{file.name} asks for {missing[0]}, and {has} is installed"
    if subject.root != Path("/"):
        return broken(
            LINK, "requirements", f"{detail}: the image was not rebuilt", "docker compose up -d --build"
        )
    return broken(LINK, "requirements", detail, f"{subject.pip} -r {shlex.quote(str(file))}")


def check_distro(subject: Subject) -> Check:
    """The SDK, and with the launcher a distro: without one it sets up nothing and says nothing."""
    packages = subject.packages
    if packages.trouble:
        return broken(
            LINK,
            "distro",
            f"{subject.interpreter} cannot be asked: {packages.trouble}",
            f"{subject.interpreter} -V",
        )
    if sends_by_xray_sdk(subject):
        return good(LINK, "distro", f"aws-xray-sdk {packages.version('aws-xray-sdk')}")
    install = f"{subject.pip} opentelemetry-distro opentelemetry-exporter-otlp"
    if set_up_by_hand(subject) and not subject.launched:
        if packages.has("opentelemetry-sdk"):
            return good(LINK, "distro", f"opentelemetry-sdk {packages.version('opentelemetry-sdk')}")
        return broken(
            LINK, "distro", f"opentelemetry-sdk is not installed for {subject.interpreter}", install
        )
    distros = packages.entry_points("opentelemetry_distro")
    if not distros:
        where = subject.interpreter or subject.root
        return broken(LINK, "distro", f"opentelemetry-distro is not installed for {where}", install)
    name = next(iter(distros.values()))
    return good(LINK, "distro", f"{name} {packages.version(name)}")


def check_versions(subject: Subject) -> Check:
    """Instrumentations are released together and pin each other; a mixed set fails on import."""
    unmet = subject.packages.unmet()
    if unmet:
        upgrade = f"{subject.pip} --upgrade {' '.join(pinned(subject.packages))}"
        return broken(LINK, "versions", f"versions that do not go together: {unmet[0]}", upgrade)
    return good(LINK, "versions", "the OpenTelemetry packages go together")


def pinned(packages: Packages) -> list[str]:
    """The packages whose upgrade pulls all others along."""
    return [
        name
        for name in sorted(packages.found)
        if re.match(r"opentelemetry-(distro|instrumentation|exporter-otlp$)", name)
    ]


def check_launched(subject: Subject) -> Check:
    """Something starts the tracing: the launcher, or the program itself."""
    near = launcher_beside(subject)
    if subject.launched and subject.launcher is None and subject.pid is None and not subject.hooked:
        again = f"{subject.pip} --force-reinstall opentelemetry-instrumentation"
        step = f'export PATH="{near.parent}:$PATH"' if near else again
        return broken(LINK, "launcher", f"there is no {LAUNCHER} on the PATH", step)
    if subject.launched:
        return good(LINK, "launcher", f"starts under {LAUNCHER}")
    if sends_by_xray_sdk(subject):
        return good(LINK, "launcher", "the X-Ray SDK is set up in the code")
    hand_made = set_up_by_hand(subject)
    if hand_made:
        return good(LINK, "launcher", f"no launcher; the code sets up a TracerProvider at {hand_made}")
    detail = f"{subject.command!r} does not start under {LAUNCHER}, and its code sets up no TracerProvider"
    on_path = shutil.which(LAUNCHER, path=subject.get("PATH"))
    launcher = shlex.quote(str(near)) if near and not on_path else LAUNCHER
    return broken(LINK, "launcher", detail, f"{launcher} {subject.command}")


def launcher_beside(subject: Subject) -> Path | None:
    """The one that was installed with the interpreter, be it on the PATH or not."""
    near = subject.interpreter.parent / LAUNCHER if subject.interpreter else None
    return near if near and near.is_file() else None


def check_instrumentations(subject: Subject) -> Check:
    """Each library that the service imports has its instrumentation, for a version it knows."""
    if not subject.launched:
        return good(LINK, "instrumentations", "not the launcher's business here")
    packages = subject.packages
    imported = {name.split(".")[0] for source in subject.sources for name in source.names}
    for library, instrumentation in LIBRARIES.items():
        if library not in imported or not packages.has(library):
            continue
        if not packages.has(instrumentation):
            detail = f"{library} is used, and {instrumentation} is not installed: its calls make no spans"
            return broken(LINK, "instrumentations", detail, f"{subject.pip} {instrumentation}")
        known = [one for one in packages.instruments(instrumentation) if packages.has(one.name)]
        if known and not any(packages.meets(one) for one in known):
            version = packages.version(known[0].name)
            detail = f"{instrumentation} knows {known[0].name}{known[0].specifier}, not {version}"
            return broken(LINK, "instrumentations", detail, f"{subject.pip} --upgrade {instrumentation}")
    return good(LINK, "instrumentations", "every library that the code imports and that has one, has its own")


def check_second_provider(subject: Subject) -> Check:
    """The launcher's provider came first, so a second one is refused, its exporter and key with it."""
    place = set_up_by_hand(subject)
    if not (subject.launched and place):
        return good(LINK, "one provider", "one TracerProvider, set up once")
    detail = (
        f"{place} sets up a second TracerProvider beside the launcher's; "
        "only the first one counts, so nothing reaches this one's exporter"
    )
    return broken(LINK, "one provider", detail, shlex.join(shown(subject.argv)))


def set_up_by_hand(subject: Subject) -> str:
    """Where the service's own code installs a TracerProvider, if it does."""
    places = (place for source in subject.sources for place, _ in source.find("set_tracer_provider"))
    return next(places, "")


def sends_by_xray_sdk(subject: Subject) -> bool:
    return not subject.launched and any("aws_xray_sdk.core" in source.names for source in subject.sources)
