"""`threemaps query`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Any

import click

from threemaps.settings import Settings

if TYPE_CHECKING:
    from threemaps.model.difference import Window
    from threemaps.readers.questions import Answer

SHADES = " ░▒▓█"
ROWS, COLUMNS = 12, 60
MOST_POINTS = 30


@click.command()
@click.argument("question", type=click.Choice(["count", "heatmap", "p90"]))
@click.option("--since", default="10m", show_default=True, help="How far back: 90s, 10m, 2h, 1d.")
@click.option("--service", metavar="S", help="Only spans of this service.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(question: str, since: str, service: str | None, format_: str) -> None:
    """Ask Honeycomb: COUNT by trace.trace_id, HEATMAP(duration_ms), P90(duration_ms).

    Exits with 2 if Honeycomb could not be read. It answers ten questions a minute; the eleventh waits.

    \b
    Examples:
      threemaps query count
      threemaps query heatmap --since 1h
      threemaps query p90 --service activities
      threemaps query count --format json | jq .rows[0]
    """
    from threemaps.model.windows import parse_since, window_until
    from threemaps.readers.accounts import reading_settings
    from threemaps.readers.questions import TITLES, ask
    from threemaps.render.names import shown

    window = window_until(datetime.now(UTC), parse_since(since))
    settings, notes = reading_settings(Settings.load(), ("honeycomb",))
    for note in notes:
        click.echo(note, err=True)
    answer = ask(settings, question, window, service, on_wait=tell_of_wait)
    if format_ == "json":
        import orjson

        document = as_json(question, window, service, answer)
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    click.echo(f"{TITLES[question]}, last {since}{f', {shown(service)}' if service else ''}")
    drawn = {"count": counts, "heatmap": heatmap, "p90": percentiles}[question](answer, window)
    lines = list(drawn) or [nothing(service)]
    click.echo("\n".join(lines))


def nothing(service: str | None) -> str:
    if service is None:
        return "no spans in this window: threemaps traffic sends some"
    return f"no spans in this window of a service named {service!r}: without --service all are counted"


def tell_of_wait(seconds: float) -> None:
    click.echo(
        f"Honeycomb answers ten questions a minute, and this is one more: waiting {ceil(seconds)} s", err=True
    )


def as_json(question: str, window: "Window", service: str | None, answer: "Answer") -> dict[str, Any]:
    """Rows and series with Honeycomb's own names."""
    from threemaps.readers.questions import TITLES

    return {
        "question": TITLES[question],
        "window": {"start": window.start.isoformat(), "end": window.end.isoformat()},
        "service": service,
        "rows": list(answer.rows),
        "series": [{"time": time, "data": values} for time, values in answer.series],
    }


def counts(answer: "Answer", window: "Window") -> Iterator[str]:
    from threemaps.readers.questions import MOST_TRACES
    from threemaps.render.names import fitted

    for row in answer.rows:
        trace = str(row.get("trace.trace_id") or "(spans without a trace)")
        yield f"  {row.get('COUNT') or 0:>6}  {fitted(trace, 68)}"
    if len(answer.rows) == MOST_TRACES:
        yield f"  the {MOST_TRACES} traces with the most spans; see one: threemaps trace ID"


def percentiles(answer: "Answer", window: "Window") -> Iterator[str]:
    from threemaps.render.numbers import duration

    points = [(time, point.get("P90(duration_ms)")) for time, point in answer.series]
    known = [(time, float(value)) for time, value in points if isinstance(value, int | float)]
    most = max((value for _, value in known), default=0.0)
    for time, value in known[-MOST_POINTS:]:
        bar = "█" * max(1, round(value / most * 40)) if most > 0 else ""
        yield f"  {time[11:19]}  {duration(value):>10}  {bar}"
    if len(known) > MOST_POINTS:
        yield f"  the last {MOST_POINTS} points of {len(known)}: --format json has all"
    for row in answer.rows if known else ():
        whole = row.get("P90(duration_ms)")
        if isinstance(whole, int | float):
            yield f"  whole     {duration(float(whole)):>10}"


def heatmap(answer: "Answer", window: "Window") -> Iterator[str]:
    """Time from left to right, duration from bottom to top, the darker the more spans."""
    from threemaps.render.heat import cells
    from threemaps.render.numbers import duration

    grid = cells(answer.series, window, ROWS, COLUMNS)
    if grid is None:
        return
    for number in range(ROWS - 1, -1, -1):
        label = duration(grid.value_at(number + 1))
        line = "".join(SHADES[ceil(share * (len(SHADES) - 1))] for share in grid.shares[number])
        yield f"  {label:>10} │{line}"
    yield f"  {'':>10} └{'─' * COLUMNS}"
    yield f"  {'':>10}  {window.start:%H:%M:%S}{f'{window.end:%H:%M:%S}':>{COLUMNS - 8}}"
