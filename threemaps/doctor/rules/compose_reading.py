"""TM90x: does Compose read the file, and do its values come out as they were meant?"""

import re
import shlex
from difflib import get_close_matches
from pathlib import Path

from threemaps.doctor.compose_file import as_list, pairs
from threemaps.doctor.files import text_of
from threemaps.doctor.rules.base import Edit, Found
from threemaps.doctor.rules.compose import OURS, UP, Asked, line_of, rewrite, rule

# Of Compose's own schema: what may stand at the top of the file, and in a service.
TOP_KEYS = "configs include models name networks secrets services version volumes"
SERVICE_KEYS = """
annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs
container_name cpu_count cpu_percent cpu_period cpu_quota cpu_shares cpus cpuset credential_spec
depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint
env_file environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image
init ipc isolation label_file labels links logging mac_address mem_limit mem_reservation memswap_limit
models network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start
pre_stop privileged profiles provider pull_policy read_only restart runtime scale secrets security_opt
shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits user userns_mode
uts volumes volumes_from working_dir
"""
TOP, SERVICE = TOP_KEYS.split(), SERVICE_KEYS.split()


@rule("TM902", "blank-around-equals", "in a list, what stands before the = is the name, blanks and all")
def blank_around_equals(asked: Asked) -> Found | None:
    for name, body in asked.project.bodies.items():
        listed = body.get("environment")
        for one in listed if isinstance(listed, list) else []:
            if re.match(r"\w+\s+=|\w+=\s", str(one)):
                number = line_of(asked.file, re.escape(str(one)), name)
                seen = f"service {name}: the variable in {one!r} has blanks around its ="
                return Found(seen, write=rewrite(asked.file, number, r"\s*=\s*", "="))
    return None


@rule("TM912", "misspelled-key", "Compose refuses a key that its schema does not have")
def misspelled_key(asked: Asked) -> Found | None:
    """At the top of the file, and of services; one that is like no key is left to Compose to name."""
    top = [(key, TOP, "") for key in asked.project.keys]
    for key, known, service in [
        *top,
        *((key, SERVICE, name) for name, body in asked.project.bodies.items() for key in body),
    ]:
        if (
            key in known
            or key.startswith("x-")
            or not (meant := get_close_matches(key, known, n=1, cutoff=0.8))
        ):
            continue
        number = line_of(asked.file, rf"^\s*{re.escape(key)}\s*:", service)
        where = f"service {service}: " if service else ""
        edit = rewrite(asked.file, number, rf"\b{re.escape(key)}\b", meant[0])
        return Found(f"{where}Compose knows no {key!r}; {meant[0]!r} it knows", write=edit)
    return None


@rule("TM913", "service-at-top", "a service is one where it stands below `services:`")
def service_at_top(asked: Asked) -> Found | None:
    for key, body in asked.project.keys.items():
        if key not in TOP and isinstance(body, dict) and ("image" in body or "build" in body):
            number = line_of(asked.file, rf"^{re.escape(key)}\s*:")
            seen = f"{asked.file.name}:{number}: {key} stands beside `services:`, not below it"
            end = end_of_block(asked.file, number)
            return Found(seen, type=f"sed -i '{number},{end}s/^/  /' {shlex.quote(asked.file.name)}")
    return None


def end_of_block(file: Path, number: int) -> int:
    """The last line that belongs to the key that stands there."""
    lines = text_of(file).splitlines()
    ends = (index for index in range(number, len(lines)) if re.match(r"[^\s#]", lines[index]))
    return next(ends, len(lines))


@rule("TM914", "no-env-file", "Compose starts nothing while a file that it has to read is not there")
def no_env_file(asked: Asked) -> Found | None:
    for name, body in asked.project.bodies.items():
        for one in as_list(body.get("env_file")):
            path = str(one.get("path", "") if isinstance(one, dict) else one)
            is_needed = not isinstance(one, dict) or one.get("required", True)
            if is_needed and "$" not in path and not (asked.file.parent / path).is_file():
                return Found(
                    f"service {name}: env_file {path} is not there", type=f"touch {shlex.quote(path)}"
                )
    return None


# What YAML reads as something else → the line as it was meant.
MEANT = ((r"^(\s*-\s*)(\w+):\s+(.*)$", r"\1\2=\3"), (r"^\t+", "    "))


@rule("TM901", "broken-file", "Compose starts nothing from a file that it cannot read")
def broken_file(asked: Asked) -> Found | None:
    if not asked.project.problem:
        return None
    found = re.search(r"line (\d+)", asked.project.problem)
    place = f"{asked.file.name}:{found[1]}" if found else asked.file.name
    seen = f"{place} cannot be read: {asked.project.problem[:300]}"
    lines = text_of(asked.file).splitlines()
    is_list = "is no NAME=value" in asked.project.problem
    pattern, new = MEANT[0] if is_list else MEANT[1]
    number = next((number for number, line in enumerate(lines, 1) if re.match(pattern, line)), 0)
    if number:
        return Found(seen, write=Edit(asked.file, number, "replace", re.sub(pattern, new, lines[number - 1])))
    return Found(seen, type=f"docker compose -f {shlex.quote(asked.file.name)} config")


@rule("TM903", "no-dollar", "a variable is ${NAME}; without the dollar its name in brackets is the value")
def no_dollar(asked: Asked) -> Found | None:
    for name, body in asked.project.bodies.items():
        for key, value in pairs(body.get("environment")):
            found = re.search(r"(?<!\$)\{([A-Z][A-Z0-9_]+)\}", value or "")
            if found and OURS.match(key):
                bare = rf"(?<!\$)\{{{found[1]}\}}"
                number = line_of(asked.file, rf"{re.escape(key)}.*{bare}", name)
                seen = f"service {name}: {key} holds {{{found[1]}}} as it stands: the $ before it is missing"
                return Found(seen, write=rewrite(asked.file, number, bare, f"${{{found[1]}}}"))
    return None


@rule("TM904", "not-set", "a variable that nobody set outside arrives empty inside; Compose only warns")
def not_set(asked: Asked) -> Found | None:
    for service in asked.project.services:
        for inside, name in service.unset.items():
            if OURS.match(inside):
                seen = f"{service.place}: {inside} needs {name}, which is not set: it arrives empty"
                dotenv = shlex.quote(str(service.file.parent / ".env"))
                return Found(seen, type=f"echo {name}=YOUR_VALUE >> {dotenv} && {UP} {service.name}")
    return None
