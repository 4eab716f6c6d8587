"""Somebody else's service: where its spans go, by the exporter's own rules."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.headers import headers_variable, parse_headers
from threemaps.doctor.subject import Subject

LINK = "exporter"
GRPC, HTTP = "grpc", "http/protobuf"
DEFAULT_PORTS = {GRPC: 4317, HTTP: 4318}
EXPORTER = "OTEL_TRACES_EXPORTER"
PROTOCOLS = {"otlp_proto_http": HTTP, "otlp_proto_grpc": GRPC}  # exporters that speak one only
SCHEMES = ("http", "https")
ADDRESS = re.compile(
    r"(?:(https?|[a-z][a-z0-9+.-]*(?=:/)):)?(/*)(.*)", re.IGNORECASE
)  # scheme, slashes, rest


@dataclass(frozen=True, slots=True)
class Destination:
    """What the exporter ends up with, and the variable that says so."""

    protocol: str
    url: str
    variable: str
    headers: dict[str, str]

    @property
    def parts(self) -> SplitResult:
        """All empty where the address is none."""
        try:
            parts = urlsplit(self.url)
            return parts if parts.port != 0 else SplitResult("", "", "", "", "")
        except ValueError:
            return SplitResult("", "", "", "", "")

    @property
    def host(self) -> str:
        return self.parts.hostname or ""

    @property
    def port(self) -> int:
        return self.parts.port or (443 if self.parts.scheme == "https" else 80)

    @property
    def base(self) -> str:
        """The address without the path of the signal."""
        return f"{self.parts.scheme}://{self.parts.netloc}"

    def setting_for(self, base: str) -> str:
        """What `variable` has to say for spans to go to this address: a signal's own has its path in it."""
        is_whole = self.variable.endswith("TRACES_ENDPOINT") and self.protocol == HTTP
        return f"{base}/v1/traces" if is_whole else base


def destination(subject: Subject) -> Destination:
    """The exporter's own rules: the variable for traces wins, the general one gets /v1/traces behind it."""
    kind = protocol(subject)
    variable = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    if not (url := subject.get(variable)):
        variable = "OTEL_EXPORTER_OTLP_ENDPOINT"
        url = subject.get(variable) or f"http://localhost:{DEFAULT_PORTS.get(kind, 4317)}"
        if kind != GRPC:
            url = url.strip().rstrip("/") + "/v1/traces"
    url = url.strip()
    if kind == GRPC:
        scheme, rest = url.split("://", 1) if "://" in url else ("", url)
        url = f"{'https' if is_secure(subject, scheme.lower()) else 'http'}://{rest}"
    return Destination(kind, url, variable, parse_headers(subject.get(headers_variable(subject))))


def is_secure(subject: Subject, scheme: str) -> bool:
    """gRPC sends TLS to everything but http://, unless a variable says otherwise."""
    if scheme == "https":
        return True
    name = insecure_variable(subject)
    return subject.get(name).lower() != "true" if name else scheme != "http"


def insecure_variable(subject: Subject) -> str:
    """The one that counts, if any of the two is set."""
    names = ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE")
    return next((name for name in names if subject.get(name)), "")


def check_exporter(subject: Subject) -> Check:
    """OTEL_TRACES_EXPORTER names an exporter, and that exporter is installed."""
    if not subject.launched:
        return good(LINK, "exporter", "chosen in the code")
    name = subject.get("OTEL_TRACES_EXPORTER").strip() or "otlp"
    wanted = [one.strip() for one in name.split(",")]
    default = subject.setting("OTEL_TRACES_EXPORTER", "otlp")
    if name.lower() == "none" or set(wanted) <= {"none", "console"}:
        detail = f"OTEL_TRACES_EXPORTER={name} sends no spans anywhere"
        return broken(LINK, "exporter", detail, default)
    packages = subject.packages
    offered = packages.entry_points("opentelemetry_traces_exporter")
    for one in wanted:
        entry = f"otlp_proto_{'grpc' if protocol(subject) == 'grpc' else 'http'}" if one == "otlp" else one
        if entry in offered:
            continue
        package = {
            "otlp_proto_grpc": "opentelemetry-exporter-otlp-proto-grpc",
            "otlp_proto_http": "opentelemetry-exporter-otlp-proto-http",
        }.get(entry)
        if package:
            detail = f"the exporter for OTLP over {protocol(subject)} is not installed ({package})"
            return broken(LINK, "exporter", detail, f"{subject.pip} {package}")
        return broken(
            LINK, "exporter", f"OTEL_TRACES_EXPORTER={name}: {one!r} is no installed exporter", default
        )
    return good(LINK, "exporter", f"OTEL_TRACES_EXPORTER={name}")


