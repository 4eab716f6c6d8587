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


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--since", default="15m", show_default=True, help="How far back: 90s, 15m, 2h, 1d.")
@click.option("--service", metavar="GLOB", help="Only edges that touch a matching name.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--output", type=OutputFile(), help="Write to this file.")
@click.option("--expect", metavar="FILE", help="Hold every map against this one.")
def command(
    sources: tuple[str, ...],
    since: str,
    service: str | None,
    format_: str,
    output: Path | None,
    expect: str | None,
) -> None:
    """Compare the service maps of the backends, and say why they differ.

    SOURCE is honeycomb, xray, cloudwatch or a file made by `threemaps snapshot`; without one, all three.
    Exits with 0 if the maps agree, 1 if they differ, 2 if a source could not be read.

    \b
    Examples:
      threemaps compare
      threemaps compare honeycomb xray --since 1h
      threemaps compare before.json xray --service 'activit*'
      threemaps compare --format html --output maps.html
      threemaps compare xray --expect map.json --format junit --output report.xml
    """
    from threemaps.compare.contract import Contract
    from threemaps.compare.side_by_side import compare_now
    from threemaps.model.windows import parse_since
    from threemaps.readers import BACKENDS
    from threemaps.readers.accounts import reading_settings

    length = parse_since(since)
    contract = Contract.read(expect) if expect is not None else None
    settings, told = reading_settings(Settings.load(), sources)
    for line in told:
        click.echo(line, err=True)
    with waiting() as report:
        comparison = compare_now(
            settings, sources or BACKENDS, length, service, contract=contract, report=report
        )
    for note in comparison.notes:
        click.echo(note, err=True)
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
    from threemaps.compare.settle import LIMIT_SECONDS

    text = f"waiting for the maps to settle, {LIMIT_SECONDS:.0f} s at most"
    told: list[float] = []

    def report(waited: float) -> None:
        told.append(waited)
        if sys.stderr.isatty():
            click.echo(f"\r{text}: {waited:.0f} s ", err=True, nl=False)
        elif len(told) == 1:
            click.echo(text, err=True)

    yield report
    if told and sys.stderr.isatty():
        click.echo("\r" + " " * (len(text) + 10) + "\r", err=True, nl=False)
