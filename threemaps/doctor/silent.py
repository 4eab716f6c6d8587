"""Somebody else's service: settings that nobody complains about, and with which no span arrives."""

import re
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.compose_file import services
from threemaps.doctor.destination import destination
from threemaps.doctor.subject import Subject
from threemaps.nearby import LOOPBACK, excepted
from threemaps.settings import read_dotenv

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
MOST_DELAY = 60_000  # milliseconds
BEFORE_THE_LAUNCHER = re.compile(r"OTEL_\w+|HONEYCOMB_API_KEY")


def check_env_file(subject: Subject) -> Check:
    """The launcher is there before the program that would load the file."""
    file = subject.folder / ".env"
    loaded_by_others = services(subject) or (subject.folder / "Pipfile").is_file()
    if not subject.launched or loaded_by_others or not file.is_file():
        return good(LINK, "env file", "none, or not the launcher's business")
    wanted = (name for name in read_dotenv(file) if BEFORE_THE_LAUNCHER.fullmatch(name))
    missing = [name for name in wanted if name not in subject.environ]
    if not missing:
        return good(LINK, "env file", f"what {file.name} says of tracing is set")
    detail = f"{missing[0]} stands in {file.name}, which nobody loads before the launcher sets up the tracing"
    return broken(LINK, "env file", detail, "set -a; . ./.env; set +a")


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


def check_delay(subject: Subject) -> Check:
    """Spans wait that long before they are sent, and most programs end before."""
    name = "OTEL_BSP_SCHEDULE_DELAY"
    delay = whole_number(subject.get(name), 5000)
    if delay <= 0:
        detail = f"{name}={delay}: the SDK takes milliseconds above 0 only, and sets up nothing"
        return broken(LINK, "delay", detail, subject.setting(name, ""))
    if delay > MOST_DELAY:
        detail = f"{name}={delay}: milliseconds, so spans are sent every {delay // 1000} s"
        return broken(LINK, "delay", detail, subject.setting(name, ""))
    return good(LINK, "delay", f"sent every {delay} ms")


def whole_number(text: str, default: int) -> int:
    """What the SDK reads: its default where the text is no number."""
    try:
        return int(text)
    except ValueError:
        return default


def check_proxy(subject: Subject) -> Check:
    """A proxy looks for localhost, or for a container's name, on its own side."""
    there = destination(subject)
    scheme = there.parts.scheme
    names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    proxied = next((name for name in names if subject.get(name)), "")
    exceptions = subject.get("no_proxy", "NO_PROXY")
    is_near = there.host in LOOPBACK or "." not in there.host
    if not (proxied and is_near) or proxy_bypass_environment(there.host, {"no": exceptions}):
        return good(LINK, "proxy", "none in between")
    detail = f"{proxied} sends what is meant for {there.base} to a proxy"
    wanted = excepted(exceptions)
    return broken(
        LINK,
        "proxy",
        detail,
        subject.setting("no_proxy", wanted if there.host in LOOPBACK else f"{wanted},{there.host}"),
    )


def check_certificate(subject: Subject) -> Check:
    """A file that is not there makes the exporter give up before it says anything to anybody."""
    for name in ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"):
        given = subject.get(name)
        if given and destination(subject).url.startswith("https") and not (subject.folder / given).is_file():
            return broken(
                LINK, "certificate", f"{name}={given}: there is no such file", subject.setting(name, "")
            )
    return good(LINK, "certificate", "none, or there")
