"""`threemaps query`."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Any

import click

from threemaps.errors import UserError
from threemaps.settings import Settings

if TYPE_CHECKING:
    from threemaps.model.difference import Window
    from threemaps.readers.questions import Answer

SHADES = " ░▒▓█"
ROWS, COLUMNS = 12, 60
MOST_POINTS = 30


@click.command()
@click.argument("question", required=False, type=click.Choice(["count", "heatmap", "p90"]))
@click.option("--visualize", multiple=True, metavar="CALCULATION", help="COUNT, P90(duration_ms), …")
@click.option("--group-by", multiple=True, metavar="COLUMN", help="A row for each of its values.")
@click.option("--where", multiple=True, metavar="CONDITION", help="'duration_ms > 100'; all of them hold.")
@click.option("--since", default="10m", show_default=True, help="How far back: 90s, 10m, 2h, 1d.")
@click.option("--service", metavar="S", help="Only spans of this service.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    question: str | None,
    visualize: tuple[str, ...],
    group_by: tuple[str, ...],
    where: tuple[str, ...],
    since: str,
    service: str | None,
    format_: str,
) -> None:
    """Ask Honeycomb: COUNT by trace.trace_id, HEATMAP(duration_ms), P90(duration_ms), or your own question.

    Exits with 2 if Honeycomb could not be read. It answers ten questions a minute; the eleventh waits.

    \b
    Examples:
      threemaps query count
      threemaps query heatmap --since 1h
      threemaps query p90 --service activities
      threemaps query count --format json | jq .rows[0]
      threemaps query --visualize 'P90(duration_ms)' --group-by name --where 'service.name = users'
    """
    from threemaps.model.windows import parse_since, window_until
    from threemaps.readers.accounts import reading_settings
    from threemaps.readers.question_words import labels, question_of
    from threemaps.readers.questions import TITLES, ask, ask_own
    from threemaps.render.names import shown

    window = window_until(datetime.now(UTC), parse_since(since))
    own = question_of(visualize, group_by, where) if visualize or group_by or where else None
    if (question is None) == (own is None):
        raise UserError(
            "one question is asked: count, heatmap or p90, or one of your own",
            hint="threemaps query count, or threemaps query --visualize COUNT --group-by name",
            exit_code=2,
        )
    settings, notes = reading_settings(Settings.load(), ("honeycomb",))
    for note in notes:
        click.echo(note, err=True)
    if own is not None or question is None:
        answer = ask_own(settings, own or {}, window, service, on_wait=say_wait)
        if format_ == "json":
            echo_json(", ".join(labels(own or {})), window, service, answer)
        else:
            click.echo("\n".join(table(answer, own or {})) or nothing(service))
        return
    answer = ask(settings, question, window, service, on_wait=say_wait)
    if format_ == "json":
        echo_json(TITLES[question], window, service, answer)
        return
    click.echo(f"{TITLES[question]}, last {since}{f', {shown(service)}' if service else ''}")
    drawn = {"count": counts, "heatmap": heatmap, "p90": percentiles}[question](answer, window)
    lines = list(drawn) or [nothing(service)]
    click.echo("\n".join(lines))


def echo_json(question: str, window: "Window", service: str | None, answer: "Answer") -> None:
    import orjson

    document = as_json(question, window, service, answer)
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def table(answer: "Answer", question: Mapping[str, Any]) -> Iterator[str]:
    """A line a group: its calculations, then what it is grouped by."""
    from threemaps.readers.question_words import labels
    from threemaps.render.names import fitted

    names = [*labels(question), *question["breakdowns"]]
    if not answer.rows:
        return
    rows = [[cell(row.get(name)) for name in names] for row in answer.rows]
    widths = [min(40, max(map(len, column))) for column in zip(names, *rows, strict=True)]
    for line in (names, *rows):
        yield "  ".join(
            fitted(value, width).ljust(width) for value, width in zip(line, widths, strict=True)
        ).rstrip()
    if len(rows) == question["limit"]:
        yield f"the first {len(rows)} groups"


def cell(value: object) -> str:
    from threemaps.render.names import shown

    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return f"{len(value)} cells"
    return shown("" if value is None else str(value))


def nothing(service: str | None) -> str:
    if service is None:
        return "no spans in this window: threemaps traffic sends some"
    return f"no spans in this window of a service named {service!r}: without --service all are counted"


def say_wait(seconds: float) -> None:
    click.echo(
        f"Honeycomb answers ten questions a minute, and this is one more: waiting {ceil(seconds)} s", err=True
    )


def as_json(question: str, window: "Window", service: str | None, answer: "Answer") -> dict[str, Any]:
    """Rows and series with Honeycomb's own names."""
    return {
        "question": question,
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
