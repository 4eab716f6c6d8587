"""TM32x to TM35x: was the request's span recorded, did it end, and what was lost of it?"""

import re

from threemaps.doctor.facts import Facts
from threemaps.doctor.parts import place_of
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Edit, Found, State, link
from threemaps.doctor.rules.variables import silent_sampler

# As SDKs before and since 1.44 say it.
INVALID = re.compile(
    r"Invalid type `?(?:<class ')?([\w.]+)(?:'>)?`? (?:for|in) attribute(?: '([^']+)')? value"
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


recorded.rule("TM322", "sampler-variable", "a variable chooses a sampler that drops traces")(silent_sampler)


@recorded.rule(
    "TM323", "sampler-share", "a ratio keeps a share of the traces, and this one was not among them"
)
def sampler_share(facts: Facts) -> Found | None:
    sampler = str((facts.provider or {}).get("sampler", ""))
    ratio = re.search(r"TraceIdRatioBased\{([\d.e-]+)\}", sampler)
    if not ratio or float(ratio[1]) >= 1 or facts.span_that_counts is None:
        return None
    seen = f"the sampler keeps {float(ratio[1]):.2%} of the traces, and dropped this one"
    if facts.inside.get("OTEL_TRACES_SAMPLER"):
        return repair.variable(facts, seen, "OTEL_TRACES_SAMPLER", "parentbased_always_on")
    return sampler_in_code(facts)


@recorded.rule("TM324", "sampler-in-code", "the provider was made with a sampler that drops this trace")
def sampler_in_code(facts: Facts) -> Found | None:
    place, sampler = place_of(facts.provider), str((facts.provider or {}).get("sampler", ""))
    if place is None or facts.span_that_counts is None:
        return None
    seen = f"{place} makes the TracerProvider with the sampler {sampler}, which drops this trace"
    return repair.without_argument(place, seen, "sampler")


@link("ended", "the span ends", "TM340", "grep -rn start_span .")
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
        edit = repair.as_text(place, "set_attribute") if place else None
        return Found(seen, write=edit) if edit else Found(seen, type=f"grep -rn {name!r} .")
    return None


@ended.note("TM351", "instrumented-twice", "an app that is instrumented once makes all of its spans")
def instrumented_twice(facts: Facts) -> Found | None:
    twice = [
        one for one in facts.logs("opentelemetry.instrumentation") if "already instrumented" in one["text"]
    ]
    place = place_of(twice[0]) if twice else None
    if place is None:
        return None
    return Found(f"{place} instruments what is instrumented already", write=repair.taken_away(place))


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
        write=repair.taken_away(place),
    )
