"""From an edge or node to its traces, from a trace to its spans and log lines; and Honeycomb's questions."""

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from threemaps.errors import UserError
from threemaps.model.windows import parse_since
from threemaps.readers.honeycomb_links import map_link, trace_link
from threemaps.readers.logs import log_lines
from threemaps.readers.recent import Order, Sample, filter_of, recent_traces
from threemaps.readers.rollbar import rollbar_errors
from threemaps.readers.traces import read_trace, sampling_rule, trace_id_of
from threemaps.render.names import title
from threemaps.render.numbers import count, duration
from threemaps.settings import Settings
from threemaps.web import consoles, waterfall
from threemaps.web.asking import tried
from threemaps.web.live import Live
from threemaps.web.panel import part_of, read_panel, read_requests
from threemaps.web.view import View

ORDERS: tuple[Order, ...] = ("recent", "slowest", "failing")
LARGEST = 1e9
BOUNDS = ("least", "most", "spans")  # milliseconds, milliseconds, and how many spans at least


def trace_pages(settings: Settings, live: Live) -> Blueprint:
    pages = Blueprint("traces", __name__)
    pages.add_app_template_filter(duration, "duration")
    pages.add_app_template_filter(count, "count")
    pages.add_app_template_filter(title, "source_title")

    @pages.get("/part")
    def part() -> str:
        """A panel on the page, or a page of its own where it is opened by its address."""
        view = View.of(request.args)
        picture = live.watch(view).latest
        found = part_of(picture.scene, request.args.get("key", "")) if picture else None
        if picture is None or found is None:
            raise UserError(
                "this edge or node is not in the maps of this window", hint="go back and choose another one"
            )
        panel = read_panel(settings, picture.scene.comparison.window, found)
        template = "panel.html" if request.headers.get("X-Threemaps") else "part.html"
        return render_template(template, view=view, panel=panel, key=request.args["key"])

    @pages.get("/requests")
    def requests() -> str:
        """The maps' own sparkline, which the page asks for after its start and then now and again."""
        view = View.of(request.args)
        picture = live.watch(view).latest
        window = view.window(datetime.now(UTC))
        spark, names, problem = (
            read_requests(settings, window, picture.scene) if picture else ("", [], "not read yet")
        )
        return render_template("requests.html", spark=spark, names=names, problem=problem)

    @pages.get("/traces")
    def traces() -> str:
        view = View.of(request.args)
        order = order_of(request.args.get("order", ""))
        window = view.window(datetime.now(UTC))
        bounds = {name: number_of(request.args, name) for name in BOUNDS}

        def listed() -> tuple[str, list[Sample]]:
            limits = bounds["least"], bounds["most"]
            wanted = filter_of(settings, window, view.service, *limits, failing=order == "failing")
            return wanted, recent_traces(settings, window, wanted, order)

        found, problem = tried(listed)
        wanted, samples = found or ("", [])
        least_spans = bounds["spans"] or 0
        return render_template(
            "traces.html",
            view=view,
            orders=ORDERS,
            order=order,
            bounds={name: "" if value is None else f"{value:g}" for name, value in bounds.items()},
            expression=wanted,
            samples=[one for one in samples if one.spans is None or one.spans >= least_spans],
            problem=problem,
        )

    @pages.get(consoles.TO_HONEYCOMB)
    def to_honeycomb() -> Response:
        """Goes on to Honeycomb's own page: the map's query, or a trace."""
        view = View.of(request.args)
        trace_id = request.args.get("trace", "")
        if trace_id:
            return redirect(trace_link(settings, trace_id_of(trace_id)))
        return redirect(map_link(settings, parse_since(view.since)))

    @pages.get("/trace")
    def find() -> str:
        return trace(request.args.get("id", ""))

    @pages.get("/trace/<text>")
    def trace(text: str) -> str:
        trace_id = trace_id_of(text)
        held = read_trace(settings, trace_id, datetime.now(UTC), attributes=True)
        rows = waterfall.rows_of(held)
        lines, lines_problem = tried(lambda: log_lines(settings, trace_id))
        errors, errors_problem = tried(lambda: rollbar_errors(settings, trace_id))
        return render_template(
            "trace.html",
            trace_id=trace_id,
            held=[(one, waterfall.drawn(rows[one.backend], lines or [], errors or [])) for one in held],
            verdict=waterfall.where_they_differ(held),
            rule=sampling_rule(held),
            lines=lines,
            lines_problem=lines_problem,
            errors=errors,
            errors_problem=errors_problem,
            consoles=consoles.of_trace(settings, trace_id),
        )

    return pages


def order_of(text: str) -> Order:
    found = next((order for order in ORDERS if order == text), None)
    if text and found is None:
        raise UserError(f"order={text[:40]!r} is no order of traces", hint=f"one of {', '.join(ORDERS)}")
    return found or "recent"


def number_of(fields: Mapping[str, str], name: str) -> float | None:
    text = fields.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < LARGEST:
        raise UserError(
            f"{name}={text[:40]!r} is no number of that kind", hint="as in least=100 (milliseconds)"
        )
    return value
