"""TM4xx: is the request's span sent, and what comes back?"""

import re

from threemaps.basics.nearby import LOOPBACK
from threemaps.doctor.destination import DEFAULT_PORTS, GRPC, HTTP, Destination, misspelled
from threemaps.doctor.environment import check_quotes, check_spelling
from threemaps.doctor.facts import Export, Exporter, Facts, place_of
from threemaps.doctor.inside import LONGEST_DELAY
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Edit, Found, State, link
from threemaps.doctor.rules.setup import as_found
from threemaps.doctor.silent import check_proxy
from threemaps.doctor.wire import Answer, ask

NO_NAME = re.compile(
    r"NameResolution|Name or service not known|[Nn]ame resolution|DNS|nodename nor servname|getaddrinfo"
)
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def sending(facts: Facts) -> list[tuple[Exporter, Export]]:
    return [(one, facts.export_of(one)) for one in facts.exporters if one.sends]


def failing(facts: Facts) -> tuple[Exporter, Export] | None:
    """The first exporter that did not get rid of our spans."""
    return next(((one, export) for one, export in sending(facts) if export.state != "success"), None)


def address(exporter: Exporter) -> Destination:
    url = exporter.endpoint
    if exporter.protocol == GRPC and "://" not in url:
        url = f"https://{url}"
    variable = "" if exporter.by_code else "the variables"
    return Destination(exporter.protocol, url, variable, dict(exporter.headers))


@link(
    "sent", "the span is sent, and accepted", "TM400", "read what the exporter says in the service's own log"
)
def sent(facts: Facts) -> State:
    if not facts.trace:
        return State(None, "no recorded span of the request to follow")
    found = failing(facts)
    if found is None:
        where = ", ".join(one.endpoint or one.type for one, _ in sending(facts))
        return State(True, f"exported to {where}, which took it")
    exporter, export = found
    where = exporter.endpoint or exporter.type
    if export.state == "none":
        return State(False, f"the span waits for {exporter.type} to {where}, and was not sent")
    words = export.words or "the exporter says nothing"
    return State(False, f"{where} did not take it: {words[:300]}")


@sent.rule(
    "TM401", "held-back", "a batch is sent when its delay is over, or when 512 spans have come together"
)
def held_back(facts: Facts) -> Found | None:
    for exporter, export in sending(facts):
        if export.state == "none" and exporter.delay_ms / 1000 > LONGEST_DELAY:
            seconds = exporter.delay_ms / 1000
            if not exporter.delay_by_code:
                name = "OTEL_BSP_SCHEDULE_DELAY"
                return repair.variable(
                    facts, f"{name}={exporter.delay_ms:.0f}: spans are sent every {seconds:.0f} s", name, ""
                )
            place = next(
                (one for one in facts.seen("processor") if one["processor"] == exporter.processor), None
            )
            where = place_of(place)
            if where is None:
                return None
            text = re.sub(r",?\s*schedule_delay_millis\s*=\s*[\d_.]+", "", where.text)
            seen = f"{where} sends spans every {seconds:.0f} s (schedule_delay_millis)"
            return Found(seen, write=Edit(where.file, where.line, "replace", text))
    return None


