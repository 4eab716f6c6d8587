"""TM40x and TM41x: is the request's span sent, and what comes back?"""

from collections.abc import Callable

from threemaps.doctor.destination import Destination, variable_of, with_scheme
from threemaps.doctor.facts import Facts
from threemaps.doctor.inside import LONGEST_DELAY
from threemaps.doctor.parts import Export, Exporter, Place, place_of
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Found, State, link
from threemaps.doctor.rules.starting import class_for_object
from threemaps.doctor.rules.variables import misspelled_name, quoted

SDKS_OWN = ("", "BatchSpanProcessor", "SimpleSpanProcessor")
Look = Callable[[Facts, Exporter, Export], Found | None]


def sending(facts: Facts) -> list[tuple[Exporter, Export]]:
    return [(one, facts.export_of(one)) for one in facts.exporters if one.sends]


def failing(facts: Facts) -> tuple[Exporter, Export] | None:
    """The first exporter that did not get rid of our spans."""
    return next(((one, export) for one, export in sending(facts) if export.state != "success"), None)


def is_otlp(facts: Facts, exporter: Exporter) -> bool:
    return bool(exporter.protocol or facts.of_trace("handed-on", exporter))


def address(facts: Facts, exporter: Exporter) -> Destination:
    """Where it really sends, scheme and all."""
    url = exporter.endpoint
    if exporter.insecure and not url.startswith("https://"):
        url = f"http://{url.rpartition('://')[2]}"
    return Destination(exporter.protocol, with_scheme(facts.inside, exporter.protocol, url), exporter.headers)


def at(facts: Facts, exporter: Exporter, seen: str, base: str) -> Found:
    """The spans, to another address: in the code or in the variable that has it now."""
    own_path = "/v1/traces" if exporter.protocol != "grpc" else ""
    if exporter.by_code and exporter.place:
        return repair.in_code(exporter.place, f"{exporter.place}: {seen}", exporter.endpoint, base + own_path)
    name = variable_of(facts.inside, "ENDPOINT")
    said = f"{name}={facts.inside.environ.get(name, '')}: {seen}"
    return repair.variable(facts, said, name, base + own_path if "TRACES" in name else base)


@link("sent", "the span is sent, and accepted", "TM400", "OTEL_LOG_LEVEL=debug {command}")
def sent(facts: Facts) -> State:
    if not facts.trace:
        return State(None, "no recorded span of the request to follow")
    found = failing(facts)
    if found is None:
        where = ", ".join(one.endpoint or one.type for one, _ in sending(facts))
        if unclear := next((one.type for one, _ in sending(facts) if not is_otlp(facts, one)), ""):
            return State(None, f"whether {unclear} sends the span: it is not OTLP's own, and says it did")
        return State(True, f"exported to {where}, which took it")
    exporter, export = found
    where = exporter.endpoint or exporter.type
    if export.state == "none":
        return State(False, f"the span waits for {exporter.type} to {where}, and was not sent")
    if export.state == "kept":
        return State(False, f"{exporter.type} took the span, and does not send it")
    return State(False, f"{where} did not take it: {(export.words or 'the exporter says nothing')[:300]}")


def unsent(code: str, name: str, why: str) -> Callable[[Look], Look]:
    """A rule on the first exporter that did not get rid of our spans."""

    def add(find: Look) -> Look:
        def look(facts: Facts) -> Found | None:
            found = failing(facts)
            return find(facts, *found) if found else None

        sent.rule(code, name, why)(look)
        return find

    return add


sent.also(class_for_object)


