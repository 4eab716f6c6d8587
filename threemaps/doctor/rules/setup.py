"""TM2xx: is there a TracerProvider, is it the global one, and does it have an exporter?"""

import re

from threemaps.doctor.destination import HTTP
from threemaps.doctor.facts import Facts
from threemaps.doctor.files import text_of
from threemaps.doctor.packages import package_of
from threemaps.doctor.parts import place_of
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Edit, Found, State, link, pip_install
from threemaps.doctor.rules.starting import class_for_object
from threemaps.doctor.rules.variables import (
    EXPORTERS,
    mixed_versions,
    named_in,
    unknown_part,
    unusable_figure,
)

LAUNCH = "opentelemetry-instrument {command}"
DISTRO = ("opentelemetry-distro", "opentelemetry-exporter-otlp")
INSTRUMENTATIONS = {"flask": "opentelemetry-instrumentation-flask"}


@link("provider", "OpenTelemetry has a TracerProvider", "TM200", LAUNCH)
def provider(facts: Facts) -> State:
    if facts.inside.get("OTEL_SDK_DISABLED").strip().lower() == "true":
        return State(False, "OpenTelemetry's SDK is turned off")
    found = facts.provider
    if found is None:
        return State(
            False,
            f"there is no global TracerProvider in process {facts.process['pid'] if facts.process else '?'}",
        )
    if shut := facts.shut_down:
        who = place_of(shut) or "a library"
        return State(False, f"{who} shuts the TracerProvider down, and the service goes on without it")
    place = place_of(found)
    return State(
        True, f"one global TracerProvider, {f'made at {place}' if place else 'made by the launcher'}"
    )


@provider.rule("TM201", "sdk-disabled", "OTEL_SDK_DISABLED=true makes every tracer a no-op")
def sdk_disabled(facts: Facts) -> Found | None:
    name = "OTEL_SDK_DISABLED"
    if facts.inside.get(name).strip().lower() != "true":
        return None
    return repair.variable(facts, f"{name}=true turns the whole SDK off", name, "")


@provider.rule(
    "TM210", "unknown-component", "a part that is named has to be installed, or the launcher sets up nothing"
)
def unknown_component(facts: Facts) -> Found | None:
    if not facts.launched:
        return None
    return unknown_part(facts)


@provider.rule("TM202", "shut-down", "a provider that was shut down gives its spans to nobody")
def shut_down(facts: Facts) -> Found | None:
    place = place_of(facts.shut_down)
    if place is None or facts.shut_down is None or facts.request is None:
        return None
    when = "before" if facts.shut_down["at"] < facts.request["at"] else "with"
    seen = f"{place} shuts the TracerProvider down {when} the first request: what comes after makes no span"
    return Found(seen, write=repair.taken_away(place))


@provider.rule(
    "TM203", "not-global", "who asks for a tracer gets that of the global provider, and none was set"
)
def not_global(facts: Facts) -> Found | None:
    made = [one for one in facts.seen("provider") if place_of(one)]
    if not made or facts.provider is not None:
        return None
    place = place_of(made[-1])
    assert place is not None
    processors = [
        place_of(one) for one in facts.seen("processor-added") if one["provider"] == made[-1]["provider"]
    ]
    last = next((one for one in reversed(processors) if one and one.file == place.file), place)
    name = repair.name_assigned(place) or "provider"
    line = f"trace.set_tracer_provider({name})"
    text = line if repair.has_name(place, "trace") else f"from opentelemetry import trace\n{line}"
    seen = (
        f"the TracerProvider of {place} is never made global: nobody calls trace.set_tracer_provider({name})"
    )
    return Found(seen, write=repair.after(last if last.line >= place.line else place, text))


