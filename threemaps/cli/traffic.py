"""`threemaps traffic`."""

import math
import sys

import click

from threemaps.demo.traffic import Report
from threemaps.settings import Settings

DEFAULT_PATH = "/api/activities/home"


@click.command()
@click.option("--requests", "count", type=click.IntRange(1, 1_000_000), default=20, show_default=True)
@click.option(
    "--rate",
    type=click.FloatRange(0, 10_000),
    default=0.0,
    help="Requests a second; 0 is as fast as they come back.",
)
@click.option(
    "--path",
    "paths",
    multiple=True,
    default=(DEFAULT_PATH,),
    show_default=True,
    help="May be given several times.",
)
def command(count: int, rate: float, paths: tuple[str, ...]) -> None:
    """Send requests across the services. Exits with 1 if any failed.

    \b
    Examples:
      threemaps traffic
      threemaps traffic --requests 500 --rate 50
      threemaps traffic --path /api/users/andrew --path /api/activities/home
    """
    if math.isnan(rate):
        raise click.BadParameter("nan is no number of requests", param_hint="--rate")
    settings = Settings.load()
    report = send(settings, count, rate, paths)
    if not report.ok and set(report.reasons) == {"ConnectionError"}:
        click.echo(
            f"nothing answers at {settings.url('frontend_api')}: start it with `threemaps up`", err=True
        )
    if report.failed:
        sys.exit(1)


def send(settings: Settings, count: int, rate: float, paths: tuple[str, ...] = (DEFAULT_PATH,)) -> Report:
    """Sends the requests under a progress bar and prints what came of them; shared with `threemaps demo`."""
    from threemaps.basics.progress import counting
    from threemaps.demo.traffic import Traffic

    for path in paths:
        if not path.startswith("/"):
            raise click.BadParameter(f"{path!r} does not start with /", param_hint="--path")
    traffic = Traffic(settings.url("frontend_api"), paths, count, rate)
    try:
        with counting("Sending requests", count) as advance:
            report = traffic.run(advance)
    except KeyboardInterrupt:
        click.echo(_line(traffic.report))
        raise
    click.echo(_line(report))
    return report


def _line(report: Report) -> str:
    reasons = ", ".join(f"{number} × {reason}" for reason, number in sorted(report.reasons.items()))
    return f"{report.sent} sent, {report.ok} ok, {report.failed} failed{f' ({reasons})' if reasons else ''}"
