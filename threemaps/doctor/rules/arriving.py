"""TM5xx: under which name did the span arrive, at what, and can it be read back?"""

from threemaps.doctor.ends import End, end_of, read_back
from threemaps.doctor.facts import Facts
from threemaps.doctor.parts import Exporter, place_of
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.addresses import standing, to_collector
from threemaps.doctor.rules.base import Found, State, link
from threemaps.doctor.rules.sending import address, sending
from threemaps.doctor.rules.variables import misspelled_name
from threemaps.settings import Settings

NAME, ATTRIBUTES = "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"


def service_name(facts: Facts) -> str:
    """That of the resource; nothing where the SDK had to make one up."""
    found = str((facts.provider or {}).get("resource", {}).get("service.name", "")).strip()
    return "" if found.startswith("unknown_service") else found


@link("name", "the span carries the service's name", "TM500", "export OTEL_SERVICE_NAME=NAME")
def name(facts: Facts) -> State:
    if not (found := service_name(facts)):
        return State(False, "its spans go to unknown_service")
    return State(True, f"service.name is {found}")


@name.rule("TM501", "no-service-name", "spans without a name arrive as unknown_service, where nobody looks")
def no_service_name(facts: Facts) -> Found | None:
    if service_name(facts) or facts.provider is None:
        return None
    if spelled := misspelled_name(facts):
        return spelled
    place, given = place_of(facts.provider), facts.inside.get(ATTRIBUTES)
    seen = "its spans go to unknown_service: service.name is not set"
    near = next((one for one in facts.provider["resource"] if is_near(one)), "")
    if near:
        seen = (
            f"its spans go to unknown_service: the attribute is called {near!r}, and has to be service.name"
        )
    if near and place:
        return repair.in_code(place, f"{place}: {seen}", near, "service.name")
    if given and "service.name" in given and "service.name=" not in given.replace(" ", ""):
        right = given.replace(": ", "=").replace(":", "=")
        return repair.variable(facts, f"{ATTRIBUTES}={given} has no `=`: {seen}", ATTRIBUTES, right)
    if place and facts.inside.get(NAME):
        late = f"{seen}: {NAME} was set behind {place}, where the TracerProvider is made"
        return Found(late, type=f"export {NAME}={facts.inside.get(NAME)}")
    return repair.variable(facts, f"{seen} ({NAME})", NAME, facts.inside.folder.name or "app")


def is_near(attribute: str) -> bool:
    """A name that was meant for service.name."""
    plain = attribute.replace("_", ".").replace("-", ".").lower()
    return attribute != "service.name" and plain in ("service.name", "servicename", "service")


def ends_of(facts: Facts) -> list[tuple[Exporter, End]]:
    """What stands behind each exporter that speaks OTLP."""
    return [
        (one, end_of(address(facts, one), standing(facts, one), facts.auth_of(one)))
        for one, _ in sending(facts)
        if one.protocol
    ]


@link("end", "what took it is a backend or a collector", "TM520", "threemaps up")
def end(facts: Facts) -> State:
    ends = [one for _, one in ends_of(facts)]
    if not ends:
        return State(None, "what stands at the exporter's address: it is not OTLP's own")
    worst = next((one for one in ends if one.takes_spans is False), None)
    unclear = next((one for one in ends if one.takes_spans is None), None)
    if worst or unclear:
        return State(False if worst else None, (worst or unclear or ends[0]).says)
    return State(True, "; ".join(one.says for one in ends))


@end.rule("TM521", "no-collector", "a web server that answers 200 to anything keeps no span")
def no_collector(facts: Facts) -> Found | None:
    bad = next(((exporter, one) for exporter, one in ends_of(facts) if one.takes_spans is False), None)
    return to_collector(facts, bad[0], bad[1].says) if bad else None


@link("read back", "the trace can be read back", "TM540", "threemaps doctor")
def read(facts: Facts) -> State:
    settings = Settings.load()
    for exporter, _ in sending(facts):
        there = address(facts, exporter)
        found = end_of(there, standing(facts, exporter), facts.auth_of(exporter))
        return read_back(settings, found if exporter.protocol else End("", None, ""), there, facts.trace)
    return State(None, "no exporter to ask behind")
