"""`threemaps trace`."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from threemaps.settings import Settings

if TYPE_CHECKING:
    from threemaps.readers.traces import Held, Missing, Span

NAME_CELLS = 44
BAR = 20
MOST_DIFFERENCES = 20
NOT_FOUND, UNREADABLE = 1, 2


@click.command()
@click.argument("trace_id", metavar="ID")
@click.option(
    "--attributes", is_flag=True, help="Every span with its attributes, as each backend holds them."
)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(trace_id: str, attributes: bool, format_: str) -> None:
    """One trace as Honeycomb and X-Ray hold it, and where they differ.

    `threemaps logs ID` shows its log lines, from CloudWatch.
    Exits with 0 if a backend holds the trace, 1 if none does, 2 if it was not found and a backend could not
    be read.

    \b
    Examples:
      threemaps trace 5759e988bd862e3fe1be46a994272793
      threemaps trace 1-5759e988-bd862e3fe1be46a994272793
      threemaps trace 5759e988bd862e3fe1be46a994272793 --attributes
      threemaps trace 5759e988bd862e3fe1be46a994272793 --format json
    """
    from threemaps.readers.accounts import reading_settings
    from threemaps.readers.traces import as_json, differences, read_trace, trace_id_of

    plain = trace_id_of(trace_id)
    settings, notes = reading_settings(Settings.load(), ("honeycomb", "xray"))
    for note in notes:
        click.echo(note, err=True)
    held = read_trace(settings, plain, datetime.now(UTC), attributes=attributes)
    missing = differences(held)
    if format_ == "json":
        import orjson

        document = as_json(plain, held, missing, attributes=attributes)
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        parts = [waterfall(one, attributes=attributes) for one in held]
        parts += [compared(held, missing), [f"its log lines: threemaps logs {plain}"]]
        click.echo("\n\n".join("\n".join(part) for part in parts if part))
    if not any(one.spans for one in held):
        sys.exit(UNREADABLE if any(one.problem for one in held) else NOT_FOUND)


def waterfall(held: "Held", *, attributes: bool = False) -> list[str]:
    """A line a span: name, length, and a bar where the backend reports when it began; attributes below it."""
    from threemaps.readers.traces import MOST_SPANS, depths
    from threemaps.render.names import fitted, shown, title, value_text, wrapped
    from threemaps.render.numbers import duration

    if held.problem:
        return [f"{title(held.backend)}: could not be read", *wrapped(f"{held.problem} → {held.remedy}", 78)]
    if not held.spans:
        return [f"{title(held.backend)}: does not hold this trace (spans take some seconds to arrive)"]
    lines = [f"{title(held.backend)}: {len(held.spans)} span{'s' if len(held.spans) > 1 else ''}"]
    if len(held.spans) == MOST_SPANS:
        lines[0] += ", the most that are shown"
    for span, depth in zip(held.spans, depths(held.spans), strict=True):
        label = "  " * min(depth, 10) + fitted(label_of(span), NAME_CELLS - 2 * min(depth, 10))
        mark = "✗" if span.failed else " "
        line = f"{mark} {padded(label)} {duration(span.duration_ms):>9} "
        lines.append((line + bar(held, span.start, span.duration_ms)).rstrip())
        if attributes:
            margin = "  " * (min(depth, 10) + 2)
            lines += [
                f"{margin}{shown(name)} = {value_text(value)}"
                for name, value in sorted(span.attributes.items())
            ]
    return lines


def label_of(span: "Span") -> str:
    return span.name if span.name.startswith(span.service) else f"{span.service}: {span.name}"


def compared(held: Sequence["Held"], missing: Sequence["Missing"]) -> list[str]:
    """Where the backends differ; nothing where there is nothing to compare."""
    from threemaps.render.names import fitted, shown, title

    if sum(bool(one.spans) for one in held) < 2:
        return []
    if not missing:
        return ["They hold the same spans."]
    lines = ["Where they differ:"]
    for one in missing[:MOST_DIFFERENCES]:
        where = " and ".join(title(name) for name in one.missing_in)
        lines.append(f"  {shown(one.span.id)[:16]} {fitted(label_of(one.span), 32)} is not in {where}")
    if len(missing) > MOST_DIFFERENCES:
        lines.append(f"  and {len(missing) - MOST_DIFFERENCES} more: --format json lists all")
    return lines


def padded(label: str) -> str:
    from rich.cells import set_cell_size

    return set_cell_size(label, NAME_CELLS)


def bar(held: "Held", start: float | None, length_ms: float) -> str:
    starts = [span.start for span in held.spans if span.start is not None]
    if start is None or not starts:
        return ""
    begin = min(starts)
    whole = max(
        (span.start - begin) * 1000 + span.duration_ms for span in held.spans if span.start is not None
    )
    scale = BAR / whole if whole > 0 else 0.0
    before = min(int((start - begin) * 1000 * scale), BAR - 1)
    return " " * before + "█" * max(1, min(round(length_ms * scale), BAR - before))
