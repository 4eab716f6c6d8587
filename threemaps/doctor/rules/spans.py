"""TM3xx: did the request start a span, was it recorded, and did it end?"""

import re

from threemaps.doctor.facts import Facts
from threemaps.doctor.parts import Place, place_of
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Edit, Found, State, link, pip_install
from threemaps.doctor.rules.setup import launcher_failed
from threemaps.doctor.rules.variables import excludes_everything, turned_off

INSTRUMENT = "FlaskInstrumentor().instrument_app({})"
MODULE = "opentelemetry.instrumentation.flask"
PACKAGE = "opentelemetry-instrumentation-flask"
EXCLUDING = ("OTEL_PYTHON_FLASK_EXCLUDED_URLS", "OTEL_PYTHON_EXCLUDED_URLS")


@link("span", "the request starts a span", "TM300", "OTEL_LOG_LEVEL=debug {command}")
def span(facts: Facts) -> State:
    spans = facts.spans
    if facts.request is None:
        if spans:
            return State(True, f"{len(spans)} spans were started while it answered")
        return State(None, "which span belongs to the request: what answered is no Flask app")
    servers = [one for one in spans if one["type"] == "SERVER"]
    if servers:
        return State(
            True, f"{servers[0]['scope']} started the span {servers[0]['name'] or 'of the request'!r}"
        )
    if not spans:
        return State(False, "the request started no span")
    return State(
        False, f"the request started no server span, only {spans[0]['name']!r} ({spans[0]['scope']})"
    )


def own_app(facts: Facts) -> Place | None:
    """Where the app that answered was made."""
    return place_of(facts.app)


@span.rule("TM301", "another-app", "only the instrumented Flask object makes spans, and another one answers")
def another_app(facts: Facts) -> Found | None:
    done = facts.seen("instrument-app")
    others = [one for one in done if facts.request and one["app"] != facts.request["app"] and one["app"]]
    mine = [one for one in done if facts.request and one["app"] == facts.request["app"]]
    place, where = own_app(facts), place_of(others[-1]) if others else None
    if mine or where is None or place is None:
        return None
    seen = f"{where} instruments another Flask app: the one that answers is made at {place}"
    return Found(seen, write=instrumenting(facts, place))


def instrumenting(facts: Facts, app: Place) -> Edit:
    line = INSTRUMENT.format(repair.name_assigned(app) or "app")
    return repair.after(app, repair.with_import(app, MODULE, "FlaskInstrumentor", line))


@span.rule("TM311", "answered-early", "functions before a request run in order, up to the first that answers")
def answered_early(facts: Facts) -> Found | None:
    seen, app = early_answer(facts), own_app(facts)
    if not seen or app is None or facts.request is None or not facts.request["marked"]:
        return None
    return Found(f"{seen} before the instrumentation sees it", write=instrumenting(facts, app))


def early_answer(facts: Facts) -> str:
    """Which before_request function answered our request."""
    found = facts.last("answered-early", request=facts.request["request"]) if facts.request else None
    return f"{found['function']}() at {place_of(found)} answers the request" if found else ""


@span.rule("TM310", "set-too-late", "what starts before a provider is global makes no span")
def set_too_late(facts: Facts) -> Found | None:
    accepted = facts.last("global", accepted=True)
    place, app = place_of(accepted), own_app(facts)
    if accepted is None or place is None or facts.request is None or accepted["at"] < facts.request["at"]:
        return None
    seen = f"{place} makes the TracerProvider global only during the first request, which has no span"
    made = place_of(facts.provider)
    if made and app and made.file == app.file and made.function == "<module>" and made.line < app.line:
        return Found(seen, write=Edit.at(app, "before", place.text.strip()))
    return Found(seen, type=repair.behind_launcher(facts))