@provider.rule(
    "TM204", "launcher-failed", "the launcher logs what fails in it, and starts the service without tracing"
)
def launcher_failed(facts: Facts) -> Found | None:
    said = [one for one in facts.logs("opentelemetry.instrumentation.auto_instrumentation") if one["errors"]]
    failed = [one for one in said if re.search(r"[Ff]ailed|Configuration of", one["text"])]
    if not failed:
        return None
    reason = failed[0]["errors"][0]
    seen = f"the launcher failed to set up the tracing: {reason}"
    if name := named_in(facts, " ".join(failed[0]["errors"])):
        right = HTTP if name.endswith("_PROTOCOL") else ""
        return repair.variable(facts, f"{seen} ({name}={facts.inside.get(name)})", name, right)
    if missing := re.search(r"No module named '([\w.]+)'", reason):
        return Found(seen, type=pip_install(facts, package_of(missing[1])))
    if component := re.search(r"Requested component '([^']+)' not found", reason):
        package = EXPORTERS.get(component[1], f"opentelemetry-exporter-{component[1]}")
        return Found(seen, type=pip_install(facts, package))
    return Found(seen, type=pip_install(facts, "--upgrade", *DISTRO))


@provider.rule(
    "TM205", "no-distro", "the launcher sets up what a distro names; without one it sets up nothing"
)
def no_distro(facts: Facts) -> Found | None:
    packages = facts.inside.packages
    if not facts.launched or facts.provider is not None or packages.trouble:
        return None
    if packages.entry_points("opentelemetry_distro"):
        return None
    return Found(
        f"opentelemetry-distro is not installed for {facts.inside.interpreter}",
        type=pip_install(facts, *DISTRO),
    )


@provider.rule(
    "TM206", "import-failed", "an import that failed was caught, and the set-up behind it was skipped"
)
def import_failed(facts: Facts) -> Found | None:
    failed = [one for one in facts.seen("import-failed") if one["module"].startswith("opentelemetry")]
    if not failed or facts.provider is not None:
        return None
    module, place = str(failed[0]["module"]), place_of(failed[0])
    assert place is not None
    seen = (
        f"{place} imports {module}, which is not there, and the error is caught: no TracerProvider was made"
    )
    if better := facts.inside.packages.near_module(module):
        return repair.in_code(place, seen, module, better)
    return Found(seen, type=pip_install(facts, package_of(module)))


@provider.rule("TM207", "set-up-not-called", "code that is never run sets up nothing")
def set_up_not_called(facts: Facts) -> Found | None:
    """The process knows a function that makes a provider, and none was made."""
    idle = [one for one in facts.seen("maker") if not one["arguments"]]
    place, app = place_of(idle[-1]) if idle else None, place_of(facts.app)
    if place is None or facts.seen("provider") or facts.launched:
        return None
    function = str(idle[-1]["function"])
    seen = f"no TracerProvider was made: {function}() at {place} makes one, and nobody calls it"
    if app and app.file == place.file and app.line > place.line:
        return Found(seen, write=Edit.at(app, "before", f"{function}()"))
    end = len(text_of(place.file).splitlines())
    return Found(seen, write=Edit(place.file, end, "after", f"{function}()"))


@provider.rule(
    "TM208", "set-up-in-another-process", "a provider lives in one process, and another one answers"
)
def another_process(facts: Facts) -> Found | None:
    others = [one for one in facts.all("provider") if one["run"] != facts.run and place_of(one)]
    if not others or facts.seen("provider"):
        return None
    place = place_of(others[-1])
    seen = (
        f"the TracerProvider of {place} is made in process {others[-1]['pid']}, and another process answers"
    )
    return Found(seen, type=repair.behind_launcher(facts))


provider.rule("TM211", "mixed-versions", "instrumentations are released together, and pin each other")(
    mixed_versions
)
provider.rule(
    "TM212", "unusable-figure", "the SDK raises for a figure that it cannot use, and sets up nothing"
)(unusable_figure)


provider.also(class_for_object)


@provider.rule("TM209", "no-tracing", "nothing in the process makes spans")
def no_tracing(facts: Facts) -> Found | None:
    if facts.seen("provider") or facts.launched or facts.expected:
        return None
    step = repair.behind_launcher(facts)
    packages = facts.inside.packages
    missing = [one for one in DISTRO if not packages.has(one)]
    missing += [
        one for library, one in INSTRUMENTATIONS.items() if packages.has(library) and not packages.has(one)
    ]
    seen = "no TracerProvider is made, and the command does not start under opentelemetry-instrument"
    return Found(seen, type=f"{pip_install(facts, *missing)} && {step}" if missing else step)
