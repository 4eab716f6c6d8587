"""Somebody else's service: the headers that go with its spans, its key among them."""

import re
from urllib.parse import unquote

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.subject import Subject

LINK = "exporter"


def headers_variable(subject: Subject) -> str:
    """The one for traces, if it is set, outweighs the general one."""
    own = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
    return own if subject.get(own) else "OTEL_EXPORTER_OTLP_HEADERS"


def parse_headers(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {
        unquote(name).strip().lower(): unquote(value).strip() for name, separator, value in pairs if separator
    }


def check_header_form(subject: Subject) -> Check:
    """Headers are `name=value`, with commas between them."""
    for variable in ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"):
        for pair in subject.get(variable).split(","):
            name, separator, value = pair.strip().partition("=")
            if pair.strip() and not separator and ":" in name and "{" not in name:
                fixed = re.sub(r"\s*:\s*", "=", subject.get(variable))
                detail = f"{variable} has a colon where an equals sign belongs: {name.partition(':')[0]}"
                step = f"export {variable}=$(echo \"${variable}\" | sed 's/ *: */=/g')"
                return broken(LINK, "headers", detail, subject.setting(variable, fixed, typed=step))
            if wrong := misread(name, separator, value):
                step = f"export {variable}=x-honeycomb-team=YOUR_KEY"
                return broken(
                    LINK, "headers", f"{variable}: {wrong}", subject.setting(variable, "…", typed=step)
                )
            if separator and not value.strip():
                detail = f"{variable}: {name.strip()} is empty, so its key never reached this process"
                step = f"export {variable}={name.strip()}=YOUR_KEY"
                return broken(LINK, "headers", detail, subject.setting(variable, "…", typed=step))
    return good(LINK, "headers", "well-formed")


def misread(name: str, separator: str, value: str) -> str:
    """What the exporter would pass over, or take for part of a value. The value itself is never repeated."""
    if name.startswith("{"):
        return "it is JSON, and has to be name=value"
    if name and not separator:
        return "a header without an equals sign is passed over"
    if ";" in value and "=" in value:
        return f"a semicolon in {name.strip()} where a comma separates headers"
    if value.strip()[:1] in {'"', "'"}:
        return f"the quotes around {name.strip()} are sent as part of it"
    return ""
