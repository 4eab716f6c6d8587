"""`threemaps traces`."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import cast

import click

from threemaps.settings import Settings


@click.command()
@click.option(
    "--since", default="15m", show_default=True, help="How far back: 90s, 15m, 2h; X-Ray: 6h at most."
)
@click.option("--service", default="", metavar="S", help="Only traces that touch this service.")
@click.option(
    "--least", type=click.FloatRange(0), metavar="MS", help="Only those that took at least so long."
)
@click.option(
    "--order", type=click.Choice(["recent", "slowest", "failing"]), default="recent", show_default=True
)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(since: str, service: str, least: float | None, order: str, format_: str) -> None:
    """List traces, as X-Ray does: when, root, spans, duration, failed or not.

    Exits with 2 if X-Ray could not be read.

    \b
    Examples:
      threemaps traces
      threemaps traces --order slowest --since 1h
      threemaps traces --order failing --service users
      threemaps traces --least 500 --format json | jq -r .[0].trace_id
    """
    from threemaps.model.windows import parse_since, window_until
    from threemaps.readers.accounts import reading_settings
    from threemaps.readers.recent import Order, filter_of, recent_traces
    from threemaps.render.names import fitted, shown
    from threemaps.render.numbers import duration

    window = window_until(datetime.now(UTC), parse_since(since))
    settings, notes = reading_settings(Settings.load(), ("xray",))
    for note in notes:
        click.echo(note, err=True)
    wanted = filter_of(settings, window, service, least, failing=order == "failing")
    found = recent_traces(settings, window, wanted, cast(Order, order))
    if format_ == "json":
        import orjson

        click.echo(orjson.dumps([asdict(one) for one in found], option=orjson.OPT_INDENT_2).decode())
        return
    for one in found:
        mark = "✗" if one.failed else " "
        spans = "–" if one.spans is None else one.spans
        failed_in = f"  failed in {', '.join(map(shown, one.failed_in))}" if one.failed_in else ""
        click.echo(
            f"{one.moment:%H:%M:%S}  {one.trace_id}  {mark} {duration(one.duration_ms):>9}"
            f"  {spans:>3} spans  {fitted(one.root, 24)}{failed_in}"
        )
    if not found:
        click.echo(f"no such trace in the last {since}: threemaps traffic makes some")
