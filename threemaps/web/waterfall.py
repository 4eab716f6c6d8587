"""One trace as each backend holds it: a row a span on one time axis, each opening to its attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from threemaps.readers.logs import Line
from threemaps.readers.rollbar import Fault
from threemaps.readers.traces import Held, Span, depths, in_order
from threemaps.render.names import markup, title, value_text
from threemaps.render.numbers import duration

AXIS = 1000  # units of a bar's ground
MOST_INDENTS = 10


@dataclass(frozen=True, slots=True)
class Row:
    span: Span
    depth: int
    left: float
    length: float

    @property
    def label(self) -> str:
        name, service = self.span.name, self.span.service
        return name if name.startswith(service) else f"{service}: {name}"


def rows_of(held: Sequence[Held]) -> Mapping[str, list[Row]]:
    """The rows of each backend, siblings by their start.

    A start that a backend lacks is another's for the same span, or the parent's.
    """
    known = {span.id: span.start for one in held for span in one.spans if span.start is not None}
    held = [_by_start(one, known) for one in held]
    starts = {one.backend: _starts(one, known) for one in held}
    ends = [
        start + span.duration_ms / 1000
        for one in held
        for start, span in zip(starts[one.backend], one.spans, strict=True)
    ]
    begin = min((start for some in starts.values() for start in some), default=0.0)
    scale = AXIS / ((max(ends, default=0.0) - begin) or 1.0)
    return {
        one.backend: [
            Row(span, depth, (start - begin) * scale, span.duration_ms / 1000 * scale)
            for span, depth, start in zip(one.spans, depths(one.spans), starts[one.backend], strict=True)
        ]
        for one in held
    }


def _by_start(held: Held, known: Mapping[str, float]) -> Held:
    spans = [replace(span, start=known.get(span.id)) for span in held.spans]
    return replace(held, spans=tuple(in_order(spans)))


def _starts(held: Held, known: Mapping[str, float]) -> list[float]:
    earliest = min(known.values(), default=0.0)
    found: dict[str, float] = {}
    for span in held.spans:
        found[span.id] = found.get(span.parent, earliest) if span.start is None else span.start
    return [found[span.id] for span in held.spans]


def drawn(rows: Sequence[Row], lines: Sequence[Line] = (), errors: Sequence[Fault] = ()) -> Markup:
    """`lines` and `errors` are the trace's; each stands below the span that it came from."""
    written: dict[str, list[str]] = {}
    for line in lines:
        written.setdefault(line.span, []).append(f"{line.severity} {line.text}")
    items: dict[str, list[Fault]] = {}
    for error in errors:
        items.setdefault(error.span_id, []).append(error)
    texts = [_row(row, written.get(row.span.id, []), items.get(row.span.id, [])) for row in rows]
    return Markup("".join(texts))  # noqa: S704 - every name and value is escaped below


def _row(row: Row, lines: Sequence[str], errors: Sequence[Fault]) -> str:
    failed = " failed" if row.span.failed else ""
    indent = min(row.depth, MOST_INDENTS)
    left = min(row.left, AXIS - 4)
    bar = (
        f'<svg class="lane" viewBox="0 0 {AXIS} 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bar{failed}" x="{left:.1f}" y="1" width="{max(row.length, 4):.1f}" height="10"/></svg>'
    )
    sign = "✗ " if row.span.failed else ""
    pairs = (f"{name}={value_text(value)}" for name, value in row.span.attributes.items())
    searched = " ".join(
        markup(part.lower()) for part in (row.label, *pairs, *lines, *(one.title for one in errors))
    )
    return (
        f'<details class="span{failed}" data-text="{searched}"><summary>'
        f'<span class="label indent-{indent}">{sign}<bdi>{markup(row.label)}</bdi></span>{bar}'
        f'<span class="time">{duration(row.span.duration_ms)}</span></summary>'
        f"{_attributes(row.span, lines, errors)}</details>"
    )


def _attributes(span: Span, lines: Sequence[str], errors: Sequence[Fault]) -> str:
    pairs = {"span id": span.id, "parent id": span.parent or "none: a root", **span.attributes}
    pairs |= {f"log line {number}": line for number, line in enumerate(lines, 1)}
    cells = "".join(
        f'<tr><th scope="row"><bdi>{markup(name)}</bdi></th>'
        f"<td><bdi>{markup(value_text(value))}</bdi></td></tr>"
        for name, value in pairs.items()
    )
    links = "".join(
        f'<tr><th scope="row">Rollbar item</th>'
        f'<td><a href="/errors#item-{markup(one.item_id)}"><bdi>{markup(one.title)}</bdi></a></td></tr>'
        for one in errors
    )
    return f'<table class="attributes"><tbody>{cells}{links}</tbody></table>'


def where_they_differ(held: Sequence[Held]) -> str:
    """One line: which spans only some of the backends that could be read hold."""
    full = [one for one in held if not one.problem]
    if len(full) < 2:
        return ""
    ids = {one.backend: {span.id for span in one.spans} for one in full}
    shared = set.intersection(*ids.values())
    lacking = {name: len(set().union(*ids.values()) - own) for name, own in ids.items()}
    if not any(lacking.values()):
        return f"They hold the same {len(shared)} spans."
    return " ".join(f"{title(name)} lacks {count} of them." for name, count in lacking.items() if count)
