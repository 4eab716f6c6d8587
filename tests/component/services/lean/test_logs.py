"""A log record takes the short way to the batch, and says there what it says on the long one."""

import logging
import sys
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    InMemoryLogRecordExporter,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from threemaps.tracing.lean.logs import straight_to_the_batch

SPAN = NonRecordingSpan(SpanContext(7, 8, is_remote=False, trace_flags=TraceFlags(1)))
ROUTE = {"http_route": "/api/users/<handle>", "http_status": 200, "duration_ms": 1.5, "cached": False}


class Odd:
    def __str__(self) -> str:
        return "odd"


def record(message: Any = "%s %s", *args: Any, **extra: Any) -> logging.LogRecord:
    level = extra.pop("level", logging.INFO)
    made = logging.getLogger("tests.lean").makeRecord(
        "tests.lean", level, __file__, 1, message, args, extra.pop("exc_info", None), "f", extra
    )
    made.created = 1_700_000_000.25
    return made


def caught() -> Any:
    try:
        raise ValueError("no")
    except ValueError:
        return sys.exc_info()


RECORDS = {
    "plain": lambda: record("GET %s", "/x", **ROUTE),
    "nothing else": lambda: record("up"),
    "warning": lambda: record("careful", level=logging.WARNING),
    "critical": lambda: record("the end", level=logging.CRITICAL, why="so"),
    "own level": lambda: record("between", level=25),
    "no text": lambda: record(["a", 1]),
    "values to clean": lambda: record("x", odd=Odd(), items=[1, Odd()], nothing=None),
    "an exception": lambda: record("failed", exc_info=caught()),
    "an event": lambda: record("x", **{"event.name": "bought", "n": 1}),
    "very many": lambda: record("x", **{f"a{number}": number for number in range(150)}),
}


class Way:
    """A handler with all behind it."""

    def __init__(self, emit: Any, limits: LogRecordLimits | None = None, *, batch: bool = True) -> None:
        self.exporter = InMemoryLogRecordExporter()
        self.provider = LoggerProvider(
            Resource({"service.name": "s"}), log_record_limits=limits, shutdown_on_exit=False
        )
        way = BatchLogRecordProcessor if batch else SimpleLogRecordProcessor
        self.provider.add_log_record_processor(way(self.exporter))
        self._emit, self._handler = emit, LoggingHandler(logger_provider=self.provider)

    def told(self, one: logging.LogRecord) -> Any:
        self._emit(self._handler, one)
        self.provider.force_flush()
        request = encode_logs(self.exporter.get_finished_logs())
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                for log in scope.log_records:
                    log.observed_time_unix_nano = 0
        self.provider.shutdown()
        return request


@pytest.mark.filterwarnings("ignore:Log record attributes were dropped")
@pytest.mark.parametrize("traced", [True, False], ids=["in a span", "outside"])
@pytest.mark.parametrize("name", RECORDS)
def test_the_same_record(name: str, traced: bool) -> None:
    one = RECORDS[name]()
    around = trace.set_span_in_context(SPAN, context.Context()) if traced else context.Context()
    token = context.attach(around)
    try:
        ours = Way(straight_to_the_batch(LoggingHandler.emit)).told(one)
        assert ours == Way(LoggingHandler.emit).told(one)
    finally:
        context.detach(token)
    (log,) = ours.resource_logs[0].scope_logs[0].log_records
    assert bool(log.trace_id) == traced


@pytest.mark.filterwarnings("ignore:Log record attributes were dropped")
@pytest.mark.parametrize(
    "options",
    [
        {"limits": LogRecordLimits(max_attribute_length=3)},
        {"limits": LogRecordLimits(max_attributes=2)},
        {"batch": False},
    ],
    ids=["length", "count", "no batch"],
)
def test_limits_and_other_processors_are_kept(options: Any) -> None:
    one = RECORDS["plain"]()
    ours = Way(straight_to_the_batch(LoggingHandler.emit), **options).told(one)
    assert ours == Way(LoggingHandler.emit, **options).told(one)


def test_a_plain_record_goes_the_short_way() -> None:
    def long_way(*_: Any) -> None:
        raise AssertionError

    assert Way(straight_to_the_batch(long_way)).told(RECORDS["plain"]()).resource_logs
