"""OpenTelemetry's SDK: providers, processors, exporters, and each span on its way through them."""

from __future__ import annotations

import _thread
import os

from . import channel, ends, imports

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any

DELAY = "OTEL_BSP_SCHEDULE_DELAY"
MOST_TRACES = 20
owners: dict[int, tuple[object, object]] = {}  # tracer → its provider
exporting: dict[int, int] = {}  # thread → the processor whose exporter is at work


def sdk_trace_imported(module: Any) -> Any:
    imports.after(module.TracerProvider, "__init__", provider_made)
    imports.after(module.TracerProvider, "add_span_processor", processor_added)
    imports.after(module.TracerProvider, "get_tracer", tracer_got)
    imports.after(module.TracerProvider, "shutdown", provider_shut_down)
    imports.after(module.Tracer, "start_span", with_first(span_started, module.Tracer.start_span))
    imports.after(module.Span, "end", span_ended)


def provider_made(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    provider = arguments[0]
    if error is not None:
        channel.tell("provider-failed", why=f"{type(error).__name__}: {error}", place=imports.place())
        return
    named = {name: str(value) for name, value in provider.resource.attributes.items() if is_told(name)}
    channel.tell(
        "provider",
        signal="traces",
        provider=channel.number_of(provider),
        sampler=provider.sampler.get_description(),
        resource=named,
        place=imports.place(),
    )


def is_told(attribute: str) -> bool:
    return attribute.startswith(("service", "deployment", "telemetry", "aws.", "cloud."))


def processor_added(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    provider, processor = arguments[0], (arguments[1:] or list(keywords.values()))[0]
    exporter = getattr(processor, "span_exporter", None)
    channel.tell(
        "processor-added",
        provider=channel.number_of(provider),
        processor=channel.number_of(processor),
        type=type(processor).__name__,
        exporter=None if exporter is None else channel.number_of(exporter),
        place=imports.place(),
    )


def tracer_got(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    """Which provider a tracer belongs to; it is kept, so that its number stays its own."""
    if result is not None:
        owners[id(result)] = (result, arguments[0])


def owner_of(tracer: Any) -> Any:
    found = owners.get(id(tracer))
    return channel.number_of(found[1]) if found else None


def provider_shut_down(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    channel.tell("shutdown", provider=channel.number_of(arguments[0]), place=imports.place())


def span_started(original: Any, arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    """One that is sampled out knows neither its name nor its kind: the call does."""
    from . import web

    tracer, span = arguments[0], result
    given = imports.bound(original, arguments, keywords)
    if span is None:
        return
    context = span.get_span_context()
    scope = getattr(tracer, "instrumentation_scope", None) or getattr(tracer, "_instrumentation_scope", None)
    parent = getattr(span, "parent", None)
    channel.tell(
        "span",
        trace=f"{context.trace_id:032x}",
        span=f"{context.span_id:016x}",
        parent=f"{parent.span_id:016x}" if parent else None,
        remote=bool(parent and parent.is_remote),
        recording=bool(span.is_recording()),
        sampled=bool(context.trace_flags.sampled),
        name=str(given.get("name", "")),
        type=str(getattr(given.get("kind"), "name", "INTERNAL")),
        scope=str(getattr(scope, "name", "")),
        provider=owner_of(tracer),
        request=web.current(),
        place=imports.place(),
    )


def span_ended(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    span = arguments[0]
    context = span.get_span_context()
    scope = getattr(span, "instrumentation_scope", None)
    own = not str(getattr(scope, "name", "")).startswith("opentelemetry.")
    channel.tell(
        "ended",
        trace=f"{context.trace_id:032x}",
        span=f"{context.span_id:016x}",
        attributes=sorted(span.attributes or {}) if own else [],
    )


def export_imported(module: Any) -> Any:
    for name in ("BatchSpanProcessor", "SimpleSpanProcessor"):
        original = getattr(module, name).__init__
        imports.after(getattr(module, name), "__init__", with_first(processor_made, name, original))
        imports.after(getattr(module, name), "on_end", with_first(queued, name, None))
        imports.after(getattr(module, name), "shutdown", processor_shut_down)


def with_first(function: Any, *first: Any) -> Any:
    def call(*rest: Any) -> Any:
        return function(*first, *rest)

    return call


def processor_made(name: Any, original: Any, arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    if error is not None:
        channel.tell(
            "processor-failed", type=name, why=f"{type(error).__name__}: {error}", place=imports.place()
        )
        return
    given = imports.bound(original, arguments, keywords) if original else {"span_exporter": arguments[1]}
    exporter = given.get("span_exporter")
    delay = given.get("schedule_delay_millis")
    channel.tell(
        "processor",
        processor=channel.number_of(arguments[0]),
        type=name,
        delay=delay if delay is not None else number(os.environ.get(DELAY), 5000) if name[0] == "B" else 0,
        by_code=delay is not None,
        exporter=describe(exporter),
        place=imports.place(),
    )
    watch_exporter(exporter, channel.number_of(arguments[0]))


def processor_shut_down(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    number_of_it = channel.number_of(arguments[0])
    channel.tell("processor-shutdown", processor=number_of_it, place=imports.place())


def number(text: Any, default: Any) -> Any:
    try:
        return int(text)
    except (TypeError, ValueError):
        return default


def queued(name: Any, original: Any, arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    context = arguments[1].context
    if context is not None and context.trace_flags.sampled:
        channel.tell("queued", processor=channel.number_of(arguments[0]), trace=f"{context.trace_id:032x}")


def describe(exporter: Any) -> Any:
    """What it is, and where it really sends: what its maker gave it, or else what the variables say."""
    made = ends.made_with(exporter)
    return {
        "exporter": channel.number_of(exporter),
        "type": type(exporter).__name__,
        "itself": getattr(exporter, "__name__", ""),  # of a class
        **made,
    }


def traces_in(spans: Any) -> list[str]:
    return list(dict.fromkeys(f"{one.context.trace_id:032x}" for one in spans))[:MOST_TRACES]


def watch_exporter(exporter: Any, processor: Any) -> Any:
    """On the instance, so that any exporter is seen, whoever wrote it."""
    export = exporter.export

    def watched_export(spans: Any, *arguments: Any, **keywords: Any) -> Any:
        batch = list(spans)
        facts = {"processor": processor, "traces": traces_in(batch)}
        channel.tell("exporting", spans=len(batch), **facts)
        exporting[_thread.get_ident()] = processor
        started = channel.clock()
        result, why = None, ""
        try:
            result = export(batch, *arguments, **keywords)
        except BaseException as error:
            why = f"{type(error).__name__}: {error}"
            raise
        finally:
            said = getattr(result, "name", str(result))
            channel.tell("exported", result=said, why=why, seconds=channel.clock() - started, **facts)
            exporting.pop(_thread.get_ident(), None)
        return result

    exporter.export = watched_export


def api_imported(module: Any) -> Any:
    def made_global(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        provider = (arguments or list(keywords.values()))[0]
        accepted = module.get_tracer_provider() is provider
        channel.tell(
            "global",
            provider=channel.number_of(provider),
            type=type(provider).__name__,
            itself=getattr(provider, "__name__", ""),  # of a class
            accepted=accepted,
            place=imports.place(),
        )

    imports.after(module, "set_tracer_provider", made_global)


def otlp_imported(module: Any) -> Any:
    original = module.OTLPSpanExporter.__init__

    def made(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        given = imports.bound(original, arguments, keywords)
        given.pop("self", None)
        if isinstance(given.get("kwargs"), dict):
            given.update(given.pop("kwargs"))
        ends.remember(
            arguments[0], given, "grpc" if ".grpc" in module.__name__ else "http/protobuf", imports.place()
        )
        if error is not None:
            why = f"{type(error).__name__}: {error}"
            channel.tell("exporter-failed", module=module.__name__, why=why, place=imports.place())

    imports.after(module.OTLPSpanExporter, "__init__", made)
    export = module.OTLPSpanExporter.export

    def watched(self: Any, spans: Any, *arguments: Any, **keywords: Any) -> Any:
        imports.quietly(handing_on, self, spans, None)
        return export(self, spans, *arguments, **keywords)

    def done(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        spans = (arguments[1:] or list(keywords.values()))[0]
        handing_on(arguments[0], spans, getattr(result, "name", str(error)))
        ends.ask_once(arguments[0])

    module.OTLPSpanExporter.export = watched
    imports.after(module.OTLPSpanExporter, "export", done)


def handing_on(exporter: Any, spans: Any, result: Any) -> Any:
    """What reaches OTLP's own export(): all of a batch, or what an exporter around it leaves of it."""
    channel.tell(
        "handed-on" if result else "handing-on",
        processor=exporting.get(_thread.get_ident()),
        exporter=describe(exporter),
        traces=traces_in(spans),
        result=result,
        why="",
    )


def instrumentor_imported(module: Any) -> Any:
    def instrumented(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        channel.tell(
            "instrumented",
            instrumentor=type(arguments[0]).__name__,
            error=f"{type(error).__name__}: {error}" if error else "",
            place=imports.place(),
        )

    imports.after(module.BaseInstrumentor, "instrument", instrumented)


WATCHED = {
    "opentelemetry.sdk.trace": sdk_trace_imported,
    "opentelemetry.sdk.trace.export": export_imported,
    "opentelemetry.trace": api_imported,
    "opentelemetry.exporter.otlp.proto.http.trace_exporter": otlp_imported,
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter": otlp_imported,
    "opentelemetry.instrumentation.instrumentor": instrumentor_imported,
}
