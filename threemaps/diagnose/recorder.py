"""Counts what the collector drops for good, and what it sends again.

Its own counters begin anew with each start, and some losses are in its log alone. This reads both and keeps
the sums in a file (losses.py). A kill -9 of either does not take back what the log says; of lines that repeat
the log leaves some out. So the larger of both sums is what was lost at least.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import orjson

from threemaps.basics.periodic import Periodic
from threemaps.demo.state import write_private
from threemaps.diagnose.collector import Sample, read_samples
from threemaps.diagnose.losses import FILE, SENT_AGAIN, Kept, Tally
from threemaps.settings import Settings

SECONDS = 2.0
NO_LOSS = ("filter/unfinished",)  # the end of such a segment follows, with the same id
SPLITS = re.compile(
    r"_(?:late|parts)$"
)  # exporters that divide: what they fail in stays in the queue before them
AT_ITS_END = "interrupted due to shutdown"  # what it was sending then is still in the queue
# The vendor may have taken what it answered too late, or not at all as the connection was cut. The first is
# counted, the second is in the log.
TOO_LATE = "Deadline_Exceeded"
CUT = re.compile(rb"(?:\bEOF|connection reset by peer|broken pipe)\"")
REJECTED = re.compile(rb'"rejected_items":(\d+)')
IN_THE_LOG = re.compile(rb'"dropped_(?:items|spans|data_points|log_records)":(\d+)|dropping items: (\d+)')


class Recorder(Periodic):
    def __init__(self, settings: Settings) -> None:
        super().__init__("counting losses", SECONDS, self.look)
        self._settings = settings
        self._path = settings.logs / FILE
        self._log = settings.logs / "collector.log"
        self._kept = Kept.load(self._path)
        self._written = b""
        # Collector and queue → what was offered to it, if it was empty, and what had failed: the last time.
        self._seen: dict[tuple[str, str], tuple[float, float]] = {}

    def look(self) -> None:
        """Raises OSError where nothing can be written: the sums are kept until it can be."""
        lines = self._new_lines()
        for who, count, why in logged(lines):
            self._tally(self._kept.tallies, who, why).logged += count
        for who, count in cut_off(lines):
            self._tally(self._kept.again, who).logged += count
        if samples := read_samples(self._settings):
            self.count(samples)
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

    def count(self, samples: list[Sample]) -> None:
        """Adds what a collector counts; it begins at 0 with each of its starts."""
        instance = next(
            (one.labels.get("service_instance_id", "") for one in samples if one.name == "target_info"), ""
        )
        self._count(self._kept.tallies, instance, (*filtered(samples), *self._of_queues(instance, samples)))
        self._count(self._kept.again, instance, too_late(samples))

    def _count(self, tallies: dict[str, Tally], instance: str, counts: Iterable[tuple[str, int]]) -> None:
        for who, count in counts:
            if count > tallies.get(who, Tally()).counted.get(instance, 0):
                self._tally(tallies, who).counted[instance] = count

    def _of_queues(self, instance: str, samples: list[Sample]) -> Iterator[tuple[str, int]]:
        """What a queue gave up; and when nothing moves in it, what went in and did not come out.

        Each as it was two looks long: at its end a collector fails in what it keeps.
        """
        for who, size in of(samples, "otelcol_exporter_queue_size").items():
            if SPLITS.search(who):
                continue
            offered, refused, sent, failed = (total(samples, name, who) for name in MOVES)
            was_offered, had_failed = self._seen.get((instance, who), (-1, 0))
            lacking = offered - refused - sent if not size and offered == was_offered else 0
            yield who, int(max(had_failed, lacking))
            self._seen[instance, who] = (-1 if size else offered, failed)

    def _tally(self, tallies: dict[str, Tally], who: str, why: str = "") -> Tally:
        tally = tallies.setdefault(who, Tally())
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


def too_late(samples: Iterable[Sample]) -> Iterator[tuple[str, int]]:
    """Receiver of a vendor, and for how much of what it was sent no answer came in time."""
    found: dict[str, float] = {}
    for one in samples:
        if one.name.startswith(MOVES[-1]) and one.labels.get("error_type") == TOO_LATE:
            who = SPLITS.sub("", one.labels.get("exporter", ""))
            found[who] = found.get(who, 0) + one.value
    return ((who, int(count)) for who, count in found.items() if who in SENT_AGAIN)


def cut_off(lines: bytes) -> Iterator[tuple[str, int]]:
    for line in lines.splitlines():
        found = REJECTED.search(line)
        if found and CUT.search(line):
            who = SPLITS.sub("", str(orjson.loads(line).get("otelcol.component.id", "")))
            if who in SENT_AGAIN:
                yield who, int(found[1])


def logged(lines: bytes) -> Iterator[tuple[str, int, str]]:
    """Component, how many, and why."""
    for line in lines.splitlines():
        found = IN_THE_LOG.search(line)
        if not found:
            continue
        try:
            record = orjson.loads(line)
            who, message = record["otelcol.component.id"], record["msg"]
        except (ValueError, TypeError, KeyError):
            continue
        why = str(record.get("error") or record.get("message") or "")[:200]
        is_kept = bool(SPLITS.search(who)) or why.startswith(AT_ITS_END)
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
