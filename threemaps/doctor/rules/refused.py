"""TM4xx, too: what answers takes no spans, or not these: keys, headers, paths, limits."""

import re
from urllib.parse import urlsplit

from threemaps.doctor.destination import HTTP
from threemaps.doctor.facts import Export, Exporter, Facts
from threemaps.doctor.headers import check_header_form
from threemaps.doctor.honeycomb import is_honeycomb, malformed
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Edit, Found
from threemaps.doctor.rules.sending import address, aim, at, failing, in_code, sent
from threemaps.readers.honeycomb_account import HEADER
from threemaps.settings import HONEYCOMB_ENDPOINT, HONEYCOMB_EUROPE

__all__ = ["sent"]  # with the rules of this page added to it

REFUSED = re.compile(
    r"\b(code|status(_code)?)\D{0,3}(401|403)\b|UNAUTHENTICATED|PERMISSION_DENIED|Unauthorized"
)


def other_region(api: str) -> str:
    """A key is known in one region only; the other one was not asked, for the key stays in the process."""
    other = {HONEYCOMB_ENDPOINT: HONEYCOMB_EUROPE, HONEYCOMB_EUROPE: HONEYCOMB_ENDPOINT}.get(api, "")
    return f"; {other}, which was not asked, may know it" if other else ""


@sent.rule(
    "TM409", "no-key", f"Honeycomb knows the team by the header {HEADER}, and refuses what comes without"
)
def no_key(facts: Facts) -> Found | None:
    found = refused(facts)
    if found is None or found[0].headers.get(HEADER):
        return None
    exporter = found[0]
    names = [
        name
        for name in exporter.headers
        if "honeycomb" in name and name not in (HEADER, "x-honeycomb-dataset")
    ]
    at_ = exporter.place if exporter.headers_by_code else None
    what = f"it sends {names[0]} instead" if names else "no key goes with the spans"
    if HEADER in exporter.headers:
        what = "its value is empty: HONEYCOMB_API_KEY never reached this process"
    seen = f"{exporter.endpoint} wants the header {HEADER}, and {what}"
    if names and at_:
        return in_code(exporter, f"{at_}: {seen}", names[0], HEADER)
    variable = headers_variable(facts)
    if not names and not exporter.headers_by_code:
        form = check_header_form(facts.inside)
        seen = f"{seen} ({form.detail})" if not form.ok else seen
        return repair.variable(facts, seen, variable, f"{HEADER}=YOUR_INGEST_KEY")
    if HEADER in exporter.headers and exporter.headers_by_code:
        return Found(f"{at_}: {seen}", type="export HONEYCOMB_API_KEY=YOUR_INGEST_KEY")
    place = exporter.place
    if place is None:
        return Found(seen, type=f"export {variable}={HEADER}=YOUR_INGEST_KEY")
    header = f'headers={{"{HEADER}": os.environ["HONEYCOMB_API_KEY"]}}'
    text = re.sub(r"headers\s*=\s*\{[^}]*\}", header, place.text)
    step = "" if facts.inside.get("HONEYCOMB_API_KEY") else "export HONEYCOMB_API_KEY=YOUR_INGEST_KEY"
    return Found(f"{place}: {seen}", step, Edit(place.file, place.line, "replace", text))


def headers_variable(facts: Facts) -> str:
    own = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
    return own if facts.inside.get(own) else "OTEL_EXPORTER_OTLP_HEADERS"


def refused(facts: Facts) -> tuple[Exporter, Export] | None:
    """A vendor that says 401 or 403."""
    found = failing(facts)
    return found if found and any(REFUSED.search(one) for one in found[1].said) else None


@sent.rule("TM410", "bad-key", "a key has a form, and Honeycomb knows it or does not")
def bad_key(facts: Facts) -> Found | None:
    found = refused(facts)
    if found is None:
        return None
    exporter = found[0]
    key, auth = exporter.headers.get(HEADER, ""), facts.auth_of(exporter) or {}
    there = address(exporter)
    why = "the quotes around the key are sent as part of it" if key[:1] in "\"'" and key else malformed(key)
    if auth.get("status") == 401 and not why:
        why = f"{there.base} does not know the key ({auth['why'] or '401'}){other_region(there.base)}"
    elif (
        auth.get("status") == 200 and "events" not in auth.get("access", []) and auth.get("type") != "ingest"
    ):
        why = "this configuration key may not send events"
    elif why and auth.get("status") == 401:
        why = f"{there.base} does not know the key: {why}"
    if not why:
        return None
    if exporter.headers_by_code and exporter.place:
        if "HONEYCOMB_API_KEY" in exporter.place.file.read_text(errors="replace"):
            return Found(f"{exporter.place}: {why}", type="export HONEYCOMB_API_KEY=YOUR_INGEST_KEY")
        return key_in_code(exporter, why)
    variable = headers_variable(facts)
    return repair.variable(facts, f"{variable}: {why}", variable, f"{HEADER}=YOUR_INGEST_KEY")


def key_in_code(exporter: Exporter, why: str) -> Found:
    place = exporter.place
    assert place is not None
    text = re.sub(rf"([\"']{HEADER}[\"']\s*:\s*)[\"'][^\"']*[\"']", r'\1"YOUR_INGEST_KEY"', place.text)
    return Found(f"{place}: {why}", write=Edit(place.file, place.line, "replace", text))


@sent.rule("TM411", "wrong-path", "over HTTP spans are taken at /v1/traces, and nowhere else")
def wrong_path(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None or not re.search(r"\b(404|405|501)\b|UNIMPLEMENTED", " ".join(found[1].said)):
        return None
    exporter = found[0]
    there, path = address(exporter), urlsplit(exporter.endpoint).path
    if exporter.protocol == HTTP and path != "/v1/traces":
        seen = f"spans go to {exporter.endpoint}, and a collector takes them at {there.base}/v1/traces"
        if exporter.by_code and exporter.place:
            return in_code(
                exporter, f"{exporter.place}: {seen}", exporter.endpoint, f"{there.base}/v1/traces"
            )
        return at(facts, exporter, seen, there.base)
    return aim(facts, exporter, f"what answers at {there.base} is no collector: it has no {path or 'OTLP'}")


@sent.rule("TM412", "honeycomb-address", "Honeycomb takes spans at api.honeycomb.io, over TLS")
def honeycomb_address(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None or not is_honeycomb(address(found[0]).host):
        return None
    there = address(found[0])
    right = "https://api.eu1.honeycomb.io" if ".eu1." in there.host else "https://api.honeycomb.io"
    return (
        None
        if there.base in (right, f"{right}:443")
        else at(facts, found[0], f"Honeycomb takes spans at {right}", right)
    )


@sent.rule("TM413", "timeout", "an exporter without time gives up before it has sent")
def timeout(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None:
        return None
    for name in ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"):
        if value := facts.inside.get(name):
            return repair.variable(
                facts,
                f"{name}={value}: the exporter gives up with {found[1].words[:150] or 'nothing sent'}",
                name,
                "",
            )
    return None


@sent.rule("TM414", "too-fast", "a vendor that answers 429 takes no more for now")
def too_fast(facts: Facts) -> Found | None:
    found = failing(facts)
    if found is None or not re.search(r"\b429\b|RESOURCE_EXHAUSTED", found[1].words):
        return None
    return Found(f"{found[0].endpoint} takes no more for now: {found[1].words[:200]}", type="threemaps spend")
