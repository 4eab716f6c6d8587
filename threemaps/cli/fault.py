"""`threemaps fault`: make a service misbehave, and see how each map shows it."""

import re

import click

from threemaps.errors import UserError

MAX_MILLISECONDS = 60_000
UNITS = {"ms": 1, "s": 1000}


class Latency(click.ParamType[int]):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s)", str(value).strip())
        if not found:
            self.fail(f"{value!r} is no duration; for example 300ms or 1.5s", param, ctx)
        milliseconds = round(float(found[1]) * UNITS[found[2]])
        if not 0 < milliseconds <= MAX_MILLISECONDS:
            self.fail(f"{value!r} is not between 1ms and {MAX_MILLISECONDS // 1000}s", param, ctx)
        return milliseconds


class Share(click.ParamType[float]):
    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"[01]?\.?\d{1,6}", str(value).strip())
        share = float(str(value)) if found else 0.0
        if not 0 < share <= 1:
            self.fail(f"{value!r} is no share of the requests; for example 0.3, or 1 for all", param, ctx)
        return share


@click.command(name="fault")
@click.argument("service", required=False)
@click.option("--latency", type=Latency(), help="Answer so much later, as in 300ms or 1.5s.")
@click.option("--errors", type=Share(), help="Fail this share of the requests, as in 0.3.")
@click.option("--down", is_flag=True, help="Give no answer at all.")
@click.option("--clear", is_flag=True, help="Let the service behave again.")
def command(service: str | None, latency: int | None, errors: float | None, down: bool, clear: bool) -> None:
    """Make SERVICE misbehave while it runs, within a second. --clear alone clears all services.

    \b
    Examples:
      threemaps fault users --latency 300ms
      threemaps fault activities --errors 0.3
      threemaps fault users --down
      threemaps fault users --clear
      threemaps fault --clear
    """
    from threemaps.demo import health
    from threemaps.demo.faults import Fault, bring_about, require_local
    from threemaps.settings import SERVICES, Settings

    if service is None and not clear:
        raise click.UsageError(f"name a service: {', '.join(SERVICES)}")
    if service is not None and service not in SERVICES:
        raise click.BadParameter(f"{service!r} is none of {', '.join(SERVICES)}", param_hint="SERVICE")
    asked = any((latency, errors, down))
    if asked == clear:
        raise click.UsageError("say what is to go wrong (--latency, --errors, --down), or --clear")
    settings = Settings.load()
    require_local(settings)
    fault = Fault(latency or 0, errors or 0.0, down)
    for name in [service] if service else SERVICES:
        if asked and not health.answers(f"{settings.url(name)}/api/health"):
            raise UserError(f"{name} does not run at {settings.url(name)}", hint="threemaps up")
        click.echo(bring_about(settings, name, fault))
    if asked:
        click.echo(f"  → threemaps traffic && threemaps compare; then threemaps fault {service} --clear")
