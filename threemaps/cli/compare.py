"""`threemaps compare`."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from threemaps.errors import UserError
from threemaps.settings import Settings

if TYPE_CHECKING:
    from threemaps.model.difference import Comparison


class OutputFile(click.Path):
    """A file that is to be written: what cannot be is said before anybody has waited for the maps."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value):
            self.fail("'' is no name of a file", param, ctx)
        if not Path(value).parent.is_dir():
            self.fail(f"{str(value)!r}: there is no folder {str(Path(value).parent)!r}", param, ctx)
        return super().convert(value, param, ctx)


FORMATS = ("table", "json", "mermaid", "dot", "svg", "html", "junit")
AGREE, DIFFER, UNREADABLE = 0, 1, 2
BY_SUFFIX = {
    ".json": "json",
    ".svg": "svg",
    ".html": "html",
    ".htm": "html",
    ".xml": "junit",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
}


class Percent(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has no arguments there
    """25% or 0.25, as a share."""

    name = "PERCENT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share < float("inf"):
            self.fail(f"{value!r} is no change: write 25% or 0.25", param, ctx)
        return share


def format_of(output: Path | None) -> str:
    """By the file's name; a table where it says nothing."""
    return BY_SUFFIX.get(output.suffix.lower(), "table") if output else "table"


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--since", default="15m", show_default=True, help="How far back: 90s, 15m, 2h, 1d.")
@click.option("--until", metavar="AGO", help="A window that ended so long ago, for backends that lag: 10m.")
@click.option("--wait", metavar="TIME", help="How long to wait at most until the maps have settled: 10m.")
@click.option("--service", metavar="GLOB", help="Only edges that touch a matching name.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="table, or what --output's name says.")
@click.option("--output", type=OutputFile(), help="Write to this file.")
@click.option("--expect", metavar="FILE", help="Hold every map against this one.")
@click.option("--max-change", type=Percent(), help="Files of two times: fail beyond this change, as in 25%.")
def command(
    sources: tuple[str, ...],
    since: str,
    until: str | None,
    wait: str | None,
    service: str | None,
    format_: str | None,
    output: Path | None,
    expect: str | None,
    max_change: float | None,
) -> None:
    """Compare the service maps of the backends, and say why they differ.

    SOURCE is honeycomb, xray, cloudwatch or a file made by `threemaps snapshot`; without one, all three.
    Exits with 0 if the maps agree, 1 if they differ, 2 if a source could not be read.

    \b
    Examples:
      threemaps compare
      threemaps compare honeycomb xray --since 1h
      threemaps compare xray cloudwatch --since 15m --until 10m
      threemaps compare before.json xray --service 'activit*'
      threemaps compare before.json after.json --max-change 25%
      threemaps compare --output maps.html
      threemaps compare xray --expect map.json --format junit --output report.xml
    """
    from threemaps.compare.contract import Contract
    from threemaps.compare.side_by_side import compare_now
    from threemaps.model.windows import parse_since
    from threemaps.readers import BACKENDS
    from threemaps.readers.accounts import reading_settings

    length = parse_since(since)
    ago = parse_since(until, "--until") if until is not None else None
    patience = parse_since(wait, "--wait") if wait is not None else None
    format_ = format_ or format_of(output)
    contract = Contract.read(expect) if expect is not None else None
    settings, notes = reading_settings(Settings.load(), sources)
    for line in notes:
        click.echo(line, err=True)
    with waiting() as report:
        comparison = compare_now(
            settings,
            sources or BACKENDS,
            length,
            service,
            until=ago,
            wait=patience,
            contract=contract,
            max_change=max_change,
            report=report,
        )
    if format_ != "table":  # the table has them in its head
        for line in (*comparison.notes, *(trouble.what for trouble in comparison.troubles)):
            click.echo(line, err=True)
    write(rendered(comparison, format_, to_terminal=output is None and sys.stdout.isatty()), output)
    sys.exit(exit_code(comparison))


def exit_code(comparison: "Comparison") -> int:
    if not comparison.readable:
        return UNREADABLE
    return AGREE if comparison.agree else DIFFER


def rendered(comparison: "Comparison", format_: str, *, to_terminal: bool) -> str:
    if format_ == "json":
        import orjson

        # Half of a surrogate pair, as in a file's name of any bytes, is left to the slower way.
        with suppress(TypeError):
            return orjson.dumps(comparison.to_json(), option=orjson.OPT_INDENT_2).decode()
    import shutil

    from threemaps.render import render

    width = shutil.get_terminal_size((80, 24)).columns if to_terminal else 80
    colour = to_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return render(comparison, format_, width=width, colour=colour)


def write(text: str, output: Path | None) -> None:
    text = text.encode("utf-8", "backslashreplace").decode()
    if output is None:
        click.echo(text.rstrip("\n"))
        return
    try:
        output.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{output} could not be written: {error.strerror}",
            hint="name a file in a folder that exists and is yours",
            exit_code=2,
        ) from error


@contextmanager
def waiting() -> Iterator[Callable[[float], None]]:
    """Progress for people: a line that counts the seconds, and in a pipe one line in all."""
    text = "waiting for the maps to settle"
    waits: list[float] = []

    def report(waited: float) -> None:
        waits.append(waited)
        if sys.stderr.isatty():
            click.echo(f"\r{text}: {waited:.0f} s ", err=True, nl=False)
        elif len(waits) == 1:
            click.echo(text, err=True)

    yield report
    if waits and sys.stderr.isatty():
        click.echo("\r" + " " * (len(text) + 10) + "\r", err=True, nl=False)
