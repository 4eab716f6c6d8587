"""What the collector took and no backend will ever have: counted for as long as the state folder lives.

The collector's own counters begin anew with each start, and some losses are in its log alone. The page's
process reads both and keeps the sums in a file. A kill -9 of either does not take back what the log says;
of lines that repeat the log leaves some out. So the larger of both sums is what was lost at least.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from threemaps.basics.periodic import Periodic
from threemaps.demo.state import write_private
from threemaps.diagnose.collector import Sample, read_samples
from threemaps.settings import Settings

SECONDS = 2.0
FILE = "losses.json"
# Who loses → what. Whoever is not here is named as the collector names it.
LOSERS = {
    "otlp_grpc/honeycomb": "spans on the way to Honeycomb",
    "otlp_grpc/xray": "spans on the way to X-Ray and CloudWatch's map",
    "otlp_grpc/logs": "log records on the way to CloudWatch",
    "otlp_http/honeycomb": "spans that Honeycomb refused inside a 200",
    "otlp_http/xray": "spans that X-Ray refused inside a 200",
    "otlp_http/cloudwatch_logs": "log records that CloudWatch refused inside a 200",
    "otlp_http/honeycomb_metrics": "metric points on the way to Honeycomb",
    "otlp_http/cloudwatch_metrics": "metric points on the way to CloudWatch",
    "filter/limits": "spans or events that have more links or events than any vendor takes",
    "filter/xray_never": "spans that are out of the time which X-Ray takes",
    "filter/xray_events": "events of spans that are too large for X-Ray",
    "filter/logs_never": "log records that are out of the time which CloudWatch takes",
}
NO_LOSS = ("filter/unfinished",)  # the end of such a segment follows, with the same id
SPLITS = "_late"  # exporters that only send one by one: what they fail in goes back to the queue before them
AT_ITS_END = "interrupted due to shutdown"  # what it was sending then is still in the queue
IN_THE_LOG = re.compile(rb'"dropped_(?:items|spans|data_points|log_records)":(\d+)|dropping items: (\d+)')


@dataclass(frozen=True, slots=True)
class Loss:
    who: str  # the collector's component
    count: int
    last: datetime
    why: str

    def __str__(self) -> str:
        what = LOSERS.get(self.who, f"items in the collector's {self.who}")
        why = f": {self.why}" if self.why else ""
        return f"dropped for good: {self.count:,} {what}, last at {self.last:%Y-%m-%d %H:%M:%S} UTC{why}"


@dataclass
class Tally:
    """What one component has lost, by its log and by its counters."""

    logged: int = 0
    before: int = 0  # by the counters of collectors that have ended
    now: int = 0  # by those of the one that runs
    last: str = ""
    why: str = ""

    @property
    def count(self) -> int:
        return max(self.logged, self.before + self.now)


@dataclass
class Kept:
    instance: str = ""  # the collector that `now` is of
    read: int = 0  # so many bytes of its log
    tallies: dict[str, Tally] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Kept":
        """As it was written; empty where there is nothing, or something that is not ours."""
        try:
            found = orjson.loads(path.read_bytes())
            tallies = {who: Tally(**told) for who, told in found.pop("tallies").items()}
            kept = cls(tallies=tallies, **found)
            _ = [datetime.fromisoformat(one.last) for one in tallies.values()]
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return cls()
        return kept


def losses(settings: Settings) -> list[Loss]:
    """Since the state folder began."""
    tallies = Kept.load(settings.state / FILE).tallies
    return [
        Loss(who, one.count, datetime.fromisoformat(one.last), one.why)
        for who, one in tallies.items()
        if one.count
    ]


class Recorder(Periodic):
    def __init__(self, settings: Settings) -> None:
        super().__init__("counting losses", SECONDS, self.look)
        self._settings = settings
        self._path = settings.state / FILE
        self._log = settings.logs / "collector.log"
        self._kept = Kept.load(self._path)
        self._written = b""
        # Queue → what was offered to it, where it was empty, and what had failed: when this looked last.
        self._seen: dict[str, tuple[float, float]] = {}

    def look(self) -> None:
        """Raises OSError where nothing can be written: the sums are kept until it can be."""
        for who, count, why in logged(self._new_lines()):
            self._tally(who, why).logged += count
        if samples := read_samples(self._settings):
            self._compare(samples)
        text = orjson.dumps(asdict(self._kept))
        if text != self._written or not self._path.exists():
            write_private(self._path, text.decode())
            self._written = text

    def _new_lines(self) -> bytes:
        """Whole ones. What was moved to the older file meanwhile comes first: see demo/logs.py."""
        kept, found = self._kept, b""
        if _size(self._log) < kept.read:
            found, kept.read = _from(self._log.with_suffix(".log.1"), kept.read), 0
        new = _from(self._log, kept.read)
        new = new[: new.rfind(b"\n") + 1]
        kept.read += len(new)
        return found + new

    def _compare(self, samples: list[Sample]) -> None:
        instance = next(
            (one.labels.get("service_instance_id", "") for one in samples if one.name == "target_info"), ""
        )
        if instance != self._kept.instance:
            self._kept.instance, self._seen = instance, {}
            for tally in self._kept.tallies.values():
                tally.before, tally.now = tally.before + tally.now, 0
        for who, count in (*filtered(samples), *self._of_queues(samples)):
            known = self._kept.tallies.get(who)
            if count > (known.now if known else 0):
                self._tally(who).now = count

    def _of_queues(self, samples: list[Sample]) -> Iterator[tuple[str, int]]:
        """What a queue gave up; and when nothing moves in it, what went in and did not come out.

        Each as it was two looks long: at its end a collector fails in what it keeps.
        """
        for who, size in of(samples, "otelcol_exporter_queue_size").items():
            if who.endswith(SPLITS):
                continue
            offered, refused, sent, failed = (total(samples, name, who) for name in MOVES)
            was_offered, had_failed = self._seen.get(who, (-1, 0))
            lacking = offered - refused - sent if not size and offered == was_offered else 0
            yield who, int(max(had_failed, lacking))
            self._seen[who] = (-1 if size else offered, failed)

    def _tally(self, who: str, why: str = "") -> Tally:
        tally = self._kept.tallies.setdefault(who, Tally())
        tally.last, tally.why = datetime.now(UTC).isoformat(timespec="seconds"), why or tally.why
        return tally


MOVES = (
    "otelcol_exporter_queue_batch_send_size_sum",
    "otelcol_exporter_enqueue_failed_",
    "otelcol_exporter_sent_",
    "otelcol_exporter_send_failed_",
)


def of(samples: Iterable[Sample], name: str) -> dict[str, float]:
    return {
        one.labels["exporter"]: one.value for one in samples if one.name == name and "exporter" in one.labels
    }


def total(samples: Iterable[Sample], prefix: str, exporter: str) -> float:
    return sum(
        one.value for one in samples if one.name.startswith(prefix) and one.labels.get("exporter") == exporter
    )


def filtered(samples: Iterable[Sample]) -> Iterator[tuple[str, int]]:
    for one in samples:
        if one.name.startswith("otelcol_processor_filter_") and one.labels.get("filter") not in (
            None,
            *NO_LOSS,
        ):
            yield one.labels["filter"], int(one.value)


def logged(lines: bytes) -> Iterator[tuple[str, int, str]]:
    """Component, how many, and why."""
    for line in lines.splitlines():
        found = IN_THE_LOG.search(line)
        if not found:
            continue
        try:
            told = orjson.loads(line)
            who, message = told["otelcol.component.id"], told["msg"]
        except (ValueError, TypeError, KeyError):
            continue
        why = str(told.get("error") or told.get("message") or "")[:200]
        is_kept = who.endswith(SPLITS) or why.startswith(AT_ITS_END)
        if not (is_kept and message.startswith("Exporting failed")):
            yield who, int(found[1] or found[2]), why


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _from(path: Path, start: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read()
    except OSError:
        return b""
