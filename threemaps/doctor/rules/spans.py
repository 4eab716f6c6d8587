"""TM3xx: did the request start a span, was it recorded, and did it end?"""

import re

from threemaps.doctor.environment import check_sampler, check_switched_on
from threemaps.doctor.facts import Facts, Place, place_of
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Edit, Found, State, link, pip_install
from threemaps.doctor.rules.setup import launcher_failed
from threemaps.doctor.silent import check_excluded

INSTRUMENT = "FlaskInstrumentor().instrument_app({})"
MODULE = "opentelemetry.instrumentation.flask"
PACKAGE = "opentelemetry-instrumentation-flask"
# As SDKs before and since 1.44 say it.
INVALID = re.compile(
    r"Invalid type `?(?:<class ')?([\w.]+)(?:'>)?`? (?:for|in) attribute(?: '([^']+)')? value"
)
EXCLUDING = ("OTEL_PYTHON_FLASK_EXCLUDED_URLS", "OTEL_PYTHON_EXCLUDED_URLS")


@link("span", "the request starts a span", "TM300", "export OTEL_LOG_LEVEL=debug")
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
            text = re.sub(r",?\s*excluded_urls\s*=\s*(\"[^\"]*\"|'[^']*'|[\w.]+)", "", place.text)
            return Found(seen, write=Edit(place.file, place.line, "replace", text))
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


@span.rule("TM304", "instrumentation-off", "a variable turns the instrumentation off")
def instrumentation_off(facts: Facts) -> Found | None:
    check = check_switched_on(facts.inside)
    if check.ok:
        return None
    name = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    rest = [one.strip() for one in facts.inside.get(name).split(",")]
    kept = ",".join(one for one in rest if one not in ("flask", "*", "wsgi"))
    return repair.variable(facts, check.detail, name, kept)


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
    check = check_excluded(facts.inside)
    if check.ok or (facts.request and facts.request["marked"]):
        return None
    name = next(
        (one for one in facts.inside.environ if check.detail.startswith(one) and "EXCLUDED" in one), ""
    )
    return repair.variable(facts, check.detail, name, "") if name else None


span.rule("TM309", "launcher-failed-last", "the launcher failed before it had instrumented Flask")(
    launcher_failed
)


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


@link("recorded", "the span is recorded", "TM320", "unset OTEL_TRACES_SAMPLER")
def recorded(facts: Facts) -> State:
    one = facts.span_that_counts
    if one is None:
        return State(None, "there is no span to look at")
    if one["recording"] and one["sampled"]:
        return State(True, f"its trace is {one['trace']}")
    sampler = str((facts.provider or {}).get("sampler", "?"))
    return State(False, f"the span is sampled out by {sampler.partition('{')[0]}")


@recorded.rule(
    "TM321",
    "parent-says-no",
    "a sampler that follows its parent drops what the caller's headers say is not sampled",
)
def parent_says_no(facts: Facts) -> Found | None:
    one = facts.span_that_counts
    if one is None or not one["remote"]:
        return None
    return Found(
        "the caller's traceparent header says that its trace is not sampled", type="unset OTEL_TRACES_SAMPLER"
    )


@recorded.rule("TM322", "sampler-variable", "a variable chooses a sampler that drops traces")
def sampler_variable(facts: Facts) -> Found | None:
    check = check_sampler(facts.inside)
    if check.ok:
        return None
    name = (
        "OTEL_TRACES_SAMPLER_ARG"
        if check.detail.startswith("OTEL_TRACES_SAMPLER_ARG")
        else "OTEL_TRACES_SAMPLER"
    )
    return repair.variable(
        facts, check.detail, name, "1" if name.endswith("ARG") else "parentbased_always_on"
    )


