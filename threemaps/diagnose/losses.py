"""What the collector took and no backend will ever have, or one may have twice: since the state folder began.

recorder.py counts it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson

from threemaps.demo import heartbeat
from threemaps.settings import Settings

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
# Sent again, as nobody knows whether a vendor took it: who sends it → what, and how each counts once.
SENT_AGAIN = {
    "otlp_http/honeycomb": ("spans to Honeycomb", "query COUNT_DISTINCT(trace.span_id) instead of COUNT"),
    "otlp_http/xray": ("spans to X-Ray", "compare a window without that time"),
    "otlp_http/cloudwatch_logs": ("log records to CloudWatch", "`threemaps logs` shows such a line once"),
}


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


@dataclass(frozen=True, slots=True)
class SentAgain:
    who: str
    count: int
    last: datetime

    @property
    def advice(self) -> str:
        return SENT_AGAIN[self.who][1]

    def __str__(self) -> str:
        return (
            f"may have come twice: {self.count:,} {SENT_AGAIN[self.who][0]}, sent again as no answer came, "
            f"last at {self.last:%Y-%m-%d %H:%M:%S} UTC"
        )


@dataclass
class Tally:
    """What one component has lost, by its log and by its counters."""

    logged: int = 0
    counted: dict[str, int] = field(default_factory=dict)  # by each start of a collector
    last: str = ""
    why: str = ""

    @property
    def count(self) -> int:
        return max(self.logged, sum(self.counted.values()))


@dataclass
class Kept:
    read: int = 0  # so many bytes of its log
    tallies: dict[str, Tally] = field(default_factory=dict)
    again: dict[str, Tally] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Kept":
        """As it was written; empty where there is nothing, or something that is not ours."""
        try:
            found = orjson.loads(path.read_bytes())
            tallies, again = (
                {who: Tally(**fields) for who, fields in found.pop(name).items()}
                for name in ("tallies", "again")
            )
            kept = cls(tallies=tallies, again=again, **found)
            for one in (*tallies.values(), *again.values()):
                _ = datetime.fromisoformat(one.last), one.count
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return cls()
        return kept


def is_counted(settings: Settings) -> bool:
    """Whether the guard runs and can write down what it counts."""
    return heartbeat.beats(settings) and (settings.logs / FILE).is_file()


def losses(settings: Settings) -> list[Loss]:
    """Since the state folder began."""
    tallies = Kept.load(settings.logs / FILE).tallies
    return [
        Loss(who, one.count, datetime.fromisoformat(one.last), one.why)
        for who, one in tallies.items()
        if one.count
    ]


def sent_again(settings: Settings) -> list[SentAgain]:
    """Since the state folder began."""
    again = Kept.load(settings.logs / FILE).again
    return [
        SentAgain(who, one.logged + sum(one.counted.values()), datetime.fromisoformat(one.last))
        for who, one in again.items()
        if who in SENT_AGAIN
    ]


def may_be_twice(settings: Settings, since: datetime) -> list[SentAgain]:
    """What was last sent again since then. Our stand-ins know a span by its id, and count none twice."""
    known = {
        "otlp_http/honeycomb": not settings.honeycomb_is_real,
        "otlp_http/xray": not settings.aws_is_real,
    }
    return [one for one in sent_again(settings) if one.last >= since and not known.get(one.who)]
