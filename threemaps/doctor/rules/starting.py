"""TM1xx: does the command run, answer, and let the doctor look inside?"""

import ast
import re
import shlex
from pathlib import Path

from threemaps.doctor.facts import Facts
from threemaps.doctor.listener import Fact
from threemaps.doctor.packages import package_of
from threemaps.doctor.parts import Place, place_of
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Edit, Found, State, link, pip_install
from threemaps.doctor.rules.syntax import keywords_at
from threemaps.doctor.rules.variables import named_in, unknown_part
from threemaps.doctor.subject import LAUNCHER
from threemaps.doctor.visit import PAGE_SECONDS, START_SECONDS


def last_words(facts: Facts) -> str:
    lines = [line for line in facts.outcome.said.strip().splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "nothing"


def why_it_ended(facts: Facts) -> str:
    """The last exception in its output; else its last line."""
    found = re.findall(r"^[\w.]*(?:Error|Exception|Exit)\b:? ?.*", facts.outcome.said, re.MULTILINE)
    return found[-1][:300] if found else last_words(facts)


def raised_at(facts: Facts) -> Place | None:
    """The service's own line in the last traceback of its output."""
    lines = re.findall(r'File "([^"]+)", line (\d+)', facts.outcome.said)
    foreign = ("site-packages", "/lib/python", "<", "/doctor/probe/")
    own = [Place(Path(file), int(line)) for file, line in lines if not any(one in file for one in foreign)]
    return own[-1] if own else None


@link("runs", "the command starts", "TM100", "{command}")
def runs(facts: Facts) -> State:
    if not facts.outcome.started:
        return State(False, f"{facts.subject.command} does not start: {facts.outcome.why_not}")
    return State(True, f"{facts.subject.command} starts")


@runs.rule("TM101", "no-program", "the shell finds no such program")
def no_program(facts: Facts) -> Found | None:
    name = facts.subject.words[0] if facts.subject.words else ""
    if facts.outcome.started:
        return None
    if facts.outcome.why_not == "Permission denied":
        return Found(f"{name} may not be executed", type=f"chmod +x {shlex.quote(name)}")
    near = facts.subject.interpreter.parent / LAUNCHER if facts.subject.interpreter else None
    if name.endswith(LAUNCHER) and near and near.is_file():
        return Found(f"there is no {LAUNCHER} on the PATH", type=f'export PATH="{near.parent}:$PATH"')
    step = (
        "pip install opentelemetry-distro opentelemetry-exporter-otlp"
        if name.endswith(LAUNCHER)
        else f"command -v {shlex.quote(name)}"
    )
    return Found(f"there is no program {name!r}", type=step)


@link("answers", "it answers a request", "TM110", "curl -v http://127.0.0.1:PORT/")
def answers(facts: Facts) -> State:
    outcome = facts.outcome
    if facts.request is not None or outcome.answered:
        where = outcome.answered[0] if outcome.answered else "its port"
        return State(True, f"it answers at {where}")
    if outcome.code is not None:
        return State(False, f"it ended with {outcome.code} before it answered: {why_it_ended(facts)}")
    if outcome.silent:
        said = f"it listens at {outcome.silent[0]}, and its start page gave no answer within {PAGE_SECONDS} s"
        return State(False, f"{said}; its last words: {last_words(facts)}")
    return State(False, f"it listened nowhere within {START_SECONDS} s; its last words: {last_words(facts)}")


@answers.rule("TM111", "port-taken", "a port belongs to one process at a time")
def port_taken(facts: Facts) -> Found | None:
    if not re.search(r"[Aa]ddress already in use|already in use|Errno 98", facts.outcome.said):
        return None
    port = re.search(r"[Pp]ort (\d+)|:(\d+)\b", facts.outcome.said)
    number = next((one for one in port.groups() if one), "PORT") if port else "PORT"
    return Found(f"its port {number} is taken by another process", type=f"lsof -i :{number}")


@answers.rule("TM112", "no-module", "a module that is imported is not installed for this interpreter")
def no_module(facts: Facts) -> Found | None:
    found = re.findall(r"ModuleNotFoundError: No module named '([^']+)'", facts.outcome.said)
    if not found or facts.outcome.code is None:
        return None
    seen = f"it ended: no module named {found[-1]!r} is installed"
    return Found(seen, type=pip_install(facts, package_of(found[-1])))


@answers.rule(
    "TM113", "daemon-address", "the X-Ray SDK takes HOST:PORT, and raises at its start for anything else"
)
def daemon_address(facts: Facts) -> Found | None:
    if "InvalidDaemonAddressException" not in facts.outcome.said:
        return None
    name = "AWS_XRAY_DAEMON_ADDRESS"
    given = facts.inside.environ.get(name, "")
    bare = re.sub(r"^\w+://", "", given).rstrip("/") or "127.0.0.1:2000"
    return repair.variable(
        facts, f"{name}={given} is no HOST:PORT, and the X-Ray daemon's address has to be one", name, bare
    )


@answers.rule("TM114", "bad-variable", "the SDK refuses the value of a variable and raises at the start")
def bad_variable(facts: Facts) -> Found | None:
    if facts.outcome.code is None:
        return None
    reason = why_it_ended(facts)
    if facts.launched and (unknown := unknown_part(facts)):
        return unknown
    if "opentelemetry" in facts.outcome.said and (name := named_in(facts, reason)):
        return repair.variable(facts, f"{name} has a value that the SDK refuses: {reason}", name, "")
    return None


@answers.rule("TM116", "before-first-request", "Flask 2.3 took before_first_request away")
def before_first_request(facts: Facts) -> Found | None:
    if "no attribute 'before_first_request'" not in facts.outcome.said:
        return None
    seen = "it ended: this Flask has no before_first_request; what has to run once runs in app.app_context()"
    place = raised_at(facts)
    found = re.match(r"\s*@(\w+)\.before_first_request", place.text) if place else None
    if place is None or found is None:
        return Found(seen, type="grep -rn before_first_request .")
    return Found(seen, write=Edit.at(place, "replace", AT_START.format(app=found[1])))


AT_START = """\
def at_start(function):
    with {app}.app_context():
        function()
    return function


@at_start"""


@answers.rule("TM117", "no-aws-settings", "AWS's client raises at its start without a region or credentials")
def no_aws_settings(facts: Facts) -> Found | None:
    if facts.outcome.code is None:
        return None
    if "NoRegionError" in facts.outcome.said:
        return Found("it ended: AWS's client has no region", type="export AWS_DEFAULT_REGION=us-east-1")
    if "NoCredentialsError" in facts.outcome.said:
        keys = "AWS_ACCESS_KEY_ID=YOUR_KEY_ID AWS_SECRET_ACCESS_KEY=YOUR_SECRET"
        return Found("it ended: AWS's client has no credentials", type=f"export {keys}")
    return None


@answers.rule("TM118", "app-replaced", "instrument_app() changes the app and returns nothing")
def app_replaced(facts: Facts) -> Found | None:
    place = place_of(facts.last("instrument-app"))
    if place is None or "'NoneType' object" not in facts.outcome.said:
        return None
    name = repair.name_assigned(place)
    if not name or "instrument_app" not in place.text:
        return None
    seen = f"{place} puts what instrument_app() returns, which is None, in the place of {name}"
    text = re.sub(rf"^(\s*){name}\s*=\s*", r"\1", place.text)
    return Found(seen, write=Edit(place.file, place.line, "replace", text))


@answers.rule("TM119", "refused-arguments", "the SDK raises for arguments that it cannot use")
def refused_arguments(facts: Facts) -> Found | None:
    kinds = ("processor-failed", "provider-failed", "exporter-failed", "xray-configured")
    failed = next((one for kind in kinds for one in facts.seen(kind) if why_refused(one)), None)
    place = place_of(failed)
    if failed is None or place is None or facts.outcome.code is None:
        return None
    why = why_refused(failed)
    given = keywords_at(place)
    meant = (name for name, one in given.items() if name in why or value_of(one) in why)
    seen = f"the SDK refuses what {place} gives it: {why}"
    name = next(meant, "")
    return repair.without_argument(place, seen, name) if name else Found(seen, type=repair.opened(place))


def why_refused(fact: Fact) -> str:
    return str(fact.get("why") or fact.get("error") or "")


def value_of(keyword: ast.keyword) -> str:
    """A text that is written out; of anything else nothing that an error would quote."""
    value = keyword.value
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else "\0"


@answers.rule("TM123", "class-for-object", "a class is no object: it has to be called")
def class_for_object(facts: Facts) -> Found | None:
    """Handed over as a provider, or as an exporter."""
    given = [(one.get("itself", ""), place_of(one)) for one in facts.seen("global")]
    given += [(one["exporter"].get("itself", ""), place_of(one)) for one in facts.seen("processor")]
    name, place = next(((name, place) for name, place in given if name and place), ("", None))
    if place is None:
        return None
    made = [place_of(one) for one in facts.seen("provider")]
    known = [repair.name_assigned(one) for one in made if one and one.file == place.file]
    better = known[-1] if known and name.endswith("Provider") and known[-1] else f"{name}()"
    text = re.sub(rf"\b{name}\b(?!\s*\()(?=\s*[,)])", better, place.text)
    seen = f"{place} hands over the class {name} where an object of it belongs"
    return Found(seen, write=Edit(place.file, place.line, "replace", text))


@answers.rule("TM115", "ended", "a program that has ended sends nothing")
def ended(facts: Facts) -> Found | None:
    if facts.outcome.code is None:
        return None
    thread, raised = place_of(facts.last("daemon-thread")), raised_at(facts)
    if facts.outcome.code == 0 and facts.seen("app") and thread:
        seen = "it ended with 0: its main thread came to an end, and a daemon thread ends with it"
        return repair.in_code(thread, seen, "daemon=True", "daemon=False")
    where = f" at {raised}" if raised else ""
    return Found(
        f"it ended with {facts.outcome.code}{where}: {why_it_ended(facts)}", type=facts.subject.command
    )
