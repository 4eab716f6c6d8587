"""`threemaps spend`."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from threemaps.account.spend import Prices, Usage


NOT_PRICED = (
    "Not priced here: signals of Application Signals, and gigabytes of OTLP metrics (see the price page)."
)


@click.command("spend")
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(shape: str) -> None:
    """Say what the telemetry costs: for a million requests, and for a month at the measured rate.

    The collector's own counts are multiplied with the prices in threemaps/account/prices.json
    (THREEMAPS_PRICES names another file). THREEMAPS_BUDGET is an amount a month to warn at.

    \b
    Examples:
      threemaps spend
      threemaps spend --format json
      THREEMAPS_BUDGET=25 threemaps spend
    """
    import json
    from datetime import UTC, datetime
    from pathlib import Path

    from threemaps.account.metering import measure
    from threemaps.account.spend import PRICES, as_json, bill, over_budget, parse_budget, read_prices
    from threemaps.settings import Settings

    settings = Settings.load()
    named = settings.get("THREEMAPS_PRICES")
    prices = read_prices(Path(named) if named else PRICES)
    text = settings.get("THREEMAPS_BUDGET")
    budget = parse_budget(text) if text else None
    usage = measure(settings, datetime.now(UTC))
    click.echo(
        json.dumps(as_json(usage, prices, budget), indent=2) if shape == "json" else table(usage, prices)
    )
    excess = 0.0 if budget is None else over_budget(bill(usage, prices), budget)
    if excess:
        over = f"{excess:,.2f} {prices.currency} a month above THREEMAPS_BUDGET={text}"
        click.echo(f"warning: {over}", err=True)


def table(usage: "Usage", prices: "Prices") -> str:
    from threemaps.account.spend import bill, savings, total
    from threemaps.settings import SERVICE_LOG_GROUP

    items = bill(usage, prices)
    a_million, a_month = total(items)
    hours = usage.seconds / 3600
    rows = [("", "measured", f"{prices.currency} for 1M requests", f"{prices.currency} a month")]
    for item in items:
        name = f"{item.backend} {item.unit}"
        rows.append((name, f"{item.amount:,.0f}", money(item.a_million), money(item.a_month)))
    rows.append(("together", "", money(a_million), money(a_month)))
    rows += [(f"  {one.what}", "", less(one.a_million), less(one.a_month)) for one in savings(usage, prices)]
    head = f"{usage.requests:,} requests in {hours:.1f} h since the collector started"
    lines = [
        head,
        "",
        *volumes(usage),
        "",
        *aligned(rows),
        "",
        *(f"{one.what}: {one.how}" for one in savings(usage, prices)),
    ]
    if usage.log_bytes is None and usage.log_records:
        lines += ["", f"no log record of {SERVICE_LOG_GROUP} could be read back: log bytes are not priced"]
    lines += ["", NOT_PRICED]
    sources = ", ".join(prices.sources.values())
    lines += ["", f"List prices of {prices.as_of}, what is free taken off a month: {sources}"]
    return "\n".join(lines)


def volumes(usage: "Usage") -> list[str]:
    """What each backend was sent; bytes are those of the batches, before compression."""
    sent = [
        ("Honeycomb", usage.events, "events", usage.event_bytes),
        ("X-Ray", usage.spans, "spans", usage.span_bytes),
        ("CloudWatch", usage.log_records, "log records", usage.log_bytes),
        ("CloudWatch", usage.metric_points, "metric points", None),
    ]
    return [
        f"{backend:<12}{count:>10,} {what:<12}{'' if size is None else f'{size:>14,} bytes'}".rstrip()
        for backend, count, what, size in sent
    ]


def money(amount: float | None) -> str:
    return "–" if amount is None else f"{amount:,.2f}"


def less(amount: float) -> str:
    """Without a minus before what rounds to nothing."""
    return f"-{money(amount)}" if money(amount) != money(0.0) else money(0.0)


def aligned(rows: list[tuple[str, str, str, str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
