"""Somebody else's service: where its spans go, and whether anything there speaks the same protocol."""

import os
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

import requests

from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.subject import Subject
from threemaps.doctor.wire import Answer, ask
from threemaps.nearby import LOOPBACK, session_for

LINK = "exporter"
GRPC, HTTP = "grpc", "http/protobuf"
DEFAULT_PORTS = {GRPC: 4317, HTTP: 4318}


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
    url = subject.get(variable).strip()
    if not url:
        variable = "OTEL_EXPORTER_OTLP_ENDPOINT"
        url = subject.get(variable).strip() or f"http://localhost:{DEFAULT_PORTS.get(kind, 4317)}"
        if kind != GRPC:
            url = url.rstrip("/") + "/v1/traces"
    if kind == GRPC and "://" not in url:
        insecure = subject.get("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE")
        url = f"{'http' if insecure.lower() == 'true' else 'https'}://{url}"
    text = subject.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
    return Destination(kind, url, variable, parse_headers(text))


def parse_headers(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {
        unquote(name).strip().lower(): unquote(value).strip() for name, separator, value in pairs if separator
    }


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
    exporter = subject.get("OTEL_TRACES_EXPORTER")
    if exporter in {"otlp_proto_http", "otlp_proto_grpc"}:
        return "grpc" if exporter.endswith("grpc") else "http/protobuf"
    named = subject.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL").strip()
    if not subject.launched:
        imported = {name for source in subject.sources for name in source.names}
        if any("exporter.otlp.proto.http" in name for name in imported):
            return "http/protobuf"
        if any("exporter.otlp.proto.grpc" in name for name in imported):
            return "grpc"
    return named or "grpc"


def check_protocol(subject: Subject) -> Check:
    """A protocol that exists, to the port that speaks it."""
    there = destination(subject)
    variable = (
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
        if subject.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        else "OTEL_EXPORTER_OTLP_PROTOCOL"
    )
    if there.protocol not in DEFAULT_PORTS:
        detail = f"{variable}={there.protocol}: Python has grpc and http/protobuf"
        return broken(LINK, "protocol", detail, subject.setting(variable, HTTP))
    other = HTTP if there.protocol == GRPC else GRPC
    if there.port == DEFAULT_PORTS[other]:
        detail = f"OTLP over {there.protocol} goes to {there.base}, the port for {other}"
        return broken(LINK, "protocol", detail, subject.setting(variable, other))
    return good(LINK, "protocol", f"{there.protocol} to {there.base}")


def check_endpoint(subject: Subject) -> Check:
    """An address that the exporter can use."""
    there = destination(subject)
    given = subject.get(there.variable)
    if given and "://" not in given and there.protocol != GRPC:
        detail = f"{there.variable}={given} lacks its scheme"
        scheme = "https" if given.endswith(":443") or "honeycomb.io" in given else "http"
        return broken(LINK, "endpoint", detail, subject.setting(there.variable, f"{scheme}://{given}"))
    if not re.fullmatch(r"[\w.:-]+", there.host):
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


def check_reachable(subject: Subject) -> Check:
    """Something listens there and speaks this protocol."""
    there = destination(subject)
    if not shares_network(subject):
        return good(LINK, "reachable", f"{there.base} is seen from inside the container only")
    answer = ask(there.host, there.port, there.parts.scheme == "https", there.protocol == GRPC)
    if answer is Answer.SILENT:
        return silent(subject, there)
    spoken = GRPC if answer is Answer.HTTP2 else HTTP
    if answer is not Answer.BOTH and spoken != there.protocol:
        detail = f"{there.base} speaks {spoken}, and the exporter sends {there.protocol}"
        return broken(LINK, "reachable", detail, subject.setting("OTEL_EXPORTER_OTLP_PROTOCOL", spoken))
    if there.protocol == HTTP and is_unknown_path(there.url):
        detail = f"{there.base} knows no {there.parts.path}: OTLP is taken at /v1/traces"
        return broken(
            LINK, "reachable", detail, subject.setting(there.variable, there.setting_for(there.base))
        )
    return good(LINK, "reachable", f"{there.base} answers and speaks {there.protocol}")


def silent(subject: Subject, there: Destination) -> Check:
    """Nobody there, or somebody who speaks no TLS."""
    is_secure = there.parts.scheme == "https"
    if is_secure and ask(there.host, there.port, False, there.protocol == GRPC) is not Answer.SILENT:
        detail = f"what answers at {there.host}:{there.port} speaks no TLS, and the exporter sends https"
        plain = subject.get(there.variable).replace("https://", "http://")
        return broken(LINK, "reachable", detail, subject.setting(there.variable, plain))
    detail = f"nothing that speaks OTLP answers at {there.base}"
    return broken(
        LINK, "reachable", detail, "threemaps up" if there.host in LOOPBACK else f"curl -v {there.base}"
    )


def is_unknown_path(url: str) -> bool:
    """An empty export is no data, and tells whether anybody takes it there."""
    headers = {"Content-Type": "application/x-protobuf"}
    try:
        with session_for(url) as session:
            return session.post(url, b"", headers=headers, timeout=3).status_code in (404, 405)
    except requests.RequestException:
        return False


def shares_network(subject: Subject) -> bool:
    """A container has its own localhost and its own names."""
    if subject.pid is None:
        return True
    try:
        return network_of("self") == network_of(subject.pid)
    except OSError:
        return True


def network_of(pid: int | str) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")
