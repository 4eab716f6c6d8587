"""Counts what the telemetry amounts to: the collector's own metrics, and log events read back."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import requests

from threemaps.account.spend import Usage
from threemaps.diagnose.collector import Sample, parse_metrics
from threemaps.errors import UserError
from threemaps.model.difference import Window
from threemaps.model.servicemap import Kind
from threemaps.readers.aws import aws_client, reasons
from threemaps.readers.pages import pages
from threemaps.readers.transaction_search import indexed_percentage, is_searched
from threemaps.readers.xray import XRay
from threemaps.settings import SERVICE_LOG_GROUP, Settings

TIMEOUT = 3
SAMPLE = timedelta(hours=1)  # read back at most this much, and scale it
SAMPLE_EVENTS = 2_000
EVENT_OVERHEAD = 26  # bytes that CloudWatch Logs adds to each event it bills
INTERNAL_HOP = "otlp_grpc/"
WARNING = 13  # OpenTelemetry's severity numbers


@dataclass(frozen=True, slots=True)
class Logs:
    """A sample of log events."""

    events: int = 0
    size: int = 0
    quiet: int = 0  # bytes of what is below WARNING


def measure(settings: Settings, now: datetime) -> Usage:
    samples = collector_samples(settings)
    seconds = value(samples, "process_uptime")
    length = min(timedelta(seconds=seconds), SAMPLE)
    window = Window(now - length, now)
    scale = seconds / length.total_seconds() if length else 1.0
    records, logs = accepted(samples, "log_records"), read_logs(settings, window)
    return Usage(
        seconds=seconds,
        requests=round(read_requests(settings, window) * scale),
        events=sent(samples, "spans", "honeycomb"),
        event_bytes=sent_bytes(samples, "honeycomb"),
        spans=sent(samples, "spans", "xray"),
        span_bytes=sent_bytes(samples, "xray"),
        indexed=share_indexed(settings),
        log_records=records,
        log_bytes=round(logs.size / logs.events * records) if logs.events else None,
        metric_points=sent(samples, "metric_points", "cloudwatch"),
        quiet_share=logs.quiet / logs.size if logs.size else None,
    )


def share_indexed(settings: Settings) -> float | None:
    """Of the traces; None without Transaction Search."""
    if not is_searched(settings):
        return None
    return share / 100 if (share := indexed_percentage(settings)) is not None else 1.0


def collector_samples(settings: Settings) -> list[Sample]:
    """The collector's own metrics, by their names without its prefix."""
    url = settings.url("collector_metrics") + "/metrics"
    session = requests.Session()
    session.trust_env = False
    try:
        answer = session.get(url, timeout=TIMEOUT)
        answer.raise_for_status()
    except requests.RequestException as error:
        why = f"the collector's metrics at {url} cannot be read ({type(error).__name__})"
        raise UserError(why, hint="threemaps up", exit_code=2) from error
    samples = parse_metrics(answer.text)
    return [replace(sample, name=sample.name.removeprefix("otelcol_")) for sample in samples]


def value(samples: Iterable[Sample], name: str) -> float:
    return sum(sample.value for sample in samples if sample.name == name)


def accepted(samples: Iterable[Sample], item: str) -> int:
    """By the outside receivers; an internal hop's would count a second time."""
    name = f"receiver_accepted_{item}"
    return int(sum(one.value for one in samples if one.name == name and "/" not in one.labels["receiver"]))


def by_exporter(samples: Iterable[Sample], name: str, path: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for sample in samples:
        exporter = sample.labels.get("exporter", "")
        if sample.name == name and path in exporter:
            found[exporter] = found.get(exporter, 0) + sample.value
    return found


def sent(samples: Iterable[Sample], item: str, path: str) -> int:
    """By the vendors' exporters; that before an internal hop would count a second time."""
    counts = by_exporter(samples, f"exporter_sent_{item}", path)
    return int(sum(count for exporter, count in counts.items() if not exporter.startswith(INTERNAL_HOP)))


def sent_bytes(samples: Iterable[Sample], path: str) -> int | None:
    """Reported only when the collector's own metrics are at level detailed."""
    counts = by_exporter(samples, "exporter_queue_batch_send_size_bytes_sum", path)
    return int(max(counts.values())) if counts else None


def read_requests(settings: Settings, window: Window) -> int:
    """Calls from outside: each one is a trace."""
    edges = XRay.of(settings).read_map(window).edges
    return sum(edge.requests or 0 for edge in edges if edge.source.kind is Kind.OUTSIDE)


def read_logs(settings: Settings, window: Window) -> Logs:
    """The services' log records: how large, and how much of them is below WARNING."""
    logs = aws_client(settings, "logs")
    events = size = quiet = 0
    with reasons(settings, "CloudWatch Logs", "logs:FilterLogEvents"):
        for event in islice(log_events(logs, window), SAMPLE_EVENTS):
            length = len(event["message"].encode()) + EVENT_OVERHEAD
            events, size = events + 1, size + length
            quiet += length if severity(event["message"]) < WARNING else 0
    return Logs(events, size, quiet)


def log_events(logs: Any, window: Window) -> Iterator[Any]:
    arguments = {
        "logGroupName": SERVICE_LOG_GROUP,
        "startTime": int(window.start.timestamp() * 1000),
        "limit": SAMPLE_EVENTS,
    }
    try:
        for page in pages(
            logs.filter_log_events, "nextToken", f"the log group {SERVICE_LOG_GROUP}", **arguments
        ):
            yield from page["events"]
    except logs.exceptions.ResourceNotFoundException:
        return  # nothing was logged yet


def severity(message: str) -> float:
    """Of a record as the collector writes it; what says nothing counts as important."""
    try:
        error = json.loads(message)
    except ValueError:
        return WARNING
    said = error if isinstance(error, dict) else {}
    number = said.get("severityNumber", said.get("severity_number"))  # by OTLP, by watchtower
    return number if isinstance(number, int) else WARNING
