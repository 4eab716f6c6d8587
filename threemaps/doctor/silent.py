"""Somebody else's service: settings that nobody complains about, and with which no span arrives."""

import re
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from threemaps.basics.nearby import LOOPBACK, excepted
from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.destination import GRPC, Destination, destination
from threemaps.doctor.subject import Subject

LINK = "environment"
# Variable → where packages say what it may name.
COMPONENTS = {
    "OTEL_PROPAGATORS": "opentelemetry_propagator",
    "OTEL_PYTHON_ID_GENERATOR": "opentelemetry_id_generator",
    "OTEL_PYTHON_DISTRO": "opentelemetry_distro",
    "OTEL_PYTHON_CONFIGURATOR": "opentelemetry_configurator",
}
EXCLUDING = re.compile(r"OTEL_PYTHON_(\w+_)?EXCLUDED_URLS")
# Two addresses that have nothing in common: what matches both excludes everything.
ANY_PAGES = ("http://localhost:8000/", "https://example.org/some/page")
GRPC_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")


def check_components(subject: Subject) -> Check:
    """Parts that are named have to be installed; without propagators every service has a trace of its own."""
    for variable, group in COMPONENTS.items():
        offered = subject.packages.entry_points(group)
        for name in (one.strip() for one in subject.get(variable).split(",")):
            if variable == "OTEL_PROPAGATORS" and name.lower() == "none":
                detail = f"{variable}=none: no trace goes on to the next service"
                return broken(LINK, "components", detail, subject.setting(variable, ""))
            if name and offered and name not in offered:
                detail = f"{variable}: {name!r} is not installed, only {', '.join(sorted(offered))}"
                return broken(LINK, "components", detail, subject.setting(variable, ""))
    return good(LINK, "components", "what is named is installed")


def check_excluded(subject: Subject) -> Check:
    """A pattern is looked for anywhere in the address, so a bare `/` finds all of them."""
    for name in sorted(filter(EXCLUDING.fullmatch, subject.environ)):
        for pattern in (one.strip() for one in subject.environ[name].split(",")):
            try:
                is_everything = bool(pattern) and all(re.search(pattern, page) for page in ANY_PAGES)
            except re.error as error:
                detail = f"{name}: {pattern!r} is no regular expression ({error})"
                return broken(LINK, "excluded addresses", detail, subject.setting(name, ""))
            if is_everything:
                detail = f"{name}={pattern} excludes every address"
                return broken(LINK, "excluded addresses", detail, subject.setting(name, ""))
    return good(LINK, "excluded addresses", "not all")


def check_proxy(subject: Subject, there: Destination | None = None) -> Check:
    """A proxy looks for localhost, or a container's name, on its own side. `there`: where spans go."""
    there = there or destination(subject)
    proxied, unproxied = proxy_variables(subject, there)
    exceptions = subject.get(unproxied)
    is_near = there.host in LOOPBACK or "." not in there.host
    if not (proxied and is_near) or is_excepted(there, exceptions):
        return good(LINK, "proxy", "none in between")
    detail = f"{proxied} sends what is meant for {there.base} to a proxy"
    wanted = excepted(exceptions)
    wanted = wanted if there.host in LOOPBACK else f"{wanted},{there.host}"
    return broken(LINK, "proxy", detail, subject.setting(unproxied, wanted))


def proxy_variables(subject: Subject, there: Destination) -> tuple[str, str]:
    """The proxy that the exporter takes, if any, and the variable for what goes past it."""
    if there.protocol == GRPC:
        # With TLS or without, in small letters only, over http:// only; the first one that is set decides.
        first = next((name for name in GRPC_PROXIES if name in subject.environ), "")
        past = "no_grpc_proxy" if "no_grpc_proxy" in subject.environ else "no_proxy"
        return first if subject.get(first).lower().startswith("http://") else "", past
    scheme = there.parts.scheme
    names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    past = next((name for name in ("no_proxy", "NO_PROXY") if subject.get(name)), "no_proxy")
    return next((name for name in names if subject.get(name)), ""), past


def is_excepted(there: Destination, exceptions: str) -> bool:
    """An asterisk means everything, but not to gRPC."""
    if there.protocol == GRPC:
        exceptions = ",".join(one for one in exceptions.split(",") if one.strip() != "*")
    return bool(proxy_bypass_environment(there.host, {"no": exceptions}))


def check_certificate(subject: Subject) -> Check:
    """A file that is not there makes the exporter give up before it says anything to anybody."""
    for name in ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"):
        given = subject.get(name)
        if given and destination(subject).url.startswith("https") and not (subject.folder / given).is_file():
            return broken(
                LINK, "certificate", f"{name}={given}: there is no such file", subject.setting(name, "")
            )
    return good(LINK, "certificate", "none, or there")
