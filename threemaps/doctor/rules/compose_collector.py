"""TM92x: does the project's collector, with the configuration that it mounts, take what services send?"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from threemaps.doctor.compose_file import as_list, words
from threemaps.doctor.destination import DEFAULT_PORTS, GRPC
from threemaps.doctor.files import text_of
from threemaps.doctor.rules.base import Edit, Found
from threemaps.doctor.rules.compose import Asked, line_of, rewrite, rule
from threemaps.doctor.rules.compose_network import addresses, collector_of

BY_DEFAULT = ("/etc/otelcol-contrib/config.yaml", "/etc/otelcol/config.yaml")
FIRST_ON_LOCALHOST = (0, 104)  # the release since which a receiver without an address listens on localhost
NEAR = ("localhost", "127.0.0.1")


def configuration(asked: Asked) -> Path | None:
    """The file of this machine that the collector reads."""
    body = asked.project.bodies.get(collector_of(asked.project) or "", {})
    read = re.findall(r"--config[= ](?:file:)?(\S+)", " ".join(words(body.get("command")))) or BY_DEFAULT
    for one in as_list(body.get("volumes")):
        text = f"{one.get('source')}:{one.get('target')}" if isinstance(one, dict) else str(one)
        source, _, rest = text.partition(":")
        if rest.split(":")[0] in read and source.startswith((".", "/")):
            return asked.file.parent / source
    return None


def receivers(asked: Asked) -> Iterator[tuple[Path, str, Mapping[str, Any]]]:
    """The file, the protocol that a service sends, and OTLP's protocols there."""
    file, name = configuration(asked), collector_of(asked.project)
    try:
        document = yaml.safe_load(text_of(file)) if file else {}
        protocols = (document["receivers"]["otlp"] or {}).get("protocols") or {}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return
    for service, variable, _, host in addresses(asked):
        if file and host == name and variable.startswith("OTEL_"):
            kind = service.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", GRPC)
            yield file, "grpc" if kind == GRPC else "http", protocols


@rule("TM920", "no-collector-file", "Docker makes an empty folder of a file to mount that is not there")
def no_configuration(asked: Asked) -> Found | None:
    file, name = configuration(asked), collector_of(asked.project)
    if file is None or file.is_file():
        return None
    seen = f"service {name}: its configuration {file.name} is not there"
    near = get_close_matches(file.name, [one.name for one in file.parent.glob("*.y*ml")], n=1)
    if near and (number := line_of(asked.file, re.escape(file.name), name or "")):
        return Found(seen, write=rewrite(asked.file, number, rf"{re.escape(file.name)}(?=:)", near[0]))
    return Found(seen, type=f"ls {file.parent}/*.yaml")


@rule("TM921", "lacks-protocol", "OTLP over gRPC and over HTTP are taken where the receiver names them")
def lacks_protocol(asked: Asked) -> Found | None:
    for file, wanted, protocols in receivers(asked):
        if protocols and wanted not in protocols:
            seen = f"{file.name}: spans come over {wanted}, and OTLP is received over {', '.join(protocols)}"
            number, port = line_of(file, r"protocols\s*:"), DEFAULT_PORTS.get(wanted, 4318)
            entry = f'{wanted}: {{endpoint: "0.0.0.0:{port}"}}'
            if re.search(r"protocols\s*:\s*\{", line := text_of(file).splitlines()[number - 1]):
                return Found(seen, write=rewrite(file, number, r"(protocols\s*:\s*\{)", rf"\1{entry}, "))
            indent = " " * (len(line) - len(line.lstrip()) + 2)
            return Found(seen, write=Edit(file, number, "after", indent + entry))
    return None


@rule("TM922", "collector-on-localhost", "in a container, localhost is reached by nobody outside of it")
def on_localhost(asked: Asked) -> Found | None:
    image = str(asked.project.bodies.get(collector_of(asked.project) or "", {}).get("image", ""))
    version = re.search(r":v?(\d+)\.(\d+)", image)
    is_new = version is None or (int(version[1]), int(version[2])) >= FIRST_ON_LOCALHOST
    for file, wanted, protocols in receivers(asked):
        given = str((protocols.get(wanted) or {}).get("endpoint", ""))
        is_near = given.rpartition(":")[0] in NEAR if given else is_new
        if wanted not in protocols or not is_near:
            continue
        port = given.rpartition(":")[2] or DEFAULT_PORTS.get(wanted, 4318)
        near = given or f"localhost:{port}"
        seen = f"{file.name}: the receiver of OTLP over {wanted} listens on {near}, not on 0.0.0.0"
        old, new = rf"(\b{wanted}\s*:)(\s*\{{\s*\}})?", rf'\1 {{endpoint: "0.0.0.0:{port}"}}'
        if given:
            old, new = re.escape(given), f"0.0.0.0:{port}"
        return Found(seen, write=rewrite(file, line_of(file, old), old, new))
    return None


@rule("TM923", "no-pipeline", "a receiver that stands in no pipeline is not started")
def no_pipeline(asked: Asked) -> Found | None:
    for file, _, _ in receivers(asked):
        pipelines = yaml.safe_load(text_of(file)).get("service", {}).get("pipelines") or {}
        traces = {name: one for name, one in pipelines.items() if str(name).partition("/")[0] == "traces"}
        if not any("otlp" in as_list((one or {}).get("receivers")) for one in traces.values()):
            seen = f"{file.name}: no pipeline for traces has the receiver otlp"
            number = line_of(file, r"receivers\s*:\s*\[", next(iter(traces), "traces"))
            edit = rewrite(file, number, r"(receivers\s*:\s*\[)", r"\1otlp, ")
            return Found(seen, write=edit) if edit else Found(seen, type=f"grep -n -A20 pipelines {file}")
    return None
