"""What variables say, whoever set them: spelled, quoted, naming parts that are there, with usable values."""

import re
import shlex
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from threemaps.doctor.destination import DEFAULT_PORTS, EXPORTER, HTTP, protocol, variable_of
from threemaps.doctor.facts import Facts
from threemaps.doctor.packages import Packages
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Found, pip_install

# Variables that no package lists: per-library ones, and those other languages' SDKs read.
FAMILIES = re.compile(
    r"OTEL_(PYTHON_[A-Z0-9_]+_EXCLUDED_URLS|INSTRUMENTATION_.*|SEMCONV_.*|RESOURCE_PROVIDERS.*)"
)
OURS = re.compile(r"[O0]_?[TL]|OPENTELEMETRY")  # looks like meant for OpenTelemetry
# Variable → where packages say what it may name.
COMPONENTS = {
    "OTEL_PROPAGATORS": "opentelemetry_propagator",
    "OTEL_PYTHON_ID_GENERATOR": "opentelemetry_id_generator",
    "OTEL_PYTHON_DISTRO": "opentelemetry_distro",
    "OTEL_PYTHON_CONFIGURATOR": "opentelemetry_configurator",
}
EXPORTERS = {
    "otlp_proto_grpc": "opentelemetry-exporter-otlp-proto-grpc",
    "otlp_proto_http": "opentelemetry-exporter-otlp-proto-http",
}
QUEUE, BATCH = "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
FIGURES = {"OTEL_BSP_SCHEDULE_DELAY": 5000, QUEUE: 2048, BATCH: 512}  # with their defaults
EXCLUDING = re.compile(r"OTEL_PYTHON_(\w+_)?EXCLUDED_URLS")
# Two addresses that have nothing in common: what matches both excludes everything.
ANY_PAGES = ("http://localhost:8000/", "https://example.org/some/page")
SILENT = {"always_off", "parentbased_always_off"}


def misspelled_name(facts: Facts) -> Found | None:
    known = facts.inside.packages.variables()
    for name in sorted(facts.inside.environ):
        upper = name.upper().replace("-", "_")
        if name in known or FAMILIES.fullmatch(name) or not OURS.match(upper):
            continue
        if meant := get_close_matches(upper, known, n=1, cutoff=0.88):
            return repair.renamed(facts, f"{name} is read by nobody; {meant[0]} is", name, meant[0])
    return None


def quoted(facts: Facts) -> Found | None:
    for name, value in sorted(facts.inside.environ.items()):
        if not name.startswith("OTEL_"):
            continue
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            seen = f"{name} has quotes in its value, from an env file or a YAML list"
            typed = f"export {name}=$(echo ${name} | tr -d {shlex.quote(value[0])})"
            return repair.variable(facts, seen, name, value[1:-1], typed)
        if unfilled := re.search(r"\$\{?([A-Z0-9_]+)\}?", value):
            seen = f"{name} still holds the placeholder {unfilled[0]}, which nobody filled in"
            first = "" if facts.inside.get(unfilled[1]) else f"export {unfilled[1]}=YOUR_VALUE; "
            return repair.variable(facts, seen, name, value, f'{first}export {name}="{value}"')
    return None


def unknown_part(facts: Facts) -> Found | None:
    """Of what the launcher sets up."""
    for variable, group in COMPONENTS.items():
        offered = facts.inside.packages.entry_points(group)
        for name in (one.strip() for one in facts.inside.get(variable).split(",")):
            if variable == "OTEL_PROPAGATORS" and name.lower() == "none":
                seen = f"{variable}=none: no trace goes on to the next service"
                return repair.variable(facts, seen, variable, "")
            if name and offered and name not in offered:
                seen = f"{variable}: {name!r} is not installed, only {', '.join(sorted(offered))}"
                return repair.variable(facts, seen, variable, "")
    return unknown_exporter(facts)


def unknown_exporter(facts: Facts) -> Found | None:
    subject, kind = facts.inside, protocol(facts.inside)
    if kind not in DEFAULT_PORTS:
        name = variable_of(subject, "PROTOCOL")
        return repair.variable(facts, f"{name}={kind}: Python has grpc and http/protobuf", name, HTTP)
    offered = subject.packages.entry_points("opentelemetry_traces_exporter")
    for one in filter(None, (one.strip() for one in (subject.get(EXPORTER) or "otlp").split(","))):
        entry = f"otlp_proto_{'http' if kind == HTTP else 'grpc'}" if one == "otlp" else one
        if (not offered and subject.packages.trouble) or entry in offered or one in ("none", "console"):
            continue
        if package := EXPORTERS.get(entry):
            seen = f"the exporter for OTLP over {kind} is not installed ({package})"
            return Found(seen, type=pip_install(facts, package))
        return repair.variable(facts, f"{EXPORTER}: {one!r} is no installed exporter", EXPORTER, "otlp")
    return None


