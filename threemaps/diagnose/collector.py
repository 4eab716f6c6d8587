"""What the collector says of itself: its own metrics, and the last words of its exporters in its log."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import requests

from threemaps.settings import Settings

TIMEOUT = 3
LOG_TAIL = 512 * 1024
KEPT_LINES = 3
SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Way:
    """The exporter that queues, retries and gives up, and those that talk to the vendor."""

    queue: str
    ends: tuple[str, ...]


# As collector/otel-config.yaml and its parts name them. What an internal OTLP hop refuses stays in the queue
# before it, and so does what an end fails in.
WAYS = {
    "honeycomb": Way("otlp_grpc/honeycomb", ("otlp_http/honeycomb",)),
    "xray": Way(
        "otlp_grpc/xray", ("otlp_http/xray", "otlp_http/xray_parts", "otlp_http/xray_late", "awsxray")
    ),
}
# Application Signals draws its map of the spans that X-Ray is sent.
WAYS["cloudwatch"] = WAYS["xray"]
# What fails is tried again after 3 s at most, and an answer is waited for 15 s: then it is logged once more.
SAYS_AGAIN = timedelta(seconds=30)
HOPS = "otlp/"  # receivers of the internal hops are named after them


@dataclass(frozen=True, slots=True)
class ExportPath:
    """The way from the collector to one backend, in the collector's own numbers since it started."""

    sent: int = 0
    failed: int = 0  # given up for good
    queued: int = 0  # bytes that wait
    capacity: int = 0
    not_queued: int = 0  # the queue was full
    log_lines: tuple[str, ...] = ()  # what the exporter last said of it, newest first
    last_failure: datetime | None = None  # when it said the newest of them

    def fails_at(self, moment: datetime) -> bool:
        return self.last_failure is not None and moment - self.last_failure < SAYS_AGAIN


@dataclass(frozen=True, slots=True)
class Collector:
    started: datetime | None = None
    paths: Mapping[str, ExportPath] = field(default_factory=dict)  # backend → its export path
    refused: int = 0  # spans, by the receivers, as with too little memory

    def path(self, backend: str) -> ExportPath:
        return self.paths.get(backend, ExportPath())


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


def read_collector(settings: Settings, since: datetime | None = None) -> Collector:
    """With what its log says since then. Raises requests.RequestException where no collector answers."""
    log = log_tail(settings.logs / "collector.log")
    return collector_of(metrics_text(settings), log, datetime.now(UTC), since)


def read_samples(settings: Settings) -> list[Sample]:
    """Its own metrics; none where no collector answers."""
    try:
        return list(parse_metrics(metrics_text(settings)))
    except requests.RequestException:
        return []


def metrics_text(settings: Settings) -> str:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(settings.url("collector_metrics") + "/metrics", timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.text


def collector_of(metrics: str, log: str, now: datetime, since: datetime | None = None) -> Collector:
    samples = list(parse_metrics(metrics))
    uptime = total(samples, "otelcol_process_uptime")
    return Collector(
        started=now - timedelta(seconds=uptime) if uptime else None,
        paths={backend: path_of(way, samples, log, since) for backend, way in WAYS.items()},
        refused=refused_spans(samples),
    )


def parse_metrics(text: str) -> Iterator[Sample]:
    """Prometheus' text format. Some versions of the collector put `_total` behind a counter's name."""
    for line in text.splitlines():
        found = SAMPLE.match(line)
        if found:
            name = found[1].removesuffix("_total").removesuffix("_seconds")
            yield Sample(name, dict(LABEL.findall(found[2] or "")), number(found[3]))


def number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if abs(value) < float("inf") else 0.0


def total(samples: Iterable[Sample], name: str, exporter: str | None = None) -> float:
    return sum(
        sample.value
        for sample in samples
        if sample.name == name and exporter in (None, sample.labels.get("exporter"))
    )


def refused_spans(samples: Iterable[Sample]) -> int:
    """Spans that the collector could not take.

    The awsxray receiver also counts datagrams that it cannot read: of it only what the memory limiter refused
    and no other receiver did.
    """
    at_receivers: dict[str, float] = {}
    by_limiter = 0.0
    for sample in samples:
        if sample.name == "otelcol_receiver_refused_spans":
            receiver = sample.labels.get("receiver", "")
            at_receivers[receiver] = at_receivers.get(receiver, 0.0) + sample.value
        elif sample.name == "otelcol_processor_refused_spans":
            by_limiter += sample.value
    from_sdks = at_receivers.pop("awsxray", 0.0)
    others = sum(count for name, count in at_receivers.items() if not name.startswith(HOPS))
    return int(others + min(from_sdks, max(0.0, by_limiter - others)))


def path_of(way: Way, samples: list[Sample], log: str, since: datetime | None = None) -> ExportPath:
    names = {sample.labels.get("exporter") for sample in samples}
    # Without the hop that keeps what is refused, the ends have the queues.
    queues = (way.queue,) if way.queue in names else way.ends

    def of(exporters: Iterable[str], *metrics: str) -> int:
        wanted = ((name, one) for name in metrics for one in exporters)
        return int(sum(total(samples, f"otelcol_exporter_{name}", one) for name, one in wanted))

    words = list(last_words(way, log, since))
    return ExportPath(
        sent=of(way.ends, "sent_spans"),
        failed=of(queues, "send_failed_spans"),
        queued=of(queues, "queue_size"),
        capacity=of(queues, "queue_capacity"),
        not_queued=of(queues, "enqueue_failed_spans"),
        log_lines=tuple(said for said, _ in words),
        last_failure=words[0][1] if words else None,
    )


def last_words(way: Way, log: str, since: datetime | None = None) -> Iterator[tuple[str, datetime]]:
    """What these exporters last complained of and when, newest first, each kind once, and nothing older."""
    seen: set[str] = set()
    for line in reversed(log.splitlines()):
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if not isinstance(record, dict) or "error" not in record:
            continue
        if record.get("otelcol.component.id") not in (way.queue, *way.ends):
            continue
        if since and _written(record) < since:
            return
        # The message goes on with advice on settings that are made here already.
        said = f"{str(record.get('msg')).partition('.')[0]}: {record['error']}"[:300]
        if said not in seen and len(seen) < KEPT_LINES:
            seen.add(said)
            yield said, _written(record)


def _written(record: dict[str, object]) -> datetime:
    try:
        moment = datetime.fromisoformat(str(record.get("ts")))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def log_tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
