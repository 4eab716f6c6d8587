"""Logs and metrics of OpenTelemetry: providers, and what became of what they exported."""

from __future__ import annotations

from . import channel, ends, imports

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any

SIGNALS = {
    "LoggerProvider": "logs",
    "MeterProvider": "metrics",
    "OTLPLogExporter": "logs",
    "OTLPMetricExporter": "metrics",
}


def provider_imported(module: Any) -> Any:
    for name in ("LoggerProvider", "MeterProvider"):
        if hasattr(module, name):
            imports.after(getattr(module, name), "__init__", provider_made)


def provider_made(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    why = f"{type(error).__name__}: {error}" if error else ""
    signal = SIGNALS.get(type(arguments[0]).__name__, "")
    channel.report("signal-provider", signal=signal, why=why, place=imports.place())


def exporter_imported(module: Any) -> Any:
    protocol = "grpc" if ".grpc" in module.__name__ else "http/protobuf"
    for name in ("OTLPLogExporter", "OTLPMetricExporter"):
        if hasattr(module, name):
            imports.after(getattr(module, name), "__init__", made(getattr(module, name).__init__, protocol))
            imports.after(getattr(module, name), "export", exported)


def made(original: Any, protocol: Any) -> Any:
    def seen(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        given = imports.bound(original, arguments, keywords)
        signal = SIGNALS.get(type(arguments[0]).__name__, "")
        ends.remember(arguments[0], given, protocol, imports.place(), signal)
        channel.report("signal-exporter", signal=signal, **ends.made_with(arguments[0]))

    return seen


def exported(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    channel.report(
        "signal-exported",
        signal=SIGNALS.get(type(arguments[0]).__name__, ""),
        result=getattr(result, "name", str(result)),
        why=f"{type(error).__name__}: {error}" if error else "",
        **ends.made_with(arguments[0]),
    )


WATCHED = {
    "opentelemetry.sdk._logs": provider_imported,
    "opentelemetry.sdk.metrics": provider_imported,
    "opentelemetry.exporter.otlp.proto.http._log_exporter": exporter_imported,
    "opentelemetry.exporter.otlp.proto.http.metric_exporter": exporter_imported,
    "opentelemetry.exporter.otlp.proto.grpc._log_exporter": exporter_imported,
    "opentelemetry.exporter.otlp.proto.grpc.metric_exporter": exporter_imported,
}