def figure(environ: Mapping[str, str], name: str) -> int:
    """What the SDK reads: its default where the text is no number."""
    try:
        return int(environ.get(name, ""))
    except ValueError:
        return FIGURES[name]


def unusable_figure(facts: Facts) -> Found | None:
    sizes = {name: figure(facts.inside.environ, name) for name in FIGURES}
    for name, size in sizes.items():
        if size <= 0:
            return repair.variable(facts, f"{name}={size}: the SDK takes figures above 0 only", name, "")
    if sizes[BATCH] > sizes[QUEUE]:
        seen = f"{QUEUE}={sizes[QUEUE]} holds no batch of {sizes[BATCH]} ({BATCH})"
        return repair.variable(facts, seen, BATCH, str(sizes[QUEUE]))
    return None


def silent_sampler(facts: Facts) -> Found | None:
    name, share = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
    sampler, argument = (facts.inside.get(one).strip() for one in (name, share))
    if sampler.lower() in SILENT:
        seen = f"{name}={sampler} drops every trace that starts here"
        return repair.variable(facts, seen, name, "parentbased_always_on")
    if sampler.lower().endswith("traceidratio") and is_nothing(argument):
        seen = f"{share}={argument} with {sampler}: it has to be above 0, at most 1"
        return repair.variable(facts, seen, share, "1")
    return None


def is_nothing(share: str) -> bool:
    """The SDK takes a figure that is none, or too large, for 1."""
    try:
        return float(share) == 0
    except ValueError:
        return False


def excludes_everything(facts: Facts) -> Found | None:
    """A pattern is looked for anywhere in the address, so a bare `/` finds all of them."""
    for name in sorted(filter(EXCLUDING.fullmatch, facts.inside.environ)):
        for pattern in filter(None, (one.strip() for one in facts.inside.environ[name].split(","))):
            try:
                is_everything = all(re.search(pattern, page) for page in ANY_PAGES)
            except re.error as error:
                return repair.variable(
                    facts, f"{name}: {pattern!r} is no regular expression ({error})", name, ""
                )
            if is_everything:
                return repair.variable(facts, f"{name}={pattern} excludes every address", name, "")
    return None


def turned_off(facts: Facts) -> Found | None:
    """The instrumentation of what answers requests."""
    name = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    listed = [one.strip() for one in facts.inside.get(name).split(",") if one.strip()]
    off = [one for one in listed if one in ("*", "flask", "wsgi")]
    if not off or not facts.launched:
        return None
    what = "every instrumentation" if "*" in off else f"the instrumentation of {off[0]}"
    return repair.variable(
        facts, f"{name} turns off {what}", name, ",".join(one for one in listed if one not in off)
    )


def mixed_versions(facts: Facts) -> Found | None:
    """Instrumentations are released together and pin each other; a mixed set fails on import."""
    packages: Packages = facts.inside.packages
    if not facts.launched or not (unmet := packages.unmet()):
        return None
    pulling = r"opentelemetry-(distro|instrumentation|exporter-otlp$)"  # their upgrade pulls all others along
    names = [name for name in sorted(packages.found) if re.match(pulling, name)]
    return Found(
        f"versions that do not go together: {unmet[0]}", type=pip_install(facts, "--upgrade", *names)
    )


def named_in(facts: Facts, reason: str) -> str:
    """The variable that an exception complains of: by its name, by the SDK's word for it, or by its value."""
    settings = {
        name: value for name, value in facts.inside.environ.items() if name.startswith("OTEL_") and value
    }
    said = [name for name in re.findall(r"OTEL_[A-Z_]+", reason) if name in settings]
    return next((name for name in (*said, *meant(settings, reason))), "")


def meant(settings: Mapping[str, str], reason: str) -> Iterator[str]:
    words = {one.removesuffix("_MILLIS") for one in re.findall(r"\w+_\w+", reason.upper())}
    quoted = re.findall(r"'([^']+)'|\"([^\"]+)\"", reason)
    values = {single or double for single, double in quoted}
    for name, value in settings.items():
        parts = {one.strip() for one in value.split(",")} | {value}
        if parts & values or any(name.endswith(f"_{word}") for word in words):
            yield name
