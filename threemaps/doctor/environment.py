"""Somebody else's service: the OTEL_ variables, spelled and set so that spans are made."""

import re
import shlex
from difflib import get_close_matches

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.subject import Subject

LINK = "environment"
# Variables that no package lists: per-library ones, and those other languages' SDKs read.
FAMILIES = re.compile(
    r"OTEL_(PYTHON_[A-Z0-9_]+_EXCLUDED_URLS|INSTRUMENTATION_.*|SEMCONV_.*|RESOURCE_PROVIDERS.*)"
)
OURS = re.compile(r"[O0]_?[TL]|OPENTELEMETRY")  # looks like meant for OpenTelemetry
WEB = ("flask", "wsgi")  # what makes the spans of requests
SILENT = {"always_off", "parentbased_always_off"}
RATIOS = {"traceidratio", "parentbased_traceidratio"}


def check_spelling(subject: Subject) -> Check:
    """A misspelled variable is not an error to anybody: it is simply not read."""
    known = subject.packages.variables()
    for name in sorted(subject.environ):
        upper = name.upper().replace("-", "_")
        if name in known or FAMILIES.fullmatch(name) or not OURS.match(upper):
            continue
        if meant := get_close_matches(upper, known, n=1, cutoff=0.88):
            step = f'export {meant[0]}="${name}"; unset {name}'
            if name in subject.inline:
                inline = {meant[0] if one == name else one: text for one, text in subject.inline.items()}
                step = subject.command_with(inline)
            return broken(LINK, "spelling", f"{name} is read by nobody; {meant[0]} is", step)
    count = len(known & set(subject.environ))
    return good(LINK, "spelling", f"{count} OTEL_ variables, each of them read by an installed package")


def check_quotes(subject: Subject) -> Check:
    """Quotes that a shell takes off stay on in an env file or a YAML list."""
    for name, value in sorted(subject.environ.items()):
        if not name.startswith("OTEL_"):
            continue
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            detail = f"{name} has quotes in its value, from an env file or a YAML list"
            step = f"export {name}=$(echo ${name} | tr -d {shlex.quote(value[0])})"
            return broken(LINK, "quotes", detail, subject.setting(name, value[1:-1], typed=step))
        if unfilled := re.search(r"\$\{?([A-Z0-9_]+)\}?", value):
            detail = f"{name} still holds the placeholder {unfilled[0]}, which nobody filled in"
            step = f'export {name}="{value}"'
            if not subject.get(unfilled[1]):
                step = f"export {unfilled[1]}=YOUR_VALUE; {step}"
            return broken(LINK, "placeholders", detail, subject.setting(name, value, typed=step))
    return good(LINK, "quotes", "no stray quotes or unfilled placeholders")


def check_switched_on(subject: Subject) -> Check:
    """The variables that turn tracing off on purpose."""
    if subject.get("OTEL_SDK_DISABLED").strip().lower() == "true":
        detail = "OTEL_SDK_DISABLED=true turns the whole SDK off"
        return broken(LINK, "switched on", detail, subject.setting("OTEL_SDK_DISABLED", ""))
    name = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    disabled = [one.strip() for one in subject.get(name).split(",") if one.strip()]
    used = set(WEB)
    for one in disabled:
        if subject.launched and (one == "*" or one in used):
            what = "every instrumentation" if one == "*" else f"the instrumentation of {one}"
            rest = ",".join(other for other in disabled if other != one)
            return broken(LINK, "switched on", f"{name} turns off {what}", subject.setting(name, rest))
    return good(LINK, "switched on", "nothing turns the SDK off")


def check_sampler(subject: Subject) -> Check:
    """A sampler that keeps something."""
    name = subject.get("OTEL_TRACES_SAMPLER").strip()
    argument = subject.get("OTEL_TRACES_SAMPLER_ARG").strip()
    default = subject.setting("OTEL_TRACES_SAMPLER", "parentbased_always_on")
    if name.lower() in SILENT:
        detail = f"OTEL_TRACES_SAMPLER={name} drops every trace that starts here"
        return broken(LINK, "sampler", detail, default)
    offered = subject.packages.entry_points("opentelemetry_traces_sampler")
    if name and offered and name.lower() not in offered and name not in offered:
        detail = f"OTEL_TRACES_SAMPLER={name} is none of the samplers {', '.join(sorted(offered))}"
        return broken(LINK, "sampler", detail, default)
    if name.lower() in RATIOS and argument:
        share = ratio(argument)
        if share is None or not 0 < share <= 1:
            detail = f"OTEL_TRACES_SAMPLER_ARG={argument} with {name}: it has to be above 0, at most 1"
            return broken(LINK, "sampler", detail, subject.setting("OTEL_TRACES_SAMPLER_ARG", "1"))
    return good(LINK, "sampler", f"OTEL_TRACES_SAMPLER={name or 'parentbased_always_on'} {argument}".strip())


def ratio(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def check_service_name(subject: Subject) -> Check:
    """Without a name the spans arrive, but as unknown_service."""
    attributes = dict(
        pair.strip().split("=", 1)
        for pair in subject.get("OTEL_RESOURCE_ATTRIBUTES").split(",")
        if "=" in pair
    )
    name = subject.get("OTEL_SERVICE_NAME", "AWS_XRAY_TRACING_NAME") or attributes.get("service.name", "")
    if name:
        return good(LINK, "service name", f"service.name is {name}")
    detail = "no OTEL_SERVICE_NAME: its spans go to unknown_service"
    return broken(
        LINK, "service name", detail, subject.setting("OTEL_SERVICE_NAME", subject.folder.name or "app")
    )
