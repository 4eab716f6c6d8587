"""`threemaps login`."""

import click

from threemaps.settings import Settings


@click.command()
@click.argument("backend", type=click.Choice(["honeycomb"]))
def command(backend: str) -> None:
    """Log in to Honeycomb in the browser: its map is then read through MCP, on every plan.

    The login may only read. It is kept in the state folder, in honeycomb-login.json, which only you can read,
    and renews itself; remove the file to forget it. While the demo runs, this logs in to the local Honeycomb.
    In CI set HONEYCOMB_MANAGEMENT_KEY instead. Exits with 2 if nobody could log in.

    \b
    Examples:
      threemaps login honeycomb && threemaps compare honeycomb xray
    """
    from dataclasses import replace

    from threemaps.readers.accounts import demo_runs
    from threemaps.readers.honeycomb_login import FILE, log_in
    from threemaps.readers.honeycomb_session import Access, Session

    settings = Settings.load()
    if not settings.get("THREEMAPS_BACKENDS") and not demo_runs(settings):
        settings = replace(settings, honeycomb_is_real=True)
    tools = log_in(
        settings,
        lambda login: Session(settings.honeycomb_mcp, Access.by_login(lambda: login)).tools(),
        lambda address: click.echo(f"log in, and allow reading, at\n  {address}", err=True),
    )
    click.echo(f"logged in to {settings.honeycomb_mcp}, which has {len(tools)} tools for you")
    click.echo(f"kept in {settings.state / FILE}")
