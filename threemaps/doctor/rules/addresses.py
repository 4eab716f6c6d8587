"""TM40x and TM41x, too: the address that spans go to, and what stands there."""

import re
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from threemaps.basics.nearby import LOOPBACK, excepted
from threemaps.doctor.destination import (
    DEFAULT_PORTS,
    EXPORTER,
    GRPC,
    HTTP,
    PATH,
    PROTOCOLS,
    Destination,
    misspelled,
    variable_of,
)
from threemaps.doctor.ends import Standing, standing_at
from threemaps.doctor.facts import Facts
from threemaps.doctor.honeycomb import is_honeycomb
from threemaps.doctor.parts import Export, Exporter
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Found
from threemaps.doctor.rules.sending import address, at, unsent
from threemaps.doctor.subject import Subject
from threemaps.settings import HONEYCOMB_ENDPOINT, HONEYCOMB_EUROPE

NO_NAME = re.compile(
    r"NameResolution|Name or service not known|[Nn]ame resolution|DNS|nodename nor servname|getaddrinfo"
)
GRPC_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")


def standing(facts: Facts, exporter: Exporter) -> Standing:
    """What stands at the exporter's address; asked once."""
    there = address(facts, exporter)
    if not facts.asks or not exporter.protocol or not there.host:
        return Standing.UNCLEAR
    known: Standing | None = facts.standings.get(there.url)
    facts.standings[there.url] = known = known or standing_at(there)
    return known


def to_collector(facts: Facts, exporter: Exporter, seen: str) -> Found:
    """The spans, to the collector of this machine."""
    return at(facts, exporter, seen, f"http://localhost:{DEFAULT_PORTS.get(exporter.protocol, 4318)}")


