"""`threemaps snapshot`."""

from pathlib import Path

import click

from threemaps.cli.compare import OutputFile, waiting, write
from threemaps.settings import Settings


@click.command()
@click.argument("source")
@click.option("--since", default="15m", show_default=True, help="How far back: 90s, 15m, 2h, 1d.")
@click.option("--until", metavar="AGO", help="A window that ended so long ago, for backends that lag: 10m.")
@click.option("--wait", metavar="TIME", help="How long to wait at most until the map has settled: 10m.")
@click.option("--service", metavar="GLOB", help="Only edges that touch a matching name.")
@click.option("--output", required=True, type=OutputFile(), help="The file.")
def command(
    source: str, since: str, until: str | None, wait: str | None, service: str | None, output: Path
) -> None:
    """Save one backend's map as a small file, for `compare` and `compare --expect`.

    SOURCE is honeycomb, xray or cloudwatch. Exits with 2 if it could not be read.

    \b
    Examples:
      threemaps snapshot xray --output before.json
      threemaps snapshot honeycomb --since 1h --service 'activit*' --output activities.json
    """
    from threemaps.compare.side_by_side import snapshot_now
    from threemaps.model.windows import parse_since
    from threemaps.readers.accounts import reading_settings
    from threemaps.readers.snapshot import snapshot_text

    length = parse_since(since)
    ago = parse_since(until, "--until") if until is not None else None
    patience = parse_since(wait, "--wait") if wait is not None else None
    settings, notes = reading_settings(Settings.load(), [source])
    for line in notes:
        click.echo(line, err=True)
    with waiting() as report:
        taken, held = snapshot_now(settings, source, length, service, until=ago, wait=patience, report=report)
    write(snapshot_text(taken.backend, taken.window, held), output)
    click.echo(f"{output}: {len(held.nodes)} nodes, {len(held.edges)} edges of {taken.name}")
    if not held.nodes:
        click.echo("the map is empty: send calls, take a longer --since, or run `threemaps doctor`", err=True)
