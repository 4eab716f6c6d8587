"""What libraries say of telemetry to a log that nobody may read: the errors swallowed on the way."""

from __future__ import annotations

from . import channel, imports

TYPE_CHECKING = False  # as typing has it, which nobody waits for here
if TYPE_CHECKING:
    from typing import Any

SPEAKERS = ("opentelemetry", "aws_xray_sdk", "rollbar", "watchtower")
WARNING = 30


def logging_imported(logging: Any) -> Any:
    imports.after(logging.Logger, "handle", record_seen)


def record_seen(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    record = arguments[1] if len(arguments) > 1 else keywords.get("record")
    if record is None or record.levelno < WARNING or not record.name.startswith(SPEAKERS):
        return
    failure = record.exc_info[1] if record.exc_info else None
    causes: list[str] = []
    while failure is not None and len(causes) < 4:
        causes.append(f"{type(failure).__name__}: {failure}"[:400])
        failure = failure.__cause__ or failure.__context__
    channel.report(
        "log",
        logger=record.name,
        level=record.levelname,
        text=record.getMessage()[:600],
        errors=causes,
        place=imports.place(),
    )


def warnings_imported(warnings: Any) -> Any:
    imports.after(warnings, "warn", warning_seen)


def warning_seen(arguments: Any, keywords: Any, result: Any, error: Any) -> Any:
    message = arguments[0] if arguments else keywords.get("message")
    kind = arguments[1] if len(arguments) > 1 else keywords.get("category")
    if "watchtower" in str(getattr(kind, "__module__", "")).lower() or "Watchtower" in str(kind):
        channel.report(
            "log", logger="watchtower", level="WARNING", text=str(message)[:600], errors=[], place=None
        )


WATCHED = {"logging": logging_imported, "warnings": warnings_imported}
