"""OpenTelemetry's SDK: providers, instrumentors, and each span from its start to its end."""

from __future__ import annotations

import sys

from . import channel, imports

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any

PROCESSORS = ("BatchSpanProcessor", "SimpleSpanProcessor")
owners: dict[int, tuple[object, object]] = {}  # tracer → its provider


def sdk_trace_imported(module: Any) -> Any:
    imports.after(module.TracerProvider, "__init__", provider_made)
    imports.after(module.TracerProvider, "add_span_processor", processor_added)
    imports.after(module.TracerProvider, "get_tracer", tracer_got)
    imports.after(module.TracerProvider, "shutdown", provider_shut_down)
    imports.after(module.Tracer, "start_span", imports.with_first(span_started, module.Tracer.start_span))
    imports.after(module.Span, "end", span_ended)


def provider_made(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    provider = arguments[0]
    if error is not None:
        channel.report("provider-failed", why=f"{type(error).__name__}: {error}", place=imports.place())
        return
    named = {name: str(value) for name, value in provider.resource.attributes.items() if is_reported(name)}
    channel.report(
        "provider",
        signal="traces",
        provider=channel.number_of(provider),
        sampler=provider.sampler.get_description(),
        resource=named,
        place=imports.place(),
    )
    for one in processors_below(provider):  # handed over when it was made
        reported_added(provider, one, type(one).__name__)


def processors_below(thing: Any) -> Any:
    """The SDK's own processors in a provider, or in a processor of the service's."""
    module = sys.modules.get("opentelemetry.sdk.trace.export")
    kinds = tuple(getattr(module, name) for name in PROCESSORS) if module else ()
    return imports.below(thing, lambda one: isinstance(one, kinds))


def is_reported(attribute: str) -> bool:
    return attribute.startswith(("service", "deployment", "telemetry", "aws.", "cloud."))


def processor_added(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    provider, processor = arguments[0], (arguments[1:] or list(keywords.values()))[0]
    own = [processor] if hasattr(processor, "span_exporter") else list(processors_below(processor))
    for one in own or [processor]:
        reported_added(provider, one, type(processor).__name__)


def reported_added(provider: Any, processor: Any, kind: Any) -> Any:
    """`kind` is the class of what stands around the processor, or its own."""
    channel.report(
        "processor-added",
        provider=channel.number_of(provider),
        processor=channel.number_of(processor),
        type=kind,
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
    channel.report("shutdown", provider=channel.number_of(arguments[0]), place=imports.place())


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
    channel.report(
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
    channel.report(
        "ended",
        trace=f"{context.trace_id:032x}",
        span=f"{context.span_id:016x}",
        attributes=sorted(span.attributes or {}) if own else [],
    )


def api_imported(module: Any) -> Any:
    def made_global(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        provider = (arguments or list(keywords.values()))[0]
        accepted = module.get_tracer_provider() is provider
        channel.report(
            "global",
            provider=channel.number_of(provider),
            type=type(provider).__name__,
            itself=getattr(provider, "__name__", ""),  # of a class
            accepted=accepted,
            place=imports.place(),
        )

    imports.after(module, "set_tracer_provider", made_global)


def instrumentor_imported(module: Any) -> Any:
    def instrumented(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        channel.report(
            "instrumented",
            instrumentor=type(arguments[0]).__name__,
            error=f"{type(error).__name__}: {error}" if error else "",
            place=imports.place(),
        )

    imports.after(module.BaseInstrumentor, "instrument", instrumented)


WATCHED = {
    "opentelemetry.sdk.trace": sdk_trace_imported,
    "opentelemetry.trace": api_imported,
    "opentelemetry.instrumentation.instrumentor": instrumentor_imported,
}