@unsent("TM401", "held-back", "a batch is sent when its delay is over, or when 512 spans have come together")
def held_back(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    seconds = exporter.delay_ms / 1000
    if what.state != "none" or seconds <= LONGEST_DELAY:
        return None
    if not exporter.delay_by_code:
        name = "OTEL_BSP_SCHEDULE_DELAY"
        seen = f"{name}={exporter.delay_ms:.0f}: milliseconds, so spans are sent every {seconds:.0f} s"
        return repair.variable(facts, seen, name, "")
    where = place_of(facts.last("processor", processor=exporter.processor))
    if where is None:
        return None
    seen = f"{where} sends spans every {seconds:.0f} s (schedule_delay_millis)"
    return repair.without_argument(where, seen, "schedule_delay_millis")


@unsent("TM421", "other-provider", "a span goes to the exporters of the provider that its tracer came from")
def other_provider(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    span = facts.span_that_counts
    owner = facts.last("provider", provider=span.get("provider")) if span else None
    place = place_of(owner)
    if owner is None or place is None or owner is facts.provider or what.state != "none":
        return None
    seen = f"the request's span belongs to the TracerProvider of {place}, which has no exporter that sends"
    where = place_of(facts.last("instrument-app"))
    if where and "tracer_provider" in where.text:
        return repair.without_argument(where, seen, "tracer_provider")
    return Found(seen, write=repair.after(place, f"trace.set_tracer_provider({repair.name_assigned(place)})"))


@unsent("TM422", "kept-back", "a processor hands on what its on_end() hands on")
def kept_back(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    added = facts.last("processor-added", processor=exporter.processor)
    queued = [one for one in facts.seen("queued") if one["processor"] == exporter.processor]
    if added is None or added.get("type", "") in SDKS_OWN or what.state != "none" or not facts.trace:
        return None
    if any(one["trace"] == facts.trace for one in queued):
        return None
    place = place_of(facts.last("processor", processor=exporter.processor))
    seen = f"{added['type']}, the processor made at {place}, does not hand the span on"
    return instead(place, seen, added["type"], "BatchSpanProcessor") if place else Found(seen)


@unsent("TM423", "exporter-keeps", "what an exporter leaves out reaches nobody, whatever it answers")
def exporter_keeps(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    place = place_of(facts.last("processor", processor=exporter.processor))
    if what.state != "kept" or place is None:
        return None
    seen = f"{exporter.type}, the exporter of {place}, took the span and hands it on to no export()"
    return instead(place, seen, exporter.type, "OTLPSpanExporter")


def instead(place: Place, seen: str, own: str, sdks: str) -> Found:
    """The SDK's class for one of the service's own, or what that is put around."""
    if inner := repair.without_call(place, own, "Processor" if sdks.endswith("Processor") else "Exporter"):
        return Found(seen, write=inner)
    return repair.in_code(place, seen, f"{own}(", f"{sdks}(", but=f"class {own}(")


@unsent("TM417", "processor-shut-down", "a processor that was shut down takes no more spans")
def processor_shut_down(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    shut = facts.last("processor-shutdown", processor=exporter.processor)
    place = place_of(shut)
    if shut is None or place is None or facts.request is None or shut["at"] > facts.request["at"]:
        return None
    seen = f"{place} shuts the span processor down before the request"
    return Found(seen, write=repair.taken_away(place))


@unsent("TM402", "process-ended", "spans wait in the process that made them, and end with it")
def process_ended(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    if what.state != "none" or not facts.is_over or not facts.trace:
        return None
    process = facts.process or {}
    seen = f"process {process.get('pid', '?')} answered the request and ended before its spans were sent"
    if process.get("forked"):
        seen += ": the server forks a process for each request"
        if edit := repair.without(facts, r",?\s*processes\s*=\s*\d+", ""):
            return Found(seen, write=edit)
    return Found(seen, type="export OTEL_BSP_SCHEDULE_DELAY=100")


@sent.rule(
    "TM415", "misspelled-variable", "a misspelled variable is not an error to anybody: it is simply not read"
)
def misspelled_variable(facts: Facts) -> Found | None:
    return misspelled_name(facts) if facts.expected or failing(facts) else None


@sent.rule("TM416", "quotes", "quotes that a shell takes off stay on in an env file or a YAML list")
def quotes(facts: Facts) -> Found | None:
    return quoted(facts) if facts.expected or failing(facts) else None
