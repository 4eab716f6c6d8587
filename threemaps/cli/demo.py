"""`threemaps demo`: what `make demo` runs."""

import sys
import time
from collections.abc import Callable
from datetime import timedelta

import click

from threemaps.errors import UserError
from threemaps.settings import IS_CHECKOUT, Settings


@click.command()
@click.option("--requests", "count", type=click.IntRange(1, 10_000), default=40, show_default=True)
def command(count: int) -> None:
    """Start everything, send requests, compare the three maps. Exits with 0 only if they agree.

    What runs already is left running and used.

    \b
    Examples:
      threemaps demo
      threemaps demo --requests 200
    """
    from threemaps.cli import compare, traffic, up
    from threemaps.compare.side_by_side import compare_now

    settings = Settings.load()
    up.start_system(settings)
    click.echo()
    since = _next_second()
    report = traffic.send(settings, count, rate=0)
    with compare.waiting() as waited:
        comparison = compare_now(settings, since=timedelta(seconds=time.time() - since + 1), report=waited)
    click.echo()
    _print_arrivals(settings, report.trace_ids, since)
    click.echo()
    compare.write(compare.rendered(comparison, "table", to_terminal=sys.stdout.isatty()), None)
    click.echo(f"\nThe page:  {settings.url('web')}")
    again, stop = ("make demo", "make down") if IS_CHECKOUT else ("threemaps demo", "threemaps down")
    click.echo(f"Again:     {again}")
    click.echo(f"Stop:      {stop}")
    sys.exit(compare.exit_code(comparison) or (1 if report.failed else 0))


def _next_second() -> int:
    """Vendors know whole seconds: begin with one, so that nothing sent before is counted."""
    begin = int(time.time()) + 1
    time.sleep(begin - time.time())
    return begin


def _print_arrivals(settings: Settings, trace_ids: list[str], since: int) -> None:
    from threemaps.readers import arrivals

    asked: dict[str, tuple[str, Callable[[], int]]] = {
        "Honeycomb": ("spans", lambda: arrivals.honeycomb_spans(settings, trace_ids, since)),
        "X-Ray": ("segments and subsegments", lambda: arrivals.xray_segments(settings, trace_ids)),
        "CloudWatch": ("calls, in whole minutes", lambda: arrivals.cloudwatch_calls(settings, since)),
    }
    click.echo(f"Of {len(trace_ids)} requests there arrived")
    for backend, (things, ask) in asked.items():
        try:
            cell = f"{ask():>6} {things}"
        except UserError as error:
            cell = f"     – {error.message}"
        click.echo(f"  {backend:<12}{cell}")