@recorded.rule(
    "TM323", "sampler-share", "a ratio keeps a share of the traces, and this one was not among them"
)
def sampler_share(facts: Facts) -> Found | None:
    sampler = str((facts.provider or {}).get("sampler", ""))
    ratio = re.search(r"TraceIdRatioBased\{([\d.e-]+)\}", sampler)
    if not ratio or float(ratio[1]) >= 1:
        return None
    seen = f"the sampler keeps {float(ratio[1]):.2%} of the traces, and dropped this one"
    if facts.inside.get("OTEL_TRACES_SAMPLER"):
        return repair.variable(facts, seen, "OTEL_TRACES_SAMPLER", "parentbased_always_on")
    return sampler_in_code(facts)


@recorded.rule("TM324", "sampler-in-code", "the provider was made with a sampler that drops this trace")
def sampler_in_code(facts: Facts) -> Found | None:
    place, sampler = place_of(facts.provider), str((facts.provider or {}).get("sampler", ""))
    if place is None:
        return None
    seen = f"{place} makes the TracerProvider with the sampler {sampler}, which drops this trace"
    text = re.sub(r"sampler\s*=\s*([\w.]+(\([^()]*\))?)\s*,?\s*", "", place.text)
    if text != place.text:
        return Found(seen, write=Edit(place.file, place.line, "replace", text))
    return Found(seen, type=f"grep -n sampler {place.file}")


@link("ended", "the span ends", "TM340", "end() the span, or use `with tracer.start_as_current_span(…)`")
def ended(facts: Facts) -> State:
    one = facts.span_that_counts
    if one is None:
        return State(None, "there is no span to look at")
    done = {fact["span"] for fact in facts.seen("ended")}
    if one["span"] not in done:
        return State(False, f"the span {one['name']!r} did not end with the request")
    return State(True, "it ended with the request")


@ended.rule("TM341", "never-ended", "only what has ended is exported")
def never_ended(facts: Facts) -> Found | None:
    one = facts.span_that_counts
    place = place_of(one)
    if one is None or place is None:
        return None
    seen = f"the span {one['name']!r} started at {place} is never ended"
    name = repair.name_assigned(place)
    if name:
        return Found(seen, write=repair.after(place, f"{name}.end()"))
    return Found(seen, write=Edit.at(place, "replace", f"{place.text.strip()}.end()"))


@ended.note(
    "TM350", "attribute-dropped", "an attribute is a text, a number, a truth value, or a list of these"
)
def attribute_dropped(facts: Facts) -> Found | None:
    for one in facts.logs("opentelemetry"):
        found = INVALID.search(one["text"])
        if not found:
            continue
        place, kind = place_of(one), found[1]
        named = re.search(r"set_attribute\(\s*[\"']([^\"']+)", place.text if place else "")
        name = found[2] or (named[1] if named else "an attribute")
        seen = f"{place or 'the code'} sets {name} to a {kind}: it is left out, or its Python name arrives"
        if place and kind.endswith(("method", "function")):
            text = re.sub(r"(\.\w+)(\s*\)\s*)$", r"\1()\2", place.text)
            return Found(
                f"{seen}; the call lacks its brackets", write=Edit(place.file, place.line, "replace", text)
            )
        return Found(seen, type=f"write str(…) around the value of {name}")
    return None


@ended.note("TM351", "instrumented-twice", "the launcher had instrumented the app before the code did")
def instrumented_twice(facts: Facts) -> Found | None:
    twice = [
        one for one in facts.logs("opentelemetry.instrumentation") if "already instrumented" in one["text"]
    ]
    place = place_of(twice[0]) if twice else None
    if place is None:
        return None
    return Found(
        f"{place} instruments what the launcher has instrumented", write=Edit.at(place, "replace", "")
    )


@ended.note(
    "TM352", "refused-provider", "only the first provider counts; the launcher's was first, and sends"
)
def refused_provider(facts: Facts) -> Found | None:
    refused = [one for one in facts.seen("global") if not one["accepted"]]
    place = place_of(refused[-1]) if refused else None
    if place is None:
        return None
    return Found(
        f"{place} sets a second TracerProvider, which is refused, its exporter with it",
        write=Edit.at(place, "replace", ""),
    )
