"""OpenTelemetry's processors and exporters, and each span on its way through them."""

from __future__ import annotations

import _thread
import os

from . import channel, ends, imports

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any

DELAY = "OTEL_BSP_SCHEDULE_DELAY"
MOST_TRACES = 20
exporting: dict[int, int] = {}  # thread → the processor whose exporter is at work


def export_imported(module: Any) -> Any:
    for name in ("BatchSpanProcessor", "SimpleSpanProcessor"):
        original = getattr(module, name).__init__
        imports.after(getattr(module, name), "__init__", imports.with_first(processor_made, name, original))
        imports.after(getattr(module, name), "on_end", imports.with_first(queued, name, None))
        imports.after(getattr(module, name), "shutdown", processor_shut_down)


def processor_made(name: Any, original: Any, arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    if error is not None:
        channel.report(
            "processor-failed", type=name, why=f"{type(error).__name__}: {error}", place=imports.place()
        )
        return
    given = imports.bound(original, arguments, keywords) if original else {"span_exporter": arguments[1]}
    exporter = given.get("span_exporter")
    delay = given.get("schedule_delay_millis")
    channel.report(
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
    channel.report("processor-shutdown", processor=number_of_it, place=imports.place())


def number(text: Any, default: Any) -> Any:
    try:
        return int(text)
    except (TypeError, ValueError):
        return default


def queued(name: Any, original: Any, arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    context = arguments[1].context
    if context is not None and context.trace_flags.sampled:
        channel.report("queued", processor=channel.number_of(arguments[0]), trace=f"{context.trace_id:032x}")


def describe(exporter: Any) -> Any:
    """What it is, and where it really sends: what its maker gave it, or else what the variables say."""
    around = () if id(exporter) in ends.made else imports.below(exporter, lambda one: id(one) in ends.made)
    made = ends.made_with(next(iter(around), exporter))
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
        channel.report("exporting", spans=len(batch), **facts)
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
            channel.report("exported", result=said, why=why, seconds=channel.clock() - started, **facts)
            exporting.pop(_thread.get_ident(), None)
        return result

    exporter.export = watched_export


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
            channel.report("exporter-failed", module=module.__name__, why=why, place=imports.place())

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
    channel.report(
        "handed-on" if result else "handing-on",
        processor=exporting.get(_thread.get_ident()),
        exporter=describe(exporter),
        traces=traces_in(spans),
        result=result,
        why="",
    )


WATCHED = {
    "opentelemetry.sdk.trace.export": export_imported,
    "opentelemetry.exporter.otlp.proto.http.trace_exporter": otlp_imported,
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter": otlp_imported,
}
