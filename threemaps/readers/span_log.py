"""The spans that Transaction Search keeps in the log group `aws/spans`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import orjson

from threemaps.model.difference import Window
from threemaps.readers.aws import reasons
from threemaps.readers.base import UnreadableError
from threemaps.readers.pages import pages
from threemaps.settings import Settings

LOG_GROUP = "aws/spans"
PERMISSION = "logs:FilterLogEvents"
MOST_SPANS = 500_000
GLANCE = 1_000
# A caller's span may end so much later than the window, and its callee's so much before it.
AROUND = timedelta(minutes=5)
NAMES = (
    ("aws.remote.service",),
    ("peer.service",),
    ("rpc.service",),
    ("db.system", "db.system.name"),
    ("faas.invoked_name", "faas.trigger"),
    ("messaging.system",),
    ("graphql.operation.type",),
)
HOSTS = (("server.address", "server.port"), ("net.peer.name", "net.peer.port"))


@dataclass(frozen=True, slots=True)
class LoggedSpan:
    """`kind` is SERVER, CLIENT, PRODUCER, CONSUMER or INTERNAL, `callee` whom it calls, by its own word."""

    trace: str
    id: str
    parent: str
    service: str
    kind: str
    callee: str
    end_ns: int
    duration_ms: float
    failed: bool

    @property
    def start(self) -> float:
        return self.end - self.duration_ms / 1e3

    @property
    def end(self) -> float:
        return self.end_ns / 1e9


class NoSpanLogError(UnreadableError):
    """The account has no such log group: Transaction Search is off, or took no span yet."""


def services_seen(client: Any, settings: Settings, window: Window) -> set[str]:
    """The services of the first spans of the window: a glance, for a call or two."""
    asked = {"startTime": milliseconds(window.start), "endTime": milliseconds(window.end), "limit": GLANCE}
    spans = map(span_of, islice(messages(client, settings, **asked), GLANCE))
    return {span.service for span in spans if span is not None}


def read_spans(
    client: Any, settings: Settings, window: Window, around: timedelta = AROUND
) -> dict[tuple[str, str], LoggedSpan]:
    """Every span of the window and around it, by trace and id: one that was delivered twice is in it once.

    Raises NoSpanLogError, or UnreadableError.
    """
    found: dict[tuple[str, str], LoggedSpan] = {}
    asked = {
        "startTime": milliseconds(window.start - around),
        "endTime": milliseconds(window.end + around),
    }
    for message in messages(client, settings, **asked):
        span = span_of(message)
        if span is not None:
            found[span.trace, span.id] = span
        if len(found) > MOST_SPANS:
            raise UnreadableError(
                f"{LOG_GROUP} holds more than {MOST_SPANS:,} spans in this window",
                hint="take a shorter --since",
            )
    return found


def messages(client: Any, settings: Settings, **asked: int) -> Iterator[str]:
    with reasons(settings, "CloudWatch Logs", PERMISSION):
        try:
            call, what = client.filter_log_events, f"the log group {LOG_GROUP}"
            for page in pages(call, "nextToken", what, logGroupName=LOG_GROUP, **asked):
                yield from (str(event.get("message") or "") for event in page.get("events") or [])
        except client.exceptions.ResourceNotFoundException as error:
            raise NoSpanLogError(
                f"there is no log group {LOG_GROUP}: Transaction Search is off, or has not taken a span yet",
                hint="threemaps provision --transaction-search",
            ) from error


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def span_of(message: str) -> LoggedSpan | None:
    """None for what is no span that has ended."""
    try:
        event = orjson.loads(message)
        attributes, resource = event.get("attributes") or {}, event.get("resource") or {}
        about = resource.get("attributes") or {}
        end = int(event["endTimeUnixNano"])
        return LoggedSpan(
            trace=str(event["traceId"]),
            id=str(event["spanId"]),
            parent=str(event.get("parentSpanId") or ""),
            service=str(
                attributes.get("aws.local.service") or about.get("service.name") or "unknown_service"
            ),
            kind=str(event.get("kind") or "INTERNAL").removeprefix("SPAN_KIND_"),
            callee=callee_of(attributes),
            end_ns=end,
            duration_ms=max(0, end - int(event["startTimeUnixNano"])) / 1e6,
            failed=is_fault(attributes, event.get("status") or {}),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def callee_of(attributes: Mapping[str, Any]) -> str:
    """As Application Signals names a callee."""
    for names in NAMES:
        if name := next((str(attributes[one]) for one in names if attributes.get(one)), ""):
            return name
    for host, port in HOSTS:
        if attributes.get(host):
            return f"{attributes[host]}:{attributes[port]}" if attributes.get(port) else str(attributes[host])
    return "UnknownRemoteService"


def is_fault(attributes: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    """A status from 500 to 599, or an error without one from 400 to 599."""
    code = attributes.get("http.response.status_code", attributes.get("http.status_code"))
    number = int(code) if isinstance(code, int | float | str) and str(code).isdigit() else 0
    failed = str(status.get("code", "")).upper().removeprefix("STATUS_CODE_") in ("ERROR", "2")
    return 500 <= number <= 599 or (failed and not 400 <= number <= 599)