@unsent("TM403", "malformed-endpoint", "the exporter takes an address to the letter")
def malformed_endpoint(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    if not exporter.protocol:
        return None
    name = variable_of(facts.inside, "ENDPOINT")
    given = exporter.endpoint if exporter.by_code else facts.inside.environ.get(name, "")
    wrong = misspelled(exporter.protocol, given)
    if wrong is None:
        return None
    if exporter.by_code:
        place = exporter.place
        seen = f"{place}: endpoint={given!r} {wrong[0]}"
        return repair.in_code(place, seen, given, wrong[1]) if place else None
    return repair.variable(facts, f"{name}={given} {wrong[0]}", name, wrong[1])


@unsent("TM412", "honeycomb-address", "Honeycomb takes spans at api.honeycomb.io, over TLS")
def honeycomb_address(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    there = address(facts, exporter)
    right = HONEYCOMB_EUROPE if ".eu1." in there.host else HONEYCOMB_ENDPOINT
    if not is_honeycomb(there.host) or there.base in (right, f"{right}:443"):
        return None
    return at(facts, exporter, f"Honeycomb takes spans at {right}", right)


@unsent("TM404", "proxy", "a proxy looks for localhost, or a container's name, on its own side")
def proxy(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    there = address(facts, exporter)
    proxied, unproxied = proxy_variables(facts.inside, there)
    exceptions = facts.inside.get(unproxied)
    is_near = there.host in LOOPBACK or "." not in there.host
    if not (proxied and is_near and exporter.protocol) or is_excepted(there, exceptions):
        return None
    wanted = excepted(exceptions)
    wanted = wanted if there.host in LOOPBACK else f"{wanted},{there.host}"
    seen = f"{proxied} sends what is meant for {there.base} to a proxy"
    return repair.variable(facts, seen, unproxied, wanted)


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


@unsent("TM405", "no-such-host", "a name that does not resolve has no address to send to")
def no_such_host(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    if not NO_NAME.search(what.words):
        return None
    host = address(facts, exporter).host
    return to_collector(facts, exporter, f"no host is called {host!r}, where its spans should go")


@unsent(
    "TM406", "other-protocol", "OTLP over gRPC and over HTTP are two protocols, each on a port of its own"
)
def other_protocol(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    if standing(facts, exporter) is not Standing.OTHER_PROTOCOL:
        return None
    spoken = HTTP if exporter.protocol == GRPC else GRPC
    there = address(facts, exporter)
    seen = f"OTLP over {exporter.protocol} goes to {there.base}, which speaks {spoken}"
    beside = f"{there.parts.scheme}://{there.host}:{DEFAULT_PORTS[exporter.protocol]}"
    if there.port == DEFAULT_PORTS[spoken] and takes(exporter.protocol, beside):
        return at(facts, exporter, f"{seen}; the other port, {beside}, takes it", beside)
    if exporter.place is not None:  # made by the service's own code
        url = (there.base + (PATH if spoken == HTTP else "")) if exporter.by_code else ""
        return repair.exporter_of(exporter.place, seen, "http" if spoken == HTTP else "grpc", url)
    if facts.inside.get(EXPORTER) in PROTOCOLS:
        named = next(name for name, kind in PROTOCOLS.items() if kind == spoken)
        return repair.variable(facts, seen, EXPORTER, named)
    return repair.variable(facts, seen, variable_of(facts.inside, "PROTOCOL"), spoken)


def takes(protocol: str, base: str) -> bool:
    url = base + (PATH if protocol == HTTP else "")
    return standing_at(Destination(protocol, url, {})) is Standing.OTLP


@unsent("TM407", "no-tls", "one side speaks TLS, and the other one does not")
def no_tls(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    if standing(facts, exporter) is not Standing.NO_TLS:
        return None
    there, insecure = address(facts, exporter), variable_of(facts.inside, "INSECURE")
    seen = f"what answers at {there.host}:{there.port} speaks no TLS, and the exporter sends it (https)"
    if exporter.protocol == GRPC and facts.inside.get(insecure) and not exporter.endpoint.startswith("https"):
        return repair.variable(facts, seen, insecure, "true")
    return at(facts, exporter, seen, f"http://{there.parts.netloc}")


@unsent("TM420", "no-certificate", "a file that is not there makes the exporter give up before it sends")
def no_certificate(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    name = variable_of(facts.inside, "CERTIFICATE")
    given = facts.inside.get(name)
    if not given or not address(facts, exporter).is_secure or (facts.inside.folder / given).is_file():
        return None
    return repair.variable(facts, f"{name}={given}: there is no such file", name, "")


@unsent("TM411", "wrong-path", "over HTTP spans are taken at /v1/traces, and nowhere else")
def wrong_path(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    there = address(facts, exporter)
    is_refused = re.search(r"\b(400|404|405|501)\b|UNIMPLEMENTED", " ".join(what.said))
    is_unknown = standing(facts, exporter) is Standing.UNKNOWN_PATH
    if not is_refused and not is_unknown:
        return None
    if exporter.protocol == HTTP and there.parts.path != PATH:
        seen = f"spans go to {exporter.endpoint}, and a collector takes them at {there.base}{PATH}"
        return at(facts, exporter, seen, there.base)
    if not is_unknown and not re.search(r"\b(404|405|501)\b|UNIMPLEMENTED", " ".join(what.said)):
        return None
    what_it_lacks = there.parts.path or "OTLP"
    seen = f"what answers at {there.base} is no collector: it has no {what_it_lacks}"
    return to_collector(facts, exporter, seen)


@unsent("TM408", "nobody-listens", "what is sent to a port where nobody listens is lost after ten seconds")
def nobody_listens(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    if standing(facts, exporter) is not Standing.NOBODY:
        return None
    there = address(facts, exporter)
    seen = f"nothing that speaks OTLP answers at {there.base}"
    if there.host not in LOOPBACK:
        return Found(seen, type=f"curl -v {there.base}")
    if there.port in DEFAULT_PORTS.values():
        return Found(f"{seen}: no collector runs", type="threemaps up")
    port = DEFAULT_PORTS[exporter.protocol]
    return to_collector(facts, exporter, f"{seen}; `threemaps up` starts a collector at {port}")


@unsent("TM413", "timeout", "an exporter without time gives up before it has sent")
def timeout(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    name = variable_of(facts.inside, "TIMEOUT")
    given = facts.inside.environ.get(name, "")
    is_short = re.search(r"[Tt]imed? ?out|DEADLINE", " ".join(what.said))
    if not given or not (is_short or is_no_time(given)):
        return None
    said = what.words[:150] or "nothing sent"
    return repair.variable(facts, f"{name}={given} seconds: the exporter gives up with {said}", name, "")


def is_no_time(text: str) -> bool:
    try:
        return not 0 < float(text) < float("inf")
    except ValueError:
        return True


@unsent("TM414", "too-fast", "a vendor that answers 429 takes no more for now")
def too_fast(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    if not re.search(r"\b429\b|RESOURCE_EXHAUSTED", what.words):
        return None
    return Found(f"{exporter.endpoint} takes no more for now: {what.words[:200]}", type="threemaps spend")
