"""The rest of the learner's week: X-Ray's rules and groups, log groups, Rollbar's items, what it costs."""

from datetime import UTC, datetime
from pathlib import Path

from flask import Blueprint, render_template, request

from threemaps.account.metering import measure
from threemaps.account.spend import bill, read_prices, savings, total
from threemaps.errors import UserError
from threemaps.model.servicemap import Kind
from threemaps.readers.logs import groups as log_groups
from threemaps.readers.logs import tail
from threemaps.readers.rollbar import rollbar_items
from threemaps.readers.rules import groups, sampling_rules
from threemaps.settings import PROJECT, SERVICE_LOG_GROUP, Settings
from threemaps.web.asking import tried
from threemaps.web.live import Live
from threemaps.web.view import View

LONGEST_PATTERN = 1_024  # that CloudWatch takes


def week_pages(settings: Settings, live: Live) -> Blueprint:
    pages = Blueprint("week", __name__)

    @pages.get("/rules")
    def rules() -> str:
        view = View.of(request.args)
        known = services_of(live, view)
        found, problem = tried(lambda: sampling_rules(settings))
        grouped, groups_problem = tried(lambda: groups(settings))
        return render_template(
            "rules.html",
            view=view,
            rules=[(rule, not known or rule.fits(known)) for rule in found or []],
            services=sorted(known),
            problem=problem,
            groups=grouped or [],
            groups_problem=groups_problem,
        )

    @pages.get("/logs")
    def logs() -> str:
        view = View.of(request.args)
        group = request.args.get("group", "") or SERVICE_LOG_GROUP
        pattern = request.args.get("pattern", "").strip()
        if len(pattern) > LONGEST_PATTERN:
            raise UserError(
                f"a filter pattern of {len(pattern)} characters is too long", hint="1,024 at most"
            )
        names, problem = tried(lambda: log_groups(settings))
        window = view.window(datetime.now(UTC))
        lines, lines_problem = tried(lambda: tail(settings, group, window, pattern))
        return render_template(
            "logs.html",
            view=view,
            group=group,
            groups=names or [group],
            pattern=pattern,
            lines=lines or [],
            problem=lines_problem or problem,
        )

    @pages.get("/errors")
    def errors() -> str:
        items, problem = tried(lambda: rollbar_items(settings))
        return render_template("errors.html", items=items or [], problem=problem)

    @pages.get("/spend")
    def spend() -> str:
        shipped = PROJECT / "threemaps" / "account" / "prices.json"
        prices = read_prices(Path(settings.get("THREEMAPS_PRICES") or shipped))
        usage = measure(settings, datetime.now(UTC))
        items = bill(usage, prices)
        return render_template(
            "spend.html",
            usage=usage,
            items=items,
            together=total(items),
            savings=savings(usage, prices),
            prices=prices,
        )

    return pages


def services_of(live: Live, view: View) -> set[str]:
    """The services in the maps that are on show."""
    picture = live.watch(view).latest
    nodes = picture.scene.nodes if picture else []
    return {node.name for node in nodes if node.kind is Kind.SERVICE}