@span.rule(
    "TM302",
    "instrumented-too-late",
    "instrument() replaces flask.Flask, and this app was made of the old one",
)
def instrumented_too_late(facts: Facts) -> Found | None:
    done = [one for one in facts.seen("instrumented") if one["instrumentor"] == "FlaskInstrumentor"]
    place, where = own_app(facts), place_of(done[-1]) if done else None
    if where is None or place is None or (facts.request and facts.request["marked"]):
        return None
    line = INSTRUMENT.format(repair.name_assigned(place) or "app")
    seen = f"{where} calls instrument(), and the app of {place} is made of the Flask that was imported before"
    if where.file == place.file and where.line > place.line:
        text = re.sub(
            r"\.instrument\(\s*\)",
            f".instrument_app({repair.name_assigned(place) or 'app'})",
            where.text.strip(),
        )
        return Found(f"{seen}: {line}", write=Edit.at(where, "replace", text))
    return Found(f"{seen}: {line}", write=instrumenting(facts, place))


@span.rule("TM303", "excluded", "an address that is excluded makes no span")
def excluded(facts: Facts) -> Found | None:
    if facts.request is None or not facts.request["marked"]:
        return None
    url = str(facts.request["url"])
    mine = [one for one in facts.seen("instrument-app") if one["app"] == facts.request["app"]]
    for one in mine:
        if one["excluded"] and matches(one["excluded"], url):
            place = place_of(one)
            seen = f"{place or 'the code'} excludes {url}: excluded_urls={one['excluded']!r}"
            if place is None:
                return Found(seen)
            return repair.without_argument(place, seen, "excluded_urls")
    for name in EXCLUDING:
        value = facts.inside.get(name)
        if value and matches(value, url):
            return repair.variable(facts, f"{name}={value} excludes {url}", name, "")
    return None


def matches(patterns: str, url: str) -> bool:
    """As the instrumentation does: one pattern of all, looked for anywhere in the address."""
    try:
        return re.search("|".join(one.strip() for one in patterns.split(",") if one.strip()), url) is not None
    except re.error:
        return False


span.rule("TM304", "instrumentation-off", "a variable turns the instrumentation off")(turned_off)


@span.rule(
    "TM305",
    "instrumentation-refuses",
    "an instrumentation that does not know the version of its library stays off",
)
def instrumentation_refuses(facts: Facts) -> Found | None:
    for one in facts.logs("opentelemetry.instrumentation"):
        said = " ".join([one["text"], *one["errors"]])
        if "DependencyConflict" in said and "flask" in said.lower():
            return Found(
                f"the instrumentation of Flask stays off: {said[:300]}",
                type=pip_install(facts, "--upgrade", PACKAGE, "flask"),
            )
        if re.search(r"(Importing|Instrumenting) of flask failed", said):
            return Found(
                f"the instrumentation of Flask fails: {said[:300]}",
                type=pip_install(facts, "--upgrade", PACKAGE),
            )
    return None


@span.rule("TM308", "bad-pattern", "a pattern that is none fails the instrumentation when it is imported")
def bad_pattern(facts: Facts) -> Found | None:
    return None if facts.request and facts.request["marked"] else excludes_everything(facts)


span.also(launcher_failed)


@span.rule("TM306", "no-instrumentation-package", "the launcher instruments with what is installed")
def no_package(facts: Facts) -> Found | None:
    packages = facts.inside.packages
    if not facts.launched or facts.request is None or packages.has(PACKAGE):
        return None
    return Found(
        f"{PACKAGE} is not installed, so the launcher instruments no Flask app",
        type=pip_install(facts, PACKAGE),
    )


@span.rule("TM307", "not-instrumented", "a Flask app makes spans when it is instrumented")
def not_instrumented(facts: Facts) -> Found | None:
    place = own_app(facts)
    if place is None or facts.request is None or facts.request["marked"] or facts.launched:
        return None
    line = INSTRUMENT.format(repair.name_assigned(place) or "app")
    return Found(
        f"the Flask app made at {place} is not instrumented: nobody calls {line}",
        write=instrumenting(facts, place),
    )
