"""TM22x: does the global TracerProvider have an exporter that sends?"""

from threemaps.doctor.facts import Facts
from threemaps.doctor.parts import place_of
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Found, State, link
from threemaps.doctor.rules.setup import LAUNCH, launcher_failed, unknown_component
from threemaps.doctor.rules.starting import class_for_object


@link("exporter", "its spans go to an exporter that sends", "TM220", LAUNCH)
def exporter(facts: Facts) -> State:
    sending = [one for one in facts.exporters if one.sends]
    if sending:
        said = ", ".join(f"{one.type} to {one.endpoint or 'its own address'}" for one in sending)
        return State(True, said)
    kinds = ", ".join(one.type for one in facts.exporters)
    return State(False, f"the global TracerProvider has {'only ' + kinds if kinds else 'no span processor'}")


@exporter.rule(
    "TM221", "second-provider", "only the first provider that is made global counts; a later one is refused"
)
def second_provider(facts: Facts) -> Found | None:
    refused = [one for one in facts.seen("global") if not one["accepted"]]
    accepted = facts.last("global", accepted=True)
    if not refused or accepted is None:
        return None
    place, first = place_of(refused[-1]), place_of(accepted)
    made = place_of(facts.provider)
    seen = f"{place} sets a second TracerProvider, which is refused: that of {first or 'the launcher'} counts"
    where = first or made
    if where is None:
        return Found(seen, type=facts.subject.command.replace("opentelemetry-instrument ", "", 1))
    return Found(seen, write=repair.taken_away(where))


@exporter.rule("TM222", "no-processor", "a provider hands its spans to its processors, and it has none")
def no_processor(facts: Facts) -> Found | None:
    place = place_of(facts.provider)
    if facts.exporters or place is None or facts.provider is None:
        return None
    name = repair.name_assigned(place) or "trace.get_tracer_provider()"
    added = {one["processor"] for one in facts.seen("processor-added")}
    loose = [one for one in facts.seen("processor") if one["processor"] not in added and place_of(one)]
    seen = f"the TracerProvider made at {place} has no span processor: nobody calls add_span_processor"
    if loose:
        there = place_of(loose[-1])
        assert there is not None
        processor = repair.name_assigned(there) or "processor"
        return Found(
            f"{seen}({processor}) with that of {there}",
            write=repair.after(there, f"{name}.add_span_processor({processor})"),
        )
    line = f"{name}.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))"
    text = repair.with_import(place, "opentelemetry.sdk.trace.export", "BatchSpanProcessor", line)
    text = repair.with_import(
        place, "opentelemetry.exporter.otlp.proto.http.trace_exporter", "OTLPSpanExporter", text
    )
    return Found(seen, write=repair.after(place, text))


exporter.also(unknown_component, launcher_failed, class_for_object)


@exporter.rule("TM223", "exporter-variable", "OTEL_TRACES_EXPORTER chooses the exporter under the launcher")
def exporter_variable(facts: Facts) -> Found | None:
    name = "OTEL_TRACES_EXPORTER"
    value = facts.inside.get(name).strip()
    if not facts.launched or not value or {one.strip() for one in value.split(",")} - {"none", "console"}:
        return None
    return repair.variable(facts, f"{name}={value} sends no spans anywhere", name, "otlp")


@exporter.rule("TM224", "console-only", "a ConsoleSpanExporter prints the spans; nobody else gets them")
def console_only(facts: Facts) -> Found | None:
    local = [one for one in facts.exporters if not one.sends and one.place]
    if not local:
        return None
    place, provided = local[-1].place, facts.provider and place_of(facts.provider)
    assert place is not None
    what = "prints them to the console" if "Console" in local[-1].type else "keeps them in memory"
    seen = f"the only exporter, {local[-1].type} of {place}, {what}"
    name = repair.name_assigned(provided) if provided else ""
    owner = name or "trace.get_tracer_provider()"
    line = f"{owner}.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))"
    text = repair.with_import(place, "opentelemetry.sdk.trace.export", "BatchSpanProcessor", line)
    text = repair.with_import(
        place, "opentelemetry.exporter.otlp.proto.http.trace_exporter", "OTLPSpanExporter", text
    )
    behind = provided if provided and provided.file == place.file and provided.line > place.line else place
    return Found(seen, write=repair.after(behind, text))
