"""What the telemetry costs: the collector's own counts times a table of prices. Pure: no I/O, no clock."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from threemaps.basics.variables import read_bounded
from threemaps.errors import UserError

MONTH = 30.4 * 24 * 3600  # seconds, as Honeycomb counts a month
MILLION = 1_000_000
PRICES = Path(__file__).with_name("prices.json")
SAMPLED = 0.1  # the share that the sampling rule in aws/ keeps
INDEXED_FREE = 0.01  # of the traces X-Ray indexes for nothing


@dataclass(frozen=True, slots=True)
class Usage:
    """Counted since the collector started. None: it did not say."""

    seconds: float
    requests: int  # from outside, which is traces
    events: int = 0  # spans that Honeycomb took
    event_bytes: int | None = None
    spans: int = 0  # that X-Ray took
    span_bytes: int | None = None
    indexed: float | None = None  # the share of traces that X-Ray indexes; None: without Transaction Search
    log_records: int = 0
    log_bytes: int | None = None
    metric_points: int = 0  # sent to CloudWatch
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
    ("xray", "span bytes"),
    ("xray", "indexed traces"),
    ("cloudwatch", "log bytes"),
)
MOST = 1e15  # nothing costs or counts more


def read_prices(path: Path) -> Prices:
    try:
        table_file = json.loads(read_bounded(path))
        backends = {name: entry for name, entry in table_file.items() if isinstance(entry, dict)}
        table = {
            backend: {unit: Price(**price) for unit, price in entry.items() if unit != "source"}
            for backend, entry in backends.items()
        }
        sources = {backend: str(entry["source"]) for backend, entry in backends.items()}
        for backend, unit in BILLED:
            table[backend][unit]
        return Prices(str(table_file["as_of"]), str(table_file["currency"]), table, sources)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"the price table {path} cannot be read: {type(error).__name__}: {error}",
            hint="unset THREEMAPS_PRICES to use the one that comes with threemaps",
            exit_code=2,
        ) from error


def bill(usage: Usage, prices: Prices) -> list[Item]:
    """What each vendor would charge."""
    amounts = [("honeycomb", "events", usage.events), *xray_amounts(usage)]
    amounts.append(("cloudwatch", "log bytes", usage.log_bytes or 0))
    return [flowing(backend, unit, amount, usage, prices) for backend, unit, amount in amounts]


def xray_amounts(usage: Usage) -> list[tuple[str, str, float]]:
    """With Transaction Search by the byte of spans and the indexed trace, without by the trace."""
    if usage.indexed is None:
        return [("xray", "traces", usage.requests)]
    indexed = usage.requests * max(0.0, usage.indexed - INDEXED_FREE)
    return [("xray", "span bytes", usage.span_bytes or 0), ("xray", "indexed traces", indexed)]


def flowing(backend: str, unit: str, amount: float, usage: Usage, prices: Prices) -> Item:
    price = prices.table[backend][unit]
    monthly = amount / usage.seconds * MONTH if usage.seconds else 0.0
    a_million = price.of(amount / usage.requests * MILLION) if usage.requests else None
    return Item(backend, unit, amount, a_million, monthly, price.after_free(monthly))


def total(items: Iterable[Item]) -> tuple[float, float]:
    """For a million requests, and for a month at the measured rate."""
    listed = list(items)
    return sum(item.a_million or 0.0 for item in listed), sum(item.a_month for item in listed)


def savings(usage: Usage, prices: Prices) -> list[Saving]:
    """What sampling, the indexing rule and the log level would take off."""
    sampled = replace(
        usage,
        events=round(usage.events * SAMPLED),
        span_bytes=None if usage.span_bytes is None else round(usage.span_bytes * SAMPLED),
    )
    how = "OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.1"
    now = bill(usage, prices)
    found = [saving("keep one trace in ten", how, now, fewer_traces(bill(sampled, prices)))]
    if usage.indexed is not None and usage.indexed > INDEXED_FREE:
        free = bill(replace(usage, indexed=INDEXED_FREE), prices)
        how = "an indexing rule of 1 %: the map of X-Ray is drawn of one trace in a hundred"
        found.append(saving("index what is free", how, now, free))
    if usage.quiet_share is not None and usage.log_bytes is not None:
        quieter = replace(usage, log_bytes=round(usage.log_bytes * (1 - usage.quiet_share)))
        found.append(saving("log from WARNING up", "LOG_LEVEL=WARNING", now, bill(quieter, prices)))
    return found


def fewer_traces(items: Iterable[Item]) -> list[Item]:
    """A million requests stay a million; fewer of them leave a trace."""
    return [
        replace(item, a_million=(item.a_million or 0.0) * SAMPLED, a_month=item.a_month * SAMPLED)
        if item.unit in ("traces", "indexed traces")
        else item
        for item in items
    ]


def saving(what: str, how: str, now: Iterable[Item], then: Iterable[Item]) -> Saving:
    before, after = total(now), total(then)
    return Saving(what, how, before[0] - after[0], before[1] - after[1])


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
