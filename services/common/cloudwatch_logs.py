"""Log records straight to CloudWatch, where CLOUDWATCH_LOGS=watchtower asks for it.

An event has the fields that the collector's events have, so that both are found by the same query.
"""

import json
import logging
import os
import traceback
from functools import partial
from typing import Any

from opentelemetry import trace

from services.common import logs

LOG_GROUP = "/threemaps/services"
SEND_SECONDS = 1
WAITING_RECORDS = 10_000
FOREIGN_LOGGERS = ("botocore", "boto3", "urllib3", "py.warnings", "watchtower")
# OpenTelemetry's numbers and words for Python's levels.
SEVERITIES = {"DEBUG": (5, "DEBUG"), "INFO": (9, "INFO"), "WARNING": (13, "WARN"), "ERROR": (17, "ERROR")}
SEVERITIES["CRITICAL"] = (21, "FATAL")


def install(service: str) -> None:
    if os.environ.get("CLOUDWATCH_LOGS") != "watchtower":
        return
    logging.captureWarnings(True)  # watchtower says what it could not deliver as a warning
    try:
        logging.getLogger().addHandler(_handler(service))
    except Exception as error:  # noqa: BLE001 - a service without its logs in CloudWatch is still a service
        logging.getLogger(__name__).error("no log records will reach CloudWatch: %s", error)


class EventFormatter(logging.Formatter):
    """As the collector writes an event."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._resource = {"service.name": service}

    def format(self, record: logging.LogRecord) -> str:
        number, text = SEVERITIES.get(record.levelname, (0, record.levelname))
        event: dict[str, Any] = {
            "body": record.getMessage(),
            "severity_number": number,
            "severity_text": text,
            **_trace_fields(),
            "attributes": _attributes(record),
            "scope": {"name": record.name},
            "resource": self._resource,
        }
        return json.dumps(event, default=str)


def _trace_fields() -> dict[str, Any]:
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "flags": int(context.trace_flags),
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }


def _attributes(record: logging.LogRecord) -> dict[str, Any]:
    attributes = logs.extra_fields(record)
    xray_id = getattr(record, "xray_trace_id", None)
    if xray_id:
        attributes["xray_trace_id"] = xray_id
    if record.exc_info and record.exc_info[0] is not None:
        attributes["exception.type"] = record.exc_info[0].__name__
        attributes["exception.message"] = str(record.exc_info[1])
        attributes["exception.stacktrace"] = "".join(traceback.format_exception(*record.exc_info))
    return attributes


def _handler(service: str) -> logging.Handler:
    import boto3
    import watchtower
    from botocore.config import Config

    class Handler(watchtower.CloudWatchLogHandler):
        def emit(self, record: logging.LogRecord) -> None:
            if any(line.qsize() >= WAITING_RECORDS for line in self.queues.values()):
                return  # CloudWatch has not answered for long; the console still has the record
            super().emit(record)  # type: ignore[no-untyped-call]

    patient = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 6})
    client = boto3.client("logs", config=patient)
    # watchtower makes the stream in its own thread; the group comes right before it.
    client.meta.events.register("before-call.cloudwatch-logs.CreateLogStream", partial(_make_group, client))
    handler = Handler(
        log_group_name=LOG_GROUP,
        log_stream_name=f"{service}/{os.getpid()}",
        send_interval=SEND_SECONDS,
        create_log_group=False,
        boto3_client=client,
    )
    handler.setFormatter(EventFormatter(service))
    handler.addFilter(lambda record: not record.name.startswith(FOREIGN_LOGGERS))
    return handler


def _make_group(client: Any, **_: Any) -> None:
    try:
        client.create_log_group(logGroupName=LOG_GROUP)
    except client.exceptions.ResourceAlreadyExistsException:
        pass
    except Exception as error:  # noqa: BLE001 - the stream's own refusal follows, and the next batch tries again
        logging.getLogger("watchtower").warning("no log group yet: %s", type(error).__name__)
