"""Where a service's spans go, by the exporter's own rules."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, urlsplit

from threemaps.doctor.probe.ends import header_pairs
from threemaps.doctor.subject import Subject

GRPC, HTTP = "grpc", "http/protobuf"
DEFAULT_PORTS = {GRPC: 4317, HTTP: 4318}
PATH = "/v1/traces"
EXPORTER = "OTEL_TRACES_EXPORTER"
PROTOCOLS = {"otlp_proto_http": HTTP, "otlp_proto_grpc": GRPC}  # exporters that speak one only
SCHEMES = ("http", "https")
ADDRESS = re.compile(r"(?:(https?|[a-z][a-z0-9+.-]*(?=:/)):?(?=/)|(https?):)?(/*)(.*)", re.IGNORECASE)


@dataclass(frozen=True)
class Destination:
    """`url` is what the exporter ends up with."""

    protocol: str
    url: str
    headers: Mapping[str, str]

    @cached_property
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
        return self.parts.port or (443 if self.is_secure else 80)

    @property
    def is_secure(self) -> bool:
        return self.parts.scheme == "https"

    @property
    def base(self) -> str:
        """The address without the path of the signal."""
        return f"{self.parts.scheme}://{self.parts.netloc}"


def variable_of(subject: Subject, name: str) -> str:
    """Of OTEL_EXPORTER_OTLP_name the one for traces, which outweighs the general one where it is set."""
    own = f"OTEL_EXPORTER_OTLP_TRACES_{name}"
    return own if subject.get(own) else f"OTEL_EXPORTER_OTLP_{name}"


def destination(subject: Subject) -> Destination:
    """By variables alone: that for traces is used as it stands, the general one gets /v1/traces behind it."""
    kind = protocol(subject)
    variable = variable_of(subject, "ENDPOINT")
    url = (subject.get(variable) or f"http://localhost:{DEFAULT_PORTS.get(kind, 4317)}").strip()
    if kind != GRPC and "TRACES" not in variable:
        url = url.rstrip("/") + PATH
    return Destination(kind, url, header_pairs(subject.get(variable_of(subject, "HEADERS"))))


def protocol(subject: Subject) -> str:
    """grpc or http/protobuf, as the distro and the variables settle it."""
    return (
        PROTOCOLS.get(subject.get(EXPORTER)) or subject.get(variable_of(subject, "PROTOCOL")).strip() or GRPC
    )


def with_scheme(subject: Subject, kind: str, url: str) -> str:
    """gRPC sends TLS to everything but http://, unless a variable says otherwise; HTTP takes it as it is."""
    if kind != GRPC:
        return url
    scheme, rest = url.split("://", 1) if "://" in url else ("", url)
    insecure = subject.get(variable_of(subject, "INSECURE")).lower()
    is_plain = scheme.lower() != "https" and (insecure == "true" if insecure else scheme.lower() == "http")
    return f"{'http' if is_plain else 'https'}://{rest}"


def misspelled(kind: str, given: str) -> tuple[str, str] | None:
    """What is wrong with the form of an address, and the right one. The exporter takes it to the letter."""
    if given and not given.strip():
        return "is set, and blank", ""
    if re.search(r"\s", given):
        return "has blanks in it, which are sent along", "".join(given.split())
    if (found := re.search(r":([^/:\]@]+)(?=/|$)", given.partition("://")[2])) and not found[1].isdigit():
        local = f":{DEFAULT_PORTS.get(kind, DEFAULT_PORTS[HTTP])}"
        return f"has {found[1]!r} for a port", given[::-1].replace(found[0][::-1], local[::-1], 1)[::-1]
    match = ADDRESS.fullmatch(given)
    if not given or match is None:
        return None
    scheme, slashes, rest = (match[1] or match[2] or "").lower(), match[3], match[4]
    if kind == GRPC and slashes == ("//" if scheme else ""):
        return None  # taken with any scheme and with none, over TLS
    if scheme in SCHEMES and slashes == "//" and given.lower().startswith(f"{scheme}://"):
        return None
    secure = re.match(r"[^/]*:443(/|$)|([^/]*\.)?honeycomb\.io\b", rest)
    right = scheme if scheme in SCHEMES else "https" if secure else "http"
    why = f"has a scheme that nobody knows, {scheme}" if scheme else "lacks its scheme"
    why = f"is no address: {scheme}://HOST:PORT is" if scheme in SCHEMES else why
    return why, f"{right}://{rest}"
