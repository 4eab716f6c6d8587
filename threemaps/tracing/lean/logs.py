"""A log record on its way to the exporter, without being looked at and copied at each station.

OpenTelemetry's handler makes a record, a second one that may be changed, and a copy of it for the batch.
A plain one (a text, values that are texts and numbers, no exception) goes into the batch at once here.
"""

import logging
from collections.abc import Callable
from time import time_ns
from typing import Any

from opentelemetry._logs import LogRecord, get_logger
from opentelemetry.context import Context
from opentelemetry.instrumentation.log_utils import std_to_otel
from opentelemetry.instrumentation.logging.handler import _RESERVED_ATTRS, LoggingHandler
from opentelemetry.sdk._logs import Logger, LoggerProvider, LogRecordLimits, ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

Emit = Callable[[Any, logging.LogRecord], None]

PLAIN = frozenset((str, int, float, bool))
NAMES_OF_EVENTS = frozenset(("otel.event.name", "event.name"))
SEVERITIES = {"WARNING": "WARN", "CRITICAL": "FATAL"}
MOST_ATTRIBUTES = 100
NOTHING = Context()


def log_leanly() -> None:
    LoggingHandler.emit = straight_to_the_batch(LoggingHandler.emit)  # type: ignore[method-assign, assignment]


def straight_to_the_batch(emit: Emit) -> Emit:
    def emit_leanly(handler: Any, record: logging.LogRecord) -> None:
        provider = handler._logger_provider
        batch = _only_batch(provider)
        attributes = _plain_attributes(record)
        if batch is None or attributes is None or handler.formatter or handler._log_code_attributes:
            emit(handler, record)
            return
        logger = get_logger(record.name, logger_provider=provider)
        if isinstance(logger, Logger) and logger._is_enabled():
            logger._logger_metrics.emit_log()
            batch.emit(_readable(record, attributes, logger))

    return emit_leanly


def _only_batch(provider: Any) -> Any:
    """The batch of the one processor that there is, if no limits are set."""
    if type(provider) is not LoggerProvider:
        return None
    processors = provider._multi_log_record_processor._log_record_processors
    if len(processors) != 1 or type(processors[0]) is not BatchLogRecordProcessor:
        return None
    limits: LogRecordLimits = provider._log_record_limits
    most, longest = limits.max_log_record_attributes, limits.max_log_record_attribute_length
    fits = longest is None and (most is None or most >= MOST_ATTRIBUTES)
    return processors[0]._batch_processor if fits else None


def _plain_attributes(record: logging.LogRecord) -> dict[str, Any] | None:
    """None: one of them has to be cleaned, or says what kind of event it is."""
    if record.exc_info:
        return None
    found = {name: value for name, value in vars(record).items() if name not in _RESERVED_ATTRS}
    if len(found) > MOST_ATTRIBUTES or not NAMES_OF_EVENTS.isdisjoint(found):
        return None
    return found if all(type(value) in PLAIN for value in found.values()) else None


def _readable(record: logging.LogRecord, attributes: dict[str, Any], logger: Logger) -> ReadableLogRecord:
    made = LogRecord(
        timestamp=int(record.created * 1e9),
        observed_timestamp=time_ns(),
        severity_text=SEVERITIES.get(record.levelname, record.levelname),
        severity_number=std_to_otel(record.levelno),
        body=record.getMessage(),
        attributes=attributes,
    )
    made.context = NOTHING  # it may hold much, and nobody needs it any more
    return ReadableLogRecord(made, logger.resource, logger.instrumentation_scope, logger._log_record_limits)
