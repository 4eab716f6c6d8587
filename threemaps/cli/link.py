"""`threemaps link`."""

import click

from threemaps.settings import Settings


@click.command()
@click.argument("backend", type=click.Choice(["honeycomb"]))
@click.option("--trace", "trace_id", metavar="ID", help="Open this trace instead of the map.")
@click.option("--since", default="2h", show_default=True, help="How far back the map goes: 15m, 2h, 1d.")
def command(backend: str, trace_id: str | None, since: str) -> None:
    """Print the address that opens the map's query, or a trace, in Honeycomb's own page.

    It needs no API and no plan, only a key that says which team and environment. The result of the query can
    be saved there as JSON or CSV, and compared: threemaps compare result.csv xray.
    Exits with 2 if no key says whose page it is.

    \b
    Examples:
      threemaps link honeycomb
      threemaps link honeycomb --trace 5759e988bd862e3fe1be46a994272793
    """
    from threemaps.model.windows import parse_since
    from threemaps.readers.accounts import reading_settings
    from threemaps.readers.honeycomb_links import map_link, trace_link
    from threemaps.readers.traces import trace_id_of

    settings, notes = reading_settings(Settings.load(), (backend,))
    for note in notes:
        click.echo(note, err=True)
    if not settings.honeycomb_is_real:
        click.echo("the local Honeycomb has no page: this is how the address of your account looks", err=True)
    plain = trace_id_of(trace_id) if trace_id else ""
    click.echo(trace_link(settings, plain) if plain else map_link(settings, parse_since(since)))
