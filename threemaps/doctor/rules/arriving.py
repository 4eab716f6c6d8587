"""TM5xx: under which name did the span arrive, at what, and can it be read back?"""

from threemaps.doctor.ends import End, end_of, read_back
from threemaps.doctor.environment import check_spelling
from threemaps.doctor.facts import Facts, place_of
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Found, State, link
from threemaps.doctor.rules.sending import address, aim, sending
from threemaps.doctor.rules.setup import as_found
from threemaps.settings import Settings


def service_name(facts: Facts) -> str:
    return str((facts.provider or {}).get("resource", {}).get("service.name", ""))


@link("name", "the span carries the service's name", "TM500", "export OTEL_SERVICE_NAME=NAME")
def name(facts: Facts) -> State:
    found = service_name(facts)
    if not found.strip() or found.startswith("unknown_service"):
        return State(False, f"its spans go to {found.strip() or 'a blank name'}")
    return State(True, f"service.name is {found}")


@name.rule("TM501", "no-service-name", "spans without a name arrive as unknown_service, where nobody looks")
def no_service_name(facts: Facts) -> Found | None:
    found = service_name(facts)
    if found.strip() and not found.startswith("unknown_service"):
        return None
    if spelled := as_found(check_spelling(facts.inside)):
        return spelled
    folder = facts.inside.folder.name or "app"
    variable, given = "OTEL_RESOURCE_ATTRIBUTES", facts.inside.get("OTEL_RESOURCE_ATTRIBUTES")
    resource = (facts.provider or {}).get("resource", {})
    near = [
        one
        for one in resource
        if one != "service.name" and one.replace("_", ".").replace("-", ".").lower() == "service.name"
    ]
    seen = f"its spans go to {found.strip() or 'a service without a name'}: service.name is not set"
    if near:
        place = place_of(facts.provider)
        seen = f"its spans go to {found}: the attribute is called {near[0]!r}, and has to be service.name"
        if place and near[0] in place.text:
            from threemaps.doctor.rules.base import Edit

            return Found(
                f"{place}: {seen}",
                write=Edit(place.file, place.line, "replace", place.text.replace(near[0], "service.name")),
            )
    if given and "service.name" in given and "service.name=" not in given.replace(" ", ""):
        return repair.variable(
            facts,
            f"{variable}={given} has no `=`: {seen}",
            variable,
            given.replace(": ", "=").replace(":", "="),
        )
    return repair.variable(facts, f"{seen} (OTEL_SERVICE_NAME)", "OTEL_SERVICE_NAME", folder)


@link("end", "what took it is a backend or a collector", "TM520", "threemaps up")
def end(facts: Facts) -> State:
    ends = [
        end_of(address(exporter), facts.auth_of(exporter))
        for exporter, _ in sending(facts)
        if exporter.protocol
    ]
    if not ends:
        return State(None, "what stands at the exporter's address: it is not OTLP's own")
    bad = next((one for one in ends if one.takes_spans is False), None)
    if bad:
        return State(False, bad.says)
    unknown = next((one for one in ends if one.takes_spans is None), None)
    return State(
        None if unknown else True,
        (unknown or ends[0]).says if unknown else "; ".join(one.says for one in ends),
    )


@end.rule("TM521", "no-collector", "a web server that answers 200 to anything keeps no span")
def no_collector(facts: Facts) -> Found | None:
    for exporter, _ in sending(facts):
        there = end_of(address(exporter), facts.auth_of(exporter)) if exporter.protocol else None
        if there and there.takes_spans is False:
            return aim(facts, exporter, there.says)
    return None


@link("read back", "the trace can be read back", "TM540", "threemaps doctor")
def read(facts: Facts) -> State:
    settings = Settings.load()
    for exporter, _ in sending(facts):
        there = address(exporter)
        found = end_of(there, facts.auth_of(exporter)) if exporter.protocol else End("", None, "")
        return read_back(settings, found, there, facts.trace)
    return State(None, "no exporter to ask behind")
