"""The docker-compose.yml beside somebody else's service: what its container will really run and get."""

import re
import shlex
from functools import partial

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.compose_file import Service, services
from threemaps.doctor.destination import check_endpoint, check_protocol
from threemaps.doctor.discretion import shown
from threemaps.doctor.docker import image_of, running
from threemaps.doctor.environment import check_quotes, check_sampler, check_switched_on
from threemaps.doctor.headers import check_header_form
from threemaps.doctor.honeycomb import honeycomb_address, team_header
from threemaps.doctor.launching import check_second_provider, set_up_by_hand
from threemaps.doctor.restarting import check_preload, check_reloader
from threemaps.doctor.silent import check_excluded
from threemaps.doctor.subject import LAUNCHER, Subject

LINK = "compose"
UP = "docker compose up -d --build"
STARTING = (check_second_provider, check_reloader, check_preload)


def starts_launcher(command: tuple[str, ...]) -> bool:
    return any(LAUNCHER in word for word in command)


def check_compose_command(subject: Subject) -> Check:
    """A `command:` replaces the image's CMD, launcher and all."""
    for service in services(subject):
        if (
            service.command
            and starts_launcher(service.image_command)
            and not starts_launcher(service.command)
        ):
            said = shlex.join(shown(service.command))
            detail = f"{service.place}: command: {said!r} skips the image's {LAUNCHER}"
            return broken(LINK, "command", detail, relaunch(service))
        inside = subject_of(service)
        if is_meant_to_be_traced(service) and not inside.launched and not set_up_by_hand(inside):
            detail = f"{service.place}: {shlex.join(shown(inside.argv))} starts without {LAUNCHER}"
            return broken(LINK, "command", detail, relaunch(service))
    return good(LINK, "command", "no `command:` skips the launcher")


def is_meant_to_be_traced(service: Service) -> bool:
    """It says where to send spans, and what it runs is known."""
    told = any(name.startswith("OTEL_") for name in service.environ)
    return told and bool(service.command or service.image_command)


def subject_of(service: Service) -> Subject:
    """The service as it would run in its container, with what can be known of that from out here."""
    argv = service.command or service.image_command
    words = tuple(word for word in argv if LAUNCHER not in word) or ("python",)
    return Subject(words, service.environ, service.context, starts_launcher(argv), None, root=service.context)


def relaunch(service: Service) -> str:
    """The edit as a command, for each of the ways to write a `command:` or a CMD."""
    if not service.command:
        file = shlex.quote(str(service.dockerfile))
        edit = rf's/^CMD \[/CMD ["{LAUNCHER}", /; t; s/^CMD /CMD {LAUNCHER} /'
        return f"sed -i {shlex.quote(edit)} {file} && {UP} {service.name}"
    lines = service.file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        match = re.match(r"\s*command:\s*(\[|[\"']|\S|$)", line)
        below = lines[number] if number < len(lines) else ""
        if not match or service.command[0] not in line + below:
            continue
        if match[1] == "[":
            edit = rf'{number}s/\[/["{LAUNCHER}", /'
        elif match[1] == "":
            edit = f"{number}a\\{below[: below.index('-')]}- {LAUNCHER}"
        else:
            edit = rf"{number}s/command: *[\"']\?/&{LAUNCHER} /"
        return f"sed -i {shlex.quote(edit)} {shlex.quote(str(service.file))} && {UP} {service.name}"
    return f"remove `command:` from {service.place}, then {UP} {service.name}"


def check_compose_variables(subject: Subject) -> Check:
    """A variable that nobody set outside arrives empty inside; compose only warns."""
    for service in services(subject):
        for inside, name in service.unset.items():
            if not re.match(r"OTEL_|HONEYCOMB_|AWS_|ROLLBAR_", inside):
                continue
            detail = (
                f"{service.place}: {inside} needs {name}, which is not set: it never reached the container"
            )
            dotenv = shlex.quote(str(service.file.parent / ".env"))
            step = f"echo {name}=YOUR_VALUE >> {dotenv} && {UP} {service.name}"
            return broken(LINK, "variables", detail, step)
    return good(LINK, "variables", "every variable that the containers need is set")


def check_compose_network(subject: Subject) -> Check:
    """localhost inside a container is that container."""
    for service in services(subject):
        for name, value in service.environ.items():
            inside = re.match(r"OTEL_EXPORTER_OTLP\w*_ENDPOINT|AWS_XRAY_DAEMON_ADDRESS", name)
            if inside and re.search(r"(^|//)(localhost|127\.0\.0\.1)\b", value) and not service.host_network:
                detail = f"{service.place}: {name}={value} is the container itself"
                better = re.sub(r"localhost|127\.0\.0\.1", "collector", value)
                edit = f"s|{value}|{better}|"
                step = f"sed -i {shlex.quote(edit)} {shlex.quote(str(service.file))} && {UP} {service.name}"
                return broken(LINK, "network", detail, step)
    return good(LINK, "network", "no container sends to itself")


def check_compose_settings(subject: Subject, api: str) -> Check:
    """What holds for a service's variables holds for its container's."""
    for service in services(subject):
        inside = subject_of(service)
        settings = (check_quotes, check_switched_on, check_sampler, check_excluded, check_header_form)
        export = (honeycomb_address, check_endpoint, check_protocol)
        for check in (*settings, *export, *STARTING, partial(team_header, api=api)):
            found = check(inside)
            if not found.ok:
                step = f"edit environment: in {service.place}, then {UP} {service.name}"
                return broken(LINK, found.name, f"{service.place}: {found.detail}", step)
    return good(LINK, "settings", "the containers' variables are in order")


def check_compose_image(subject: Subject) -> Check:
    """The running container comes from an image younger than what it is built from, and got the key."""
    for service in services(subject):
        container = running(service.file.parent, service.name, subject.environ)
        if container is None:
            continue
        for file in (service.dockerfile, service.context / "requirements.txt"):
            built = image_of(container, subject.environ)
            if file.is_file() and built and file.stat().st_mtime > built:
                detail = f"{service.place}: {file.name} is newer than the image: it was not rebuilt"
                return broken(LINK, "image", detail, f"{UP} {service.name}")
        for name, value in service.environ.items():
            if re.match(r"OTEL_|HONEYCOMB_", name) and value and container.environ.get(name) != value:
                detail = f"{service.place}: {name} was set after the container started, and never reached it"
                return broken(LINK, "image", detail, f"docker compose up -d {service.name}")
    return good(LINK, "image", "no running container is older than its files")
