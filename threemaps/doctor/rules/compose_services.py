"""TM90x and TM91x, too: is a service traced, by its command, its packages, and its image?"""

import re
import shlex

from threemaps.doctor.compose_file import Service
from threemaps.doctor.files import text_of
from threemaps.doctor.packages import read_requirements
from threemaps.doctor.rules.base import Edit, Found
from threemaps.doctor.rules.compose import UP, Asked, below, line_of, rewrite, rule
from threemaps.doctor.subject import LAUNCHER

SDK = re.compile(r"opentelemetry-(sdk|distro|exporter)|aws-xray-sdk")


def is_python(service: Service) -> bool:
    words = " ".join((*service.argv, text_of(service.dockerfile)))
    return re.search(r"python|gunicorn|flask|uvicorn", words) is not None


def is_configured(service: Service) -> bool:
    return any(name.startswith("OTEL_") for name in service.environ)


@rule("TM905", "wrong-service", "a variable reaches the service under which it stands, and no other one")
def wrong_service(asked: Asked) -> Found | None:
    wrong = next((one for one in asked.traced if not is_python(one) and is_configured(one)), None)
    right = next((one for one in asked.project.services if is_python(one) and one not in asked.traced), None)
    if wrong is None or right is None:
        return None
    values = {name: value for name, value in wrong.environ.items() if name.startswith("OTEL_")}
    names = ", ".join(values)
    seen = f"{names} stand under {wrong.name}, which runs no Python; {right.name} does, and has none"
    return Found(seen, f"{UP} {right.name}", below(right, values))


@rule("TM906", "skips-launcher", "`command:` replaces the image's CMD, launcher and all")
def skips_launcher(asked: Asked) -> Found | None:
    for service in asked.project.services:
        if (
            service.command
            and starts_launcher(service.image_command)
            and not starts_launcher(service.command)
        ):
            command = shlex.join(service.command)
            seen = f"{service.place}: {service.key}: {command!r} skips the image's {LAUNCHER}"
            edit = launched_edit(service)
            return Found(seen, "" if edit else f"remove {service.key}: from {service.place}", edit)
    return None


def starts_launcher(command: tuple[str, ...]) -> bool:
    return any(LAUNCHER in word for word in command)


def launched_edit(service: Service) -> Edit | None:
    """The line of `command:` with the launcher in it, in each of the ways to write one."""
    key, lines = service.key, text_of(service.file).splitlines()
    number = line_of(service.file, rf"^\s*{key}:", service.name)
    if not number:
        return None
    line = lines[number - 1]
    if re.search(rf"{key}:\s*\[", line):
        return Edit(service.file, number, "replace", line.replace("[", f'["{LAUNCHER}", ', 1))
    if re.search(rf"{key}:\s*$", line) and number < len(lines):
        indent = lines[number].partition("-")[0]
        return Edit(service.file, number, "after", f"{indent}- {LAUNCHER}")
    return rewrite(service.file, number, rf"({key}:\s*[\"']?)", rf"\1{LAUNCHER} ")


@rule("TM907", "no-launcher", "spans are made by the launcher, or by an SDK that the code sets up")
def no_launcher(asked: Asked) -> Found | None:
    """Where the image has no SDK either. What code does with one is seen from inside only."""
    for service in asked.traced:
        file = service.context / "requirements.txt"
        if (
            not not_launched(service)
            or not file.is_file()
            or SDK.search(text_of(file) + text_of(service.dockerfile))
        ):
            continue
        seen = f"{service.place}: {shlex.join(service.argv)} has no {LAUNCHER}, and {file.name} names no SDK"
        if service.command:
            return Found(seen, write=launched_edit(service))
        number = line_of(service.dockerfile, r"^CMD\b")
        is_list = re.search(r"^CMD\s*\[", text_of(service.dockerfile), re.MULTILINE)
        words = f'"{LAUNCHER}", ' if is_list else f"{LAUNCHER} "
        return Found(seen, write=rewrite(service.dockerfile, number, r"^CMD (\[?)(\s*)", rf"CMD \1\2{words}"))
    return None


def not_launched(service: Service) -> bool:
    """It is to send spans, and its command starts no launcher."""
    return (
        bool(service.argv)
        and is_configured(service)
        and is_python(service)
        and not starts_launcher(service.argv)
    )


@rule("TM908", "no-packages", "what requirements.txt does not name is not in the image")
def no_packages(asked: Asked) -> Found | None:
    for service in asked.traced:
        file = service.context / "requirements.txt"
        by_image = re.search(
            r"opentelemetry-(distro|bootstrap)|aws-opentelemetry", text_of(service.dockerfile)
        )
        if not file.is_file() or not starts_launcher(service.argv) or by_image:
            continue
        names = {one.name.lower().replace("_", "-") for one in read_requirements(text_of(file).splitlines())}
        for wanted in ("opentelemetry-distro", "opentelemetry-exporter-otlp"):
            if not any(one.startswith(wanted) for one in names):
                step = f"echo {wanted} >> {shlex.quote(str(file))} && {UP} {service.name}"
                return Found(f"{service.place}: {file.name} does not name {wanted}", type=step)
    return None


@rule("TM918", "container-ended", "a container that has ended sends nothing")
def container_ended(asked: Asked) -> Found | None:
    for service in asked.project.services:
        container = asked.container(service)
        if container and container.ended is not None:
            seen = f"{service.place}: its container ended with {container.ended}"
            return Found(seen, type=f"docker compose logs --tail 20 {service.name}")
    return None


@rule("TM911", "old-image", "a container runs what its image was built of")
def old_image(asked: Asked) -> Found | None:
    for service in asked.project.services:
        container = asked.container(service)
        if container is None:
            continue
        for file in (service.dockerfile, service.context / "requirements.txt"):
            if container.built and file.is_file() and file.stat().st_mtime > container.built:
                seen = f"{service.place}: {file.name} is newer than the image: it was not rebuilt"
                return Found(seen, type=f"{UP} {service.name}")
        for name, value in service.environ.items():
            if re.match(r"OTEL_|HONEYCOMB_", name) and value and container.environ.get(name) != value:
                seen = f"{service.place}: {name} was set after the container started, and never reached it"
                return Found(seen, type=f"docker compose up -d {service.name}")
    return None