def protocol(subject: Subject) -> str:
    """grpc or http/protobuf, as the distro and the variables settle it."""
    if chosen := PROTOCOLS.get(subject.get(EXPORTER)):
        return chosen
    return subject.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL").strip() or GRPC


def check_protocol(subject: Subject) -> Check:
    """A protocol that exists, to the port that speaks it."""
    there = destination(subject)
    if there.protocol not in DEFAULT_PORTS:
        detail = f"{protocol_variable(subject)}={there.protocol}: Python has grpc and http/protobuf"
        return broken(LINK, "protocol", detail, speak(subject, HTTP))
    other = HTTP if there.protocol == GRPC else GRPC
    if there.port == DEFAULT_PORTS[other]:
        detail = f"OTLP over {there.protocol} goes to {there.base}, the port for {other}"
        return broken(LINK, "protocol", detail, speak(subject, other))
    return good(LINK, "protocol", f"{there.protocol} to {there.base}")


def speak(subject: Subject, other: str) -> str:
    """What to type for the exporter to speak this protocol: where it was settled, so that it counts."""
    if subject.get(EXPORTER) in PROTOCOLS:
        return subject.setting(EXPORTER, next(name for name, spoken in PROTOCOLS.items() if spoken == other))
    return subject.setting(protocol_variable(subject), other)


def protocol_variable(subject: Subject) -> str:
    """The one for traces, if it is set, outweighs the general one."""
    own = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
    return own if subject.get(own) else "OTEL_EXPORTER_OTLP_PROTOCOL"


def check_endpoint(subject: Subject) -> Check:
    """An address that the exporter can use."""
    there = destination(subject)
    given = subject.get(there.variable)
    if wrong := misspelled(there, given):
        detail, right = wrong
        return broken(LINK, "endpoint", detail, subject.setting(there.variable, right))
    if not is_host(there.host):
        local = f"http://localhost:{DEFAULT_PORTS.get(there.protocol, DEFAULT_PORTS[HTTP])}"
        right = there.setting_for(local)
        detail = f"{there.variable}={given} is no address: http://HOST:PORT is"
        return broken(LINK, "endpoint", detail, subject.setting(there.variable, right))
    path = there.parts.path
    if path.count("/v1/traces") > 1 or (there.protocol == GRPC and "/v1/" in path):
        detail = f"{there.variable}={given}: the exporter adds the path itself"
        return broken(LINK, "endpoint", detail, subject.setting(there.variable, there.base))
    if there.variable.endswith("TRACES_ENDPOINT") and there.protocol == HTTP and path in {"", "/"}:
        detail = f"{there.variable}={given}: this one is used as it stands, and needs its path"
        return broken(LINK, "endpoint", detail, subject.setting(there.variable, there.base + "/v1/traces"))
    return good(LINK, "endpoint", there.url)


def misspelled(there: Destination, given: str) -> tuple[str, str] | None:
    """What is wrong with the form of the value, and the right one. The exporter takes it to the letter."""
    if given and not given.strip():
        return f"{there.variable} is set, and blank", ""
    if re.search(r"\s", given):
        return f"{there.variable}={given!r} has blanks in it, which are sent along", "".join(given.split())
    match = ADDRESS.fullmatch(given)
    if not given or match is None:
        return None
    scheme, slashes, rest = (match[1] or "").lower(), match[2], match[3]
    if there.protocol == GRPC and slashes == ("//" if scheme else ""):
        return None  # taken with any scheme and with none, over TLS: `check_reachable` tells
    if scheme in SCHEMES and slashes == "//":
        return None
    secure = re.match(r"[^/]*:443(/|$)|([^/]*\.)?honeycomb\.io\b", rest)
    right = scheme if scheme in SCHEMES else "https" if secure else "http"
    why = f"has a scheme that nobody knows, {scheme}" if scheme else "lacks its scheme"
    why = f"is no address: {scheme}://HOST:PORT is" if scheme in SCHEMES else why
    return f"{there.variable}={given} {why}", f"{right}://{rest}"


def is_host(name: str) -> bool:
    """Names have labels of 1 to 63 characters."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return re.fullmatch(r"[\w.:-]+", name) is not None
