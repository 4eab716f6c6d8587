"""One JSON object a line on stdout."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from services.common import trace_ids

# What a LogRecord always has; anything else came in through `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "xray_trace_id"}


class JsonFormatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "service": self._service,
            **current_ids(),
            **extra_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def current_ids() -> dict[str, str]:
    trace_id = trace_ids.trace_id()
    if trace_id == trace_ids.NO_TRACE:
        return {"trace_id": "", "span_id": "", "xray_trace_id": ""}
    return {
        "trace_id": trace_id,
        "span_id": trace_ids.span_id(),
        "xray_trace_id": trace_ids.as_xray(trace_id),
    }


def extra_fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def configuration(service: str, level: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`: everything, gunicorn's own lines too, as JSON on stdout."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter, "service": service}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"level": level, "handlers": ["stdout"]},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["stdout"], "propagate": False},
            "opentelemetry": {"level": "WARNING"},
            "botocore": {"level": "WARNING"},
        },
    }


def add_xray_ids() -> None:
    """Gives every record the id that X-Ray's console looks for: OTLP carries what stands on the record."""
    make_record = logging.getLogRecordFactory()
    logging.setLogRecordFactory(_with_xray_id(make_record))


def _with_xray_id(make_record: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        trace_id = trace_ids.trace_id()
        if trace_id != trace_ids.NO_TRACE:
            record.xray_trace_id = trace_ids.as_xray(trace_id)
        return record

    return make
