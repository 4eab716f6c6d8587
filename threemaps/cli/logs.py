"""`threemaps logs`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from threemaps.settings import Settings

if TYPE_CHECKING:
    from threemaps.readers.logs import Line


@click.command()
@click.argument("trace_id", metavar="ID")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(trace_id: str, format_: str) -> None:
    """The log lines of one trace, from CloudWatch, in the order of their times (UTC).

    Exits with 0 if there are lines, 1 if there are none, 2 if CloudWatch could not be read.

    \b
    Examples:
      threemaps logs 5759e988bd862e3fe1be46a994272793
      threemaps logs 1-5759e988-bd862e3fe1be46a994272793
      threemaps logs 5759e988bd862e3fe1be46a994272793 --format json | jq -r .lines[].text
    """
    from threemaps.readers.accounts import reading_settings
    from threemaps.readers.logs import MOST_LINES, log_lines
    from threemaps.readers.traces import trace_id_of

    plain = trace_id_of(trace_id)
    settings, notes = reading_settings(Settings.load(), ("cloudwatch",))
    for note in notes:
        click.echo(note, err=True)
    lines = log_lines(settings, plain)
    if format_ == "json":
        import orjson

        document = {"trace_id": plain, "lines": [as_json(line) for line in lines]}
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in lines:
            click.echo(as_text(line))
    if len(lines) == MOST_LINES:
        click.echo(f"these are the first {MOST_LINES} lines", err=True)
    if not lines:
        click.echo(f"CloudWatch holds no line of {plain} (they take some seconds to arrive)", err=True)
        sys.exit(1)


def as_text(line: "Line") -> str:
    from threemaps.render.names import shown

    moment = f"{line.moment:%H:%M:%S.%f}"[:12]
    service, severity = (shown(name) if name else "" for name in (line.service, line.severity))
    return f"{moment}  {service:<13} {severity:<5} {shown(line.text)}"


def as_json(line: "Line") -> dict[str, Any]:
    return {
        "time": line.moment.isoformat(timespec="milliseconds"),
        "service": line.service,
        "severity": line.severity,
        "text": line.text,
    }
