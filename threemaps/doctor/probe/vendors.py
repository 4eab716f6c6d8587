"""The X-Ray SDK, Rollbar, watchtower, and the AWS calls that are made for telemetry."""

from __future__ import annotations

from . import channel, imports, privacy, web

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any


def recorder_imported(module: Any) -> Any:
    recorder = module.AWSXRayRecorder
    configure = recorder.configure

    def configured(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        given = imports.bound(configure, arguments, keywords)
        channel.report(
            "xray-configured",
            given=sorted(name for name, value in given.items() if name != "self" and value is not None),
            service=str(given.get("service") or ""),
            address=str(given.get("daemon_address") or ""),
            error=f"{type(error).__name__}: {error}" if error else "",
            place=imports.place(),
        )

    imports.after(recorder, "configure", configured)
    imports.after(recorder, "begin_segment", segment_begun)
    imports.after(recorder, "end_segment", segment_ended)


def segment_begun(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    channel.report(
        "segment",
        name=str(getattr(result, "name", "")),
        trace=str(getattr(result, "trace_id", "")),
        sampled=bool(getattr(result, "sampled", False)),
        error=f"{type(error).__name__}: {error}" if error else "",
        request=web.current(),
        place=imports.place(),
    )


def segment_ended(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    channel.report("segment-ended", request=web.current())


def emitter_imported(module: Any) -> Any:
    def sent(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        emitter, entity = arguments[0], (arguments[1:] or list(keywords.values()))[0]
        channel.report(
            "segment-sent",
            trace=str(getattr(entity, "trace_id", "")),
            name=str(getattr(entity, "name", "")),
            address=f"{emitter.ip}:{emitter.port}",
            request=web.current(),
        )

    imports.after(module.UDPEmitter, "send_entity", sent)


def middleware_imported(module: Any) -> Any:
    def made(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        app = arguments[1] if len(arguments) > 1 else keywords.get("app")
        channel.report("xray-middleware", app=channel.number_of(app), place=imports.place())

    imports.after(module.XRayMiddleware, "__init__", made)


def rollbar_imported(module: Any) -> Any:
    original = module.init

    def initialised(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        given = imports.bound(original, arguments, keywords)
        token = given.get("access_token")
        channel.report(
            "rollbar",
            token=privacy.shape(token) if token else "",
            environment=str(given.get("environment") or ""),
            enabled=module.SETTINGS.get("enabled", True),
            place=imports.place(),
        )

    imports.after(module, "init", initialised)


def watchtower_imported(module: Any) -> Any:
    original = module.CloudWatchLogHandler.__init__

    def made(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        given = imports.bound(original, arguments, keywords)
        channel.report(
            "watchtower",
            group=str(given.get("log_group_name") or given.get("log_group") or "watchtower"),
            error=f"{type(error).__name__}: {error}" if error else "",
            place=imports.place(),
        )

    imports.after(module.CloudWatchLogHandler, "__init__", made)


def botocore_imported(module: Any) -> Any:
    def called(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
        service = arguments[0].meta.service_model.service_name
        if service not in ("logs", "xray"):
            return
        code = getattr(error, "response", {}).get("Error", {}).get("Code", "") if error else ""
        channel.report(
            "aws-call",
            service=service,
            operation=str(arguments[1]),
            address=str(arguments[0].meta.endpoint_url),
            error=f"{code or type(error).__name__}: {error}"[:300] if error else "",
        )

    imports.after(module.BaseClient, "_make_api_call", called)


WATCHED = {
    "aws_xray_sdk.core.recorder": recorder_imported,
    "aws_xray_sdk.core.emitters.udp_emitter": emitter_imported,
    "aws_xray_sdk.ext.flask.middleware": middleware_imported,
    "rollbar": rollbar_imported,
    "watchtower": watchtower_imported,
    "botocore.client": botocore_imported,
}
