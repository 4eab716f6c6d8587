"""What the telemetry costs: the collector's own counts times a table of prices. Pure: no I/O, no clock."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from threemaps.errors import UserError

MONTH = 30.4 * 24 * 3600  # seconds, as Honeycomb counts a month
MILLION = 1_000_000
PRICES = Path(__file__).with_name("prices.json")
SAMPLED = 0.1  # the share that the sampling rule in aws/ keeps


@dataclass(frozen=True, slots=True)
class Usage:
    """Counted since the collector started. None: it did not tell."""

    seconds: float
    requests: int  # from outside, which is traces
    events: int = 0  # spans and log records that Honeycomb took
    event_logs: int = 0  # the log records among them
    event_bytes: int | None = None
    segments: int = 0  # spans that X-Ray took
    segment_bytes: int | None = None
    log_records: int = 0
    log_bytes: int | None = None
    map_points: int = 0  # metric values, before they are packed into log events
    map_bytes: int | None = None
    metrics: int = 0  # distinct ones, each with its dimensions
    quiet_share: float | None = None  # of the log bytes: what is below WARNING


@dataclass(frozen=True, slots=True)
class Price:
    price: float
    per: float
    free: float  # a month

    def __post_init__(self) -> None:
        for value in (self.price, self.per, self.free):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MOST:
                raise ValueError(f"{value!r} is no price and no amount")
        if not self.per:
            raise ValueError("a price for none of something")

    def of(self, amount: float) -> float:
        return amount / self.per * self.price

    def after_free(self, amount: float) -> float:
        return self.of(max(0.0, amount - self.free))


@dataclass(frozen=True, slots=True)
class Prices:
    as_of: str
    currency: str
    table: Mapping[str, Mapping[str, Price]]
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a vendor bills."""

    backend: str
    unit: str
    amount: float  # in the time measured
    a_million: float | None  # of money, for a million requests; None: does not depend on requests
    monthly_amount: float
    a_month: float  # of money, after what is free


@dataclass(frozen=True, slots=True)
class Saving:
    what: str
    how: str
    a_million: float
    a_month: float


# What a table of prices has to have.
BILLED = (
    ("honeycomb", "events"),
    ("xray", "traces"),
    ("cloudwatch", "log bytes"),
    ("cloudwatch", "metrics"),
)
MOST = 1e15  # nothing costs or counts more


def read_prices(path: Path) -> Prices:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        backends = {name: entry for name, entry in told.items() if isinstance(entry, dict)}
        table = {
            backend: {unit: Price(**price) for unit, price in entry.items() if unit != "source"}
            for backend, entry in backends.items()
        }
        sources = {backend: str(entry["source"]) for backend, entry in backends.items()}
        for backend, unit in BILLED:
            table[backend][unit]
        return Prices(str(told["as_of"]), str(told["currency"]), table, sources)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"the price table {path} cannot be read: {type(error).__name__}: {error}",
            hint="unset THREEMAPS_PRICES to use the one that comes with threemaps",
            exit_code=2,
        ) from error


def bill(usage: Usage, prices: Prices) -> list[Item]:
    """What each vendor would charge. Metrics are paid by the month, whatever the traffic."""
    log_bytes = (usage.log_bytes or 0) + (usage.map_bytes or 0)
    return [
        flowing("honeycomb", "events", usage.events, usage, prices),
        flowing("xray", "traces", usage.requests, usage, prices),
        flowing("cloudwatch", "log bytes", log_bytes, usage, prices),
        standing("cloudwatch", "metrics", usage.metrics, prices),
    ]


def flowing(backend: str, unit: str, amount: float, usage: Usage, prices: Prices) -> Item:
    price = prices.table[backend][unit]
    monthly = amount / usage.seconds * MONTH if usage.seconds else 0.0
    a_million = price.of(amount / usage.requests * MILLION) if usage.requests else None
    return Item(backend, unit, amount, a_million, monthly, price.after_free(monthly))


def standing(backend: str, unit: str, amount: float, prices: Prices) -> Item:
    return Item(backend, unit, amount, None, amount, prices.table[backend][unit].after_free(amount))


def total(items: Iterable[Item]) -> tuple[float, float]:
    """For a million requests, and for a month at the measured rate."""
    listed = list(items)
    return sum(item.a_million or 0.0 for item in listed), sum(item.a_month for item in listed)


def savings(usage: Usage, prices: Prices) -> list[Saving]:
    """What sampling, the log level and the metrics' dimensions would take off."""
    now = total(bill(usage, prices))
    kept = replace(
        usage,
        events=round((usage.events - usage.event_logs) * SAMPLED) + usage.event_logs,
        requests=round(usage.requests * SAMPLED),
    )
    found = [
        saving(
            "keep one trace in ten",
            "OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.1",
            now,
            sampled_total(usage, kept, prices),
        )
    ]
    if usage.quiet_share is not None and usage.log_bytes is not None:
        quiet = round(usage.log_bytes * (1 - usage.quiet_share))
        records = round(usage.event_logs * usage.quiet_share)
        quieter = replace(usage, log_bytes=quiet, events=usage.events - records)
        found.append(saving("log from WARNING up", "LOG_LEVEL=WARNING", now, total(bill(quieter, prices))))
    if usage.metrics:
        fewer = replace(usage, metrics=0)
        how = "metric_declarations in awsemf that match nothing: the map is read from its log events"
        found.append(saving("no custom metrics", how, now, total(bill(fewer, prices))))
    return found


def sampled_total(usage: Usage, kept: Usage, prices: Prices) -> tuple[float, float]:
    """A million requests stay a million; fewer of them leave a trace."""
    share = usage.requests and kept.requests / usage.requests
    items = []
    for item, fewer in zip(bill(usage, prices), bill(kept, prices), strict=True):
        factor = share if item.unit == "traces" else (fewer.amount / item.amount if item.amount else 1.0)
        a_million = None if item.a_million is None else item.a_million * factor
        items.append(replace(fewer, a_million=a_million))
    return total(items)


def saving(what: str, how: str, now: tuple[float, float], then: tuple[float, float]) -> Saving:
    return Saving(what, how, now[0] - then[0], now[1] - then[1])


def over_budget(items: Iterable[Item], budget: float) -> float:
    """By how much a month goes beyond the budget; 0 when it does not."""
    return max(0.0, total(items)[1] - budget)


def parse_budget(text: str) -> float:
    try:
        budget = float(text)
    except ValueError:
        budget = -1.0
    if not 0 <= budget < float("inf"):
        hint = "an amount a month, as in THREEMAPS_BUDGET=25"
        raise UserError(f"THREEMAPS_BUDGET={text!r} is no amount of money", hint=hint, exit_code=2)
    return budget


def as_json(usage: Usage, prices: Prices, budget: float | None) -> dict[str, Any]:
    items = bill(usage, prices)
    a_million, a_month = total(items)
    return {
        "prices": {"as_of": prices.as_of, "currency": prices.currency, "sources": dict(prices.sources)},
        "measured": asdict(usage),
        "items": [asdict(item) for item in items],
        "per_million_requests": a_million,
        "per_month": a_month,
        "savings": [
            {name: getattr(one, name) for name in Saving.__slots__} for one in savings(usage, prices)
        ],
        "budget": budget,
        "over_budget": None if budget is None else over_budget(items, budget),
    }