@sent.rule("TM417", "processor-shut-down", "a processor that was shut down takes no more spans")
def processor_shut_down(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None or facts.request is None:
        return None
    shut = facts.last("processor-shutdown", processor=found[0].processor)
    place = place_of(shut)
    if shut is None or place is None or shut["at"] > facts.request["at"]:
        return None
    return Found(
        f"{place} shuts the span processor down before the request", write=Edit.at(place, "replace", "")
    )


@sent.rule("TM402", "process-ended", "spans wait in the process that made them, and end with it")
def process_ended(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None or found[1].state != "none" or not facts.is_over:
        return None
    process = facts.process or {}
    seen = f"process {process.get('pid', '?')} answered the request and ended before its spans were sent"
    if process.get("forked"):
        seen += ": the server forks a process for each request"
        pattern = r",?\s*processes\s*=\s*\d+"
        from threemaps.doctor.rules.starting import without

        if edit := without(facts, pattern, ""):
            return Found(seen, write=edit)
    return Found(seen, type="export OTEL_BSP_SCHEDULE_DELAY=100")


@sent.rule(
    "TM415", "misspelled-variable", "a misspelled variable is not an error to anybody: it is simply not read"
)
def misspelled_variable(facts: Facts) -> Found | None:
    return as_found(check_spelling(facts.inside)) if failing(facts) else None


@sent.rule("TM416", "quotes", "quotes that a shell takes off stay on in an env file or a YAML list")
def quotes(facts: Facts) -> Found | None:
    return as_found(check_quotes(facts.inside)) if failing(facts) else None


@sent.rule("TM403", "malformed-endpoint", "the exporter takes an address to the letter")
def malformed_endpoint(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None or not found[0].protocol:
        return None
    exporter = found[0]
    if exporter.by_code:
        if not (exporter.place and (wrong := misspelled(address(exporter), exporter.endpoint))):
            return None
        return in_code(
            exporter,
            f"{exporter.place}: endpoint={exporter.endpoint!r} is misspelled",
            exporter.endpoint,
            wrong[1],
        )
    name = endpoint_variable(facts)
    given = facts.inside.environ.get(name, "")
    wrong = misspelled(Destination(exporter.protocol, exporter.endpoint, name, {}), given)
    return repair.variable(facts, wrong[0], name, wrong[1]) if wrong else None


def endpoint_variable(facts: Facts) -> str:
    return next((name for name in ENDPOINTS if facts.inside.environ.get(name)), ENDPOINTS[1])


def in_code(exporter: Exporter, seen: str, old: str, new: str) -> Found:
    """A text in the line where the exporter is made, with another one in its place."""
    place = exporter.place
    assert place is not None
    if old in place.text:
        return Found(seen, write=Edit(place.file, place.line, "replace", place.text.replace(old, new)))
    for number, line in enumerate(place.file.read_text(errors="replace").splitlines(), start=1):
        if old in line:
            return Found(seen, write=Edit(place.file, number, "replace", line.replace(old, new)))
    return Found(f"{seen}: write {new}", type=f"grep -rn {old} {place.file.parent}")


@sent.rule("TM404", "proxy", "a proxy looks for localhost, or a container's name, on its own side")
def proxy(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None or not found[0].protocol:
        return None
    check = check_proxy(facts.inside, address(found[0]))
    return None if check.ok else Found(check.detail, type=check.next_step)


@sent.rule("TM405", "no-such-host", "a name that does not resolve has no address to send to")
def no_such_host(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None or not NO_NAME.search(found[1].words):
        return None
    host = address(found[0]).host
    return aim(facts, found[0], f"no host is called {host!r}, where its spans should go")


def aim(facts: Facts, exporter: Exporter, seen: str) -> Found:
    """The spans, to the collector of this machine."""
    right = f"http://localhost:{DEFAULT_PORTS.get(exporter.protocol, 4318)}"
    return at(facts, exporter, seen, right)


def at(facts: Facts, exporter: Exporter, seen: str, base: str) -> Found:
    if exporter.by_code and exporter.place:
        path = "/v1/traces" if exporter.protocol == HTTP else ""
        return in_code(exporter, f"{exporter.place}: {seen}", exporter.endpoint, base + path)
    name = endpoint_variable(facts)
    whole = name == ENDPOINTS[0] and exporter.protocol == HTTP
    return repair.variable(
        facts,
        f"{name}={facts.inside.environ.get(name, '')}: {seen}",
        name,
        f"{base}/v1/traces" if whole else base,
    )


@sent.rule(
    "TM406", "other-protocol", "OTLP over gRPC and over HTTP are two protocols, each on a port of its own"
)
def other_protocol(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None or not found[0].protocol or not (there := address(found[0])).host:
        return None
    exporter = found[0]
    wanted, other = (
        (Answer.HTTP2, Answer.HTTP1) if exporter.protocol == GRPC else (Answer.HTTP1, Answer.HTTP2)
    )
    answer = ask(there.host, there.port, there.parts.scheme == "https", exporter.protocol == GRPC)
    if answer is not other or answer is wanted:
        return None
    spoken = HTTP if exporter.protocol == GRPC else GRPC
    seen = f"OTLP over {exporter.protocol} goes to {there.base}, which speaks {spoken}"
    if (
        "proto." in str(exporter.place and exporter.place.file.read_text(errors="replace"))
        and not facts.launched
    ):
        return other_exporter(facts, exporter, seen, spoken)
    name = next(
        (
            one
            for one in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
            if facts.inside.get(one)
        ),
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    )
    if facts.inside.get("OTEL_TRACES_EXPORTER").startswith("otlp_proto_"):
        name, spoken = "OTEL_TRACES_EXPORTER", "otlp_proto_http" if spoken == HTTP else "otlp_proto_grpc"
    return repair.variable(facts, seen, name, spoken)


def other_exporter(facts: Facts, exporter: Exporter, seen: str, spoken: str) -> Found:
    now, then = ("grpc", "http") if spoken == HTTP else ("http", "grpc")
    assert exporter.place is not None
    if exporter.by_code and spoken == GRPC:
        local = f"http://localhost:{DEFAULT_PORTS[HTTP]}/v1/traces"
        for number, line in enumerate(exporter.place.file.read_text(errors="replace").splitlines(), start=1):
            if f"otlp.proto.{now}" in line:
                edit = Edit(
                    exporter.place.file,
                    number,
                    "replace",
                    line.replace(f"otlp.proto.{now}", f"otlp.proto.{then}"),
                )
                return Found(f"{seen}; or send to {local}", write=edit)
    return in_code(exporter, seen, f"otlp.proto.{now}", f"otlp.proto.{then}")


@sent.rule("TM407", "no-tls", "one side speaks TLS, and the other one does not")
def no_tls(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None or not found[0].protocol or not (there := address(found[0])).host:
        return None
    exporter = found[0]
    secure = there.parts.scheme == "https" and exporter.endpoint.startswith("https")
    by_default = exporter.protocol == GRPC and "://" not in exporter.endpoint
    insecure = next(
        (
            one
            for one in ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE")
            if facts.inside.get(one)
        ),
        "",
    )
    forced = exporter.protocol == GRPC and insecure and facts.inside.get(insecure).lower() != "true"
    if (
        not (secure or by_default or forced)
        or ask(there.host, there.port, False, exporter.protocol == GRPC) is Answer.SILENT
    ):
        return None
    seen = f"what answers at {there.host}:{there.port} speaks no TLS, and the exporter sends it (https)"
    if forced and not secure:
        return repair.variable(facts, seen, insecure, "true")
    if exporter.by_code and exporter.place:
        return in_code(
            exporter, seen, exporter.endpoint, "http://" + exporter.endpoint.removeprefix("https://")
        )
    name = endpoint_variable(facts)
    return repair.variable(
        facts, seen, name, "http://" + facts.inside.environ.get(name, "").removeprefix("https://")
    )


@sent.rule("TM408", "nobody-listens", "what is sent to a port where nobody listens is lost after ten seconds")
def nobody_listens(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None or not found[0].protocol or not (there := address(found[0])).host:
        return None
    if (
        ask(there.host, there.port, there.parts.scheme == "https", found[0].protocol == GRPC)
        is not Answer.SILENT
    ):
        return None
    seen = f"nothing that speaks OTLP answers at {there.base}"
    if there.host not in LOOPBACK:
        return Found(seen, type=f"curl -v {there.base}")
    if there.port in DEFAULT_PORTS.values():
        return Found(f"{seen}: no collector runs", type="threemaps up")
    return aim(
        facts,
        found[0],
        f"{seen}; `threemaps up` starts a collector at {DEFAULT_PORTS[found[0].protocol]}",
    )
