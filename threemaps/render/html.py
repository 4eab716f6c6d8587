"""A comparison as one HTML file that opens from disk, and the parts of it that the page shares."""

import re
from collections.abc import Iterator, Mapping

from threemaps.model.difference import Comparison, Difference
from threemaps.render import numbers, words
from threemaps.render.grouping import Link
from threemaps.render.names import markup, title
from threemaps.render.scene import Figures, Scene
from threemaps.render.style import COLOURS, MAP, SHEET
from threemaps.render.svg import Painter

MOST_EVIDENCE = 5
CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def commands(text: str) -> str:
    """Escaped, with what is to be typed, `as in Markdown`, set apart."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", markup(text))


def render_html(scene: Scene) -> str:
    comparison, painter = scene.comparison, Painter(scene)
    verdict = words.verdict(comparison)
    panels = "".join(panel(painter, name) for name in comparison.maps)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">'
        f"<title>threemaps: {verdict}</title><style>{COLOURS}{MAP}{SHEET}</style></head><body><main>"
        f'<header><h1 class="verdict {verdict}">{verdict}</h1><p class="soft">'
        f"{numbers.window_text(comparison.window)}</p></header>"
        f'<section class="panels{" tall" if painter.crowded else ""}" aria-label="Maps">{panels}</section>'
        f"<section><h2>Differences</h2>{differences(comparison)}</section>"
        f"<section><h2>Every edge</h2>{edge_table(scene)}</section></main></body></html>\n"
    )


def panel(painter: Painter, name: str) -> str:
    heading = f"<h2><bdi>{markup(title(name))}</bdi></h2>"
    svg = painter.svg(name) if painter.scene.comparison.maps[name] is not None else ""
    return f'<article class="panel">{heading}{panel_body(painter.scene, name, svg)}</article>'


def panel_body(scene: Scene, name: str, svg: str) -> str:
    """The map, or what to do where there is none."""
    comparison = scene.comparison
    if comparison.maps[name] is None:
        problem = next(
            (one for one in comparison.differences if name in one.not_in and one.source is None), None
        )
        reason = markup(problem.cause if problem else "no reason given")
        advice = f"<p>{commands(problem.advice)}</p>" if problem and problem.advice else ""
        return f'<div class="empty"><p><b>Could not be read.</b> {reason}</p>{advice}</div>'
    if not scene.spots:
        said, advice = map(markup, words.nothing(comparison))
        advice = re.sub(r"threemaps \w+", r"<code>\g<0></code>", advice)
        return f'<div class="empty"><p><b>{said}.</b></p><p>{advice}</p></div>'
    return scrolled(svg, f"Map of {title(name)}")


def scrolled(svg: str, label: str) -> str:
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{markup(label)}">{svg}</div>'


def differences(comparison: Comparison) -> str:
    unexpected = [one for one in comparison.differences if not one.expected]
    expected = [one for one in comparison.differences if one.expected]
    text = f'<ol class="differences">{"".join(_reasons(unexpected))}</ol>' if unexpected else ""
    text = text or '<p class="soft">None that should not be.</p>'
    if any(found and found.nodes for found in comparison.maps.values()):
        text += "".join(f"<p>{markup(note)}</p>" for note in comparison.notes)
    if expected:
        text += (
            f'<details class="expected"><summary>{len(expected)} expected: the backends draw differently'
            "</summary>"
            f'<ol class="differences">{"".join(_reasons(expected))}</ol></details>'
        )
    return text


def _reasons(found: list[Difference]) -> Iterator[str]:
    for (cause, advice), group in words.by_reason(found).items():
        facts = "".join(
            f"<li><b><bdi>{markup(words.subject(one))}</bdi></b>: {markup(words.what(one))}</li>"
            for one in group
        )
        texts = list(dict.fromkeys(text for one in group for text in one.evidence))
        evidence = f"<ul>{''.join(f'<li>{markup(text)}</li>' for text in texts)}</ul>" if texts else ""
        if len(texts) > MOST_EVIDENCE:
            evidence = f"<details><summary>{len(texts)} things were looked at</summary>{evidence}</details>"
        rows = f"<dt>Cause</dt><dd>{markup(cause)}</dd>" if cause else ""
        rows += f"<dt>Evidence</dt><dd>{evidence}</dd>" if evidence else ""
        rows += f"<dt>Next</dt><dd>{commands(advice)}</dd>" if advice else ""
        yield f"<li><ul>{facts}</ul><dl>{rows}</dl></li>"


FIELDS = {"requests": "requests", "errors": "failed", "mean_ms": "mean", "p95_ms": "p95"}


def fields(scene: Scene) -> dict[str, list[str]]:
    """Source → what it reports of any edge: a backend has no column for what it never reports."""
    found: dict[str, list[str]] = {}
    for source in scene.comparison.maps:
        figures = [scene.of_link(source, link) for link in scene.links]
        found[source] = [
            name
            for name in FIELDS
            if name == "requests" or any(getattr(one, name) is not None for one in figures)
        ]
    return found


def edge_table(scene: Scene) -> str:
    columns = fields(scene)
    rows = "".join(edge_row(scene, link, columns) for link in sorted(scene.links, key=scene.place))
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Table of every edge">'
        f'<table class="edges"><thead>{table_head(columns)}</thead><tbody>{rows}</tbody></table></div>'
    )


def table_head(columns: Mapping[str, list[str]], *, sortable: bool = False) -> str:
    def head(key: str, text: str, attributes: str) -> str:
        inside = f'<button type="button" data-column="{key}">{text}</button>' if sortable else text
        return f"<th{attributes}>{inside}</th>"

    first = head("name", "Caller and callee", ' scope="col" rowspan="2"')
    groups = "".join(
        f'<th scope="colgroup" colspan="{len(names)}"><bdi>{markup(title(source))}</bdi></th>'
        for source, names in columns.items()
    )
    under = "".join(
        head(f"{number}-{name}", FIELDS[name], ' scope="col"')
        for number, names in enumerate(columns.values())
        for name in names
    )
    return f"<tr>{first}{groups}</tr><tr>{under}</tr>"


def edge_row(
    scene: Scene, link: Link, columns: Mapping[str, list[str]], attributes: str = "", address: str = ""
) -> str:
    name = f"<bdi>{markup(link.source.name)}</bdi> → <bdi>{markup(link.target.name)}</bdi>"
    linked = f'<a href="{address}">{name}</a>' if address else name
    cells = "".join(
        _cells(scene.of_link(source, link), number, names)
        for number, (source, names) in enumerate(columns.items())
    )
    return f'<tr{attributes}><th scope="row">{linked}</th>{cells}</tr>'


def _cells(figures: Figures, number: int, names: list[str]) -> str:
    if figures.state == "missing":
        return f'<td class="diverging" colspan="{len(names)}">missing</td>'
    return "".join(_cell(figures, f"{number}-{name}", name) for name in names)


def _cell(figures: Figures, key: str, name: str) -> str:
    value = _number(figures, name)
    words = [figures.state if not figures.diverging else "diverging"] if name == "requests" else []
    words += ["failed"] if name == "errors" and figures.errors else []
    style = f' class="{" ".join(words)}"' if words else ""
    sort = "" if value is None else f' data-value="{value:g}"'
    return f'<td{style} data-column="{key}"{sort}>{_text(figures, name)}</td>'


def _number(figures: Figures, name: str) -> float | None:
    """By what a column is sorted: failures by their share."""
    value: float | None = getattr(figures, name)
    return value / figures.requests if name == "errors" and value and figures.requests else value


def _text(figures: Figures, name: str) -> str:
    if name == "requests":
        delta = f" <small>{numbers.signed(figures.delta)}</small>" if figures.delta else ""
        return f"{'≠ ' if figures.diverging else ''}{numbers.count(figures.requests)}{delta}"
    if name == "errors":
        share = (
            f" ({numbers.share(figures.errors, figures.requests)})"
            if figures.errors and figures.requests
            else ""
        )
        return numbers.count(figures.errors) + share
    return numbers.duration(getattr(figures, name))
