"""The page: three maps at a glance, live."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC

import orjson
from flask import Flask, Response, render_template, request
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from threemaps.errors import UserError
from threemaps.readers import BACKENDS
from threemaps.render.names import TITLES, shown
from threemaps.render.scene import MERGED
from threemaps.render.style import COLOURS, MAP, SHEET
from threemaps.settings import SERVICES, Settings
from threemaps.web import MOST_STREAMS, buttons, consoles, tour, tries
from threemaps.web.ask_page import ask_page
from threemaps.web.guard import allowed_hosts, guard
from threemaps.web.live import Live, Watch
from threemaps.web.picture import NODES, Changes, Picture
from threemaps.web.trace_pages import trace_pages
from threemaps.web.view import View
from threemaps.web.week_pages import week_pages

PAGES = (
    ("/", "Maps"),
    ("/traces", "Traces"),
    ("/ask", "Ask Honeycomb"),
    ("/rules", "X-Ray rules"),
    ("/logs", "Logs"),
    ("/errors", "Errors"),
    ("/spend", "Spend"),
)
WINDOWS = ("5m", "15m", "1h", "6h", "1d")
HEARTBEAT_SECONDS = 4.0
FIRST_LOOK_SECONDS = 0.8
LARGEST_POST = 4096


def create_app(settings: Settings) -> Flask:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_POST
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["shown"] = lambda value: shown(str(value))
    app.jinja_env.filters["iso"] = lambda moment: moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    app.jinja_env.globals["pages"] = PAGES
    live = Live(settings)
    app.extensions["live"] = live
    streams = threading.BoundedSemaphore(MOST_STREAMS)
    guard(app, allowed_hosts(settings.get("THREEMAPS_ALLOWED_HOSTS")))
    app.register_blueprint(trace_pages(settings, live))
    app.register_blueprint(ask_page(settings))
    app.register_blueprint(week_pages(settings, live))

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/map.css")
    def map_css() -> Response:
        return Response(COLOURS + MAP + SHEET, content_type="text/css; charset=utf-8")

    @app.get("/")
    def page() -> str:
        view = View.of(request.args)
        picture = live.watch(view).latest
        if picture is None:
            raise UserError("the maps have not been read yet", hint="load the page again")
        live.health.refresh_if_old()
        live.health.await_first(FIRST_LOOK_SECONDS)
        return render_template("page.html", **page_values(settings, live, view, picture))

    @app.get("/events")
    def events() -> Response:
        view = View.of(request.args)
        known = request.headers.get("Last-Event-ID", "")
        first = request.args.get("version", "")
        if not streams.acquire(blocking=False):
            busy = {"error": "busy", "message": f"{MOST_STREAMS} pages are open: close one"}
            return Response(json.dumps(busy), 503, {"Retry-After": "10"}, content_type="application/json")
        response = Response(
            stream(live, view, known or first, is_new=not known),
            content_type="text/event-stream; charset=utf-8",
        )
        response.call_on_close(streams.release)
        return response

    @app.post("/try")
    def try_it() -> dict[str, object]:
        message = buttons.perform(settings, fields_of(request.get_data()))
        live.hurry()
        return {"message": message, "states": tries.states(settings)}

    app.register_error_handler(UserError, explained)
    app.register_error_handler(HTTPException, refused)
    return app


def fields_of(body: bytes) -> dict[str, object]:
    """The object of a request; nothing where there is none."""
    try:
        fields = orjson.loads(body)  # which minds depth
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def page_values(settings: Settings, live: Live, view: View, picture: Picture) -> dict[str, object]:
    later = picture.later if view.is_live else ()
    shells = {}
    for index, name in enumerate((*BACKENDS, MERGED)):
        body = picture.whole(index, NODES) if index in later else picture.whole(index)
        shells[f"p{index}"] = (TITLES.get(name, "One map"), Markup(body))  # noqa: S704 - our own drawing, escaped there
    regions = {**picture.regions, "health": live.health.strip, "rows": "".join(picture.rows.values())}
    return {
        "view": view,
        "windows": WINDOWS if view.since in WINDOWS else (view.since, *WINDOWS),
        "version": picture.version,
        "panels": shells,
        "tall": picture.is_crowded,
        "regions": {key: Markup(text) for key, text in regions.items()},  # noqa: S704
        "consoles": {f"p{BACKENDS.index(name)}": url for name, url in consoles.of_map(settings).items()},
        "titles": [TITLES[name] for name in BACKENDS],
        "try_it": tries.offered(settings),
        "services": SERVICES,
        "states": tries.states(settings),
        "faults": list(tries.FAULTS),
        "burst": tries.BURST,
        "tour": tour.offered(settings),
        "broken": tour.BROKEN,
        "requests": tour.REQUESTS,
        "window": picture.scene.comparison.window.to_json(),
        "until": picture.scene.comparison.window.to_json()["end"],
    }


def stream(live: Live, view: View, known: str, *, is_new: bool) -> Iterator[str]:
    """Server-sent events: what has changed since the version that the page shows, the first one at once.

    A new page of a crowd lacks the edges of some maps.
    """
    with live.watching(view) as watch:
        shown_picture = next((one for one in watch.pictures.values() if str(one.version) == known), None)
        lacking = shown_picture if is_new else None
        health, spoken = "", float("-inf")
        yield "retry: 2000\n\n"
        while not live.stopped:
            changes, shown_picture = news(watch, shown_picture)
            if lacking and lacking.later:
                maps = {f"p{index}": lacking.whole(index) for index in lacking.later}
                changes["regions"] = maps | changes.get("regions", {})
            lacking = None
            if live.health.strip != health:
                health = live.health.strip
                changes.setdefault("regions", {})["health"] = health
            if changes or spoken < 0:
                yield event(changes, shown_picture)
                spoken = time.monotonic()
            elif time.monotonic() - spoken > HEARTBEAT_SECONDS:
                # A page that was closed is only noticed when something is said to it.
                yield ": still here\n\n"
                spoken = time.monotonic()
            with live.changed:
                live.changed.wait(HEARTBEAT_SECONDS)


def news(watch: Watch, known: Picture | None) -> tuple[Changes, Picture | None]:
    latest = watch.latest
    if latest is None or latest is known:
        return {}, known
    return latest.changes(known), latest


def event(changes: Changes, picture: Picture | None) -> str:
    number = picture.version if picture else 0
    return f"id: {number}\ndata: {json.dumps(changes)}\n\n"


def explained(error: UserError) -> tuple[str, int]:
    if request.method == "POST":
        return json.dumps({"message": f"{error.message}. {error.hint}"}), 400
    return render_template("problem.html", message=error.message, hint=error.hint), 400


def refused(error: HTTPException) -> tuple[str, int]:
    text = error.description or error.name
    return render_template("problem.html", message=text, hint="back to the maps: /"), error.code or 500
