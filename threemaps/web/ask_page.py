"""A question to Honeycomb in a form: VISUALIZE, WHERE, GROUP BY, a window; its answer as chart and table."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from flask import Blueprint, render_template, request
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from threemaps.model.difference import Window
from threemaps.readers.question_words import labels, question_of
from threemaps.readers.questions import Answer, ask_own
from threemaps.readers.recent import Sample, recent_traces
from threemaps.readers.traces import attribute_columns
from threemaps.render.heat import COLUMN as HEATMAP
from threemaps.render.names import value_text
from threemaps.settings import Settings
from threemaps.web import charts
from threemaps.web.asking import tried
from threemaps.web.view import View

TRACE = "trace.trace_id"
USUAL_COLUMNS = ("name", "service.name", "duration_ms", "error", TRACE)
CALCULATIONS = (
    "COUNT",
    "HEATMAP(duration_ms)",
    "P90(duration_ms)",
    "P95(duration_ms)",
    "AVG(duration_ms)",
    "MAX(duration_ms)",
)
# The questions of the week, a click each: label → the form's fields.
PRESETS: Mapping[str, Mapping[str, str]] = {
    "COUNT by trace": {"visualize": "COUNT", "group_by": TRACE},
    "HEATMAP of durations": {"visualize": "HEATMAP(duration_ms)"},
    "P90 of durations": {"visualize": "P90(duration_ms)"},
}


def ask_page(settings: Settings) -> Blueprint:
    pages = Blueprint("ask", __name__)

    @pages.get("/ask")
    def ask() -> str:
        view = View.of(request.args)
        asked = request.args.get("visualize") is not None
        shown = {"presets": PRESETS, "calculations": CALCULATIONS, "view": view, "asked": asked}
        columns, _ = tried(lambda: [*USUAL_COLUMNS, *attribute_columns(settings)])
        shown["columns"] = columns or USUAL_COLUMNS
        if asked:
            shown |= answered(settings, view, request.args)
        return render_template("ask.html", **shown)

    return pages


def answered(settings: Settings, view: View, fields: MultiDict[str, str]) -> dict[str, object]:
    question = question_of(
        _parts(fields, "visualize"), _parts(fields, "group_by"), _parts(fields, "where", " AND ")
    )
    window = view.window(datetime.now(UTC))
    answer, problem = tried(lambda: ask_own(settings, question, window, view.service or None))
    columns = labels(question)
    return {
        "problem": problem,
        "chart": chart_of(answer, columns, window) if answer else "",
        "heads": [*columns, *question["breakdowns"]] if "HEATMAP" not in columns[0] else [],
        "rows": [[cell(row.get(name)) for name in (*columns, *question["breakdowns"])] for row in answer.rows]
        if answer
        else [],
        "trace_column": TRACE,
        "slowest": slowest(settings, window) if "HEATMAP" in columns[0] else [],
        "as_json": orjson.dumps(question, option=orjson.OPT_INDENT_2).decode(),
        "as_curl": as_curl(settings, question),
        "as_command": as_command(fields),
        "url": answer.url if answer and settings.honeycomb_is_real else "",
    }


def _parts(fields: MultiDict[str, str], name: str, separator: str = ";") -> list[str]:
    return [part.strip() for part in fields.get(name, "").split(separator) if part.strip()]


def chart_of(answer: Answer, columns: list[str], window: Window) -> Markup:
    """A heatmap, or the first calculation over time where it is one line."""
    if columns[0] == HEATMAP:
        return Markup(charts.heatmap(answer, window))  # noqa: S704 - our own drawing, escaped there
    return Markup(charts.line(answer, columns[0], window))  # noqa: S704


def slowest(settings: Settings, window: Window) -> list[Sample]:
    """A heatmap's top row; X-Ray lists them, since Honeycomb answers ten questions a minute."""
    samples, _ = tried(lambda: recent_traces(settings, window, order="slowest"))
    return samples or []


def cell(value: object) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value_text(value)


def as_curl(settings: Settings, question: Mapping[str, Any]) -> str:
    """The request that makes this query; the key stays a variable."""
    body = orjson.dumps(question).decode()
    return (
        f"curl -H \"X-Honeycomb-Team: $HONEYCOMB_CONFIGURATION_KEY\" -H 'Content-Type: application/json' "
        f"-d {shlex.quote(body)} {settings.honeycomb_api}/1/queries/__all__"
    )


def as_command(fields: MultiDict[str, str]) -> str:
    words = ["threemaps", "query"]
    for name, separator in (("visualize", ";"), ("where", " AND "), ("group_by", ";")):
        for part in _parts(fields, name, separator):
            words += [f"--{name.replace('_', '-')}", part]
    return shlex.join(words)
