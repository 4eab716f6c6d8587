"""TM4xx, too: headers and keys, as Honeycomb takes them or does not."""

import re

from threemaps.doctor.destination import variable_of
from threemaps.doctor.facts import Facts
from threemaps.doctor.honeycomb import CLASSIC, DATASET, malformed
from threemaps.doctor.parts import Export, Exporter
from threemaps.doctor.probe.ends import header_pairs
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Edit, Found
from threemaps.doctor.rules.sending import address, at, unsent
from threemaps.readers.honeycomb_account import HEADER
from threemaps.settings import HONEYCOMB_ENDPOINT, HONEYCOMB_EUROPE

REFUSED = re.compile(
    r"\b(code|status(_code)?)\D{0,3}(401|403)\b|UNAUTHENTICATED|PERMISSION_DENIED|Unauthorized"
)
KEY = "HONEYCOMB_API_KEY"


def with_header(facts: Facts, seen: str, header: str) -> Found:
    """The key's header, beside what stands there, in the variable that counts."""
    name = variable_of(facts.inside, "HEADERS")
    others = header_pairs(facts.inside.get(name)).keys() - {HEADER}
    key = f"${KEY}" if facts.inside.get(KEY) else "YOUR_INGEST_KEY"
    typed = f'export {name}="{f"${name}," if others else ""}{header}={key}"'
    return repair.variable(facts, seen, name, f"{header}=YOUR_INGEST_KEY", typed)


@unsent("TM418", "header-form", "headers are name=value, with commas between them")
def header_form(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    if exporter.headers_by_code:
        return None
    variable = variable_of(facts.inside, "HEADERS")
    text = facts.inside.get(variable)
    for pair in filter(None, (one.strip() for one in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals and ":" in name and "{" not in name:
            seen = f"{variable} has a colon where an equals sign belongs: {name.partition(':')[0]}"
            typed = f"export {variable}=$(echo \"${variable}\" | sed 's/ *: */=/g')"
            return repair.variable(facts, seen, variable, re.sub(r"\s*:\s*", "=", text), typed)
        if wrong := misread(name, equals, value):
            return repair.variable(facts, f"{variable}: {wrong}", variable, f"{HEADER}=YOUR_INGEST_KEY")
    return None


def misread(name: str, equals: str, value: str) -> str:
    """What the exporter would pass over, or take for part of a value. The value itself is never repeated."""
    if name.startswith("{"):
        return "it is JSON, and has to be name=value"
    if not equals:
        return "a header without an equals sign is passed over"
    if ";" in value and "=" in value:
        return f"a semicolon in {name.strip()} where a comma separates headers"
    if value.strip()[:1] in {'"', "'"}:
        return f"the quotes around {name.strip()} are sent as part of it"
    return "" if value.strip() else f"{name.strip()} is empty, so its key never reached this process"


def is_refused(facts: Facts, exporter: Exporter, what: Export) -> bool:
    """A vendor said 401 or 403; or would, where nobody looked inside."""
    return any(REFUSED.search(one) for one in what.said) or (
        facts.expected and facts.auth_of(exporter) is not None
    )


@unsent("TM409", "no-key", f"Honeycomb knows the team by the header {HEADER}, and refuses what comes without")
def no_key(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    if exporter.headers.get(HEADER) or not is_refused(facts, exporter, what):
        return None
    other = [one for one in exporter.headers if "honeycomb" in one and one not in (HEADER, DATASET)]
    why = f"it sends {other[0]} instead" if other else "no key goes with the spans"
    if HEADER in exporter.headers or not (other or facts.inside.get(KEY)):
        why += f": {KEY} never reached this process"
    seen = f"{exporter.endpoint} wants the header {HEADER}, and {why}"
    place = exporter.place if exporter.headers_by_code else None
    if place is None and (exporter.place is None or not exporter.by_code):
        return with_header(facts, seen, HEADER)
    if HEADER in exporter.headers:
        return Found(f"{place}: {seen}", type=f"export {KEY}=YOUR_INGEST_KEY")
    if other and place:
        return repair.in_code(place, f"{place}: {seen}", other[0], HEADER)
    header = f'headers={{"{HEADER}": os.environ["{KEY}"]}}'
    return in_call(facts, exporter, seen, header)


def in_call(facts: Facts, exporter: Exporter, seen: str, header: str) -> Found:
    """The header, written into the exporter's own call."""
    place = exporter.place
    assert place is not None
    text = re.sub(r"headers\s*=\s*\{[^}]*\}", header, place.text)
    if text == place.text:
        text = re.sub(r"(OTLPSpanExporter\()", rf"\1{header}, ", text)
    step = "" if facts.inside.get(KEY) else f"export {KEY}=YOUR_INGEST_KEY"
    return Found(f"{place}: {seen}", step, Edit(place.file, place.line, "replace", text))


@unsent("TM419", "no-dataset", f"a key of Honeycomb Classic needs the header {DATASET} beside it")
def no_dataset(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    """The probe reports a key's shape, which has the key's form."""
    if not CLASSIC.fullmatch(exporter.headers.get(HEADER, "")) or exporter.headers.get(DATASET):
        return None
    name = variable_of(facts.inside, "HEADERS")
    seen = f"the key is one of Honeycomb Classic, which needs {DATASET} beside {HEADER}"
    return Found(seen, type=f'export {name}="${name},{DATASET}=traces"')


@unsent("TM410", "bad-key", "a key has a form, and Honeycomb knows it or does not")
def bad_key(facts: Facts, exporter: Exporter, what: Export) -> Found | None:
    auth = facts.auth_of(exporter) or {}
    key, base = exporter.headers.get(HEADER, ""), address(facts, exporter).base
    if (
        not key
        or not is_refused(facts, exporter, what)
        or (auth.get("status") == 200 and "events" in auth["access"])
    ):
        return None
    if auth.get("other"):
        return at(
            facts, exporter, f"{base} does not know the key; it is a key of {auth['other']}", auth["other"]
        )
    why = why_bad(key, base, auth)
    if not why:
        return None
    place = exporter.place if exporter.headers_by_code else None
    if place is None:
        return with_header(facts, f"{variable_of(facts.inside, 'HEADERS')}: {why}", HEADER)
    if KEY in place.file.read_text(errors="replace"):
        return Found(f"{place}: {why}", type=f"export {KEY}=YOUR_INGEST_KEY")
    text = re.sub(rf"([\"']{HEADER}[\"']\s*:\s*)[\"'][^\"']*[\"']", r'\1"YOUR_INGEST_KEY"', place.text)
    return Found(f"{place}: {why}", write=Edit(place.file, place.line, "replace", text))


def why_bad(key: str, base: str, auth: dict[str, object]) -> str:
    form = "the quotes around the key are sent as part of it" if key[0] in "\"'" else malformed(key)
    if auth.get("status") == 200 and auth.get("type") != "ingest":
        return "this configuration key may not send events"
    if auth.get("status") != 401:
        return form
    region = {HONEYCOMB_ENDPOINT: HONEYCOMB_EUROPE, HONEYCOMB_EUROPE: HONEYCOMB_ENDPOINT}.get(base, "")
    asked = f"; {region}, which was not asked, may know it" if region and "other" not in auth else ""
    return f"{base} does not know this key: {form or auth.get('why') or '401'}{asked}"
