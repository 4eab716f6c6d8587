"""TM12x: does the probe get into the process that answers?"""

import re
from pathlib import Path

from threemaps.doctor.facts import Facts
from threemaps.doctor.rules import repair
from threemaps.doctor.rules.base import Edit, Found, State, link


@link("inside", "the doctor can look inside", "TM120", "threemaps doctor -- python app.py")
def inside(facts: Facts) -> State:
    if facts.request is not None:
        pid = facts.request["pid"]
        made = facts.app.get("place") if facts.app else None
        where = f", a Flask app made at {Path(made['file']).name}:{made['line']}" if made else ", a Flask app"
        return State(True, f"process {pid} answered{where}")
    if facts.outcome.unseen:
        return State(False, "the process that runs the service was not reached by the probe")
    if failed := facts.last("probe-failed"):
        return State(None, f"the probe failed in {failed['what']}: {failed['why'][:200]}")
    if facts.process is None:
        return State(None, "no Python process reported: the command runs none, or takes the variables away")
    if facts.seen("app"):
        return State(
            None, "no Flask app answered the request: another server has the port, or a middleware answers"
        )
    return State(None, "what answered is no Flask app: its requests are not followed, only its spans")


@inside.rule(
    "TM121", "isolated", "an isolated Python reads no PYTHONPATH, by which launcher and probe get in"
)
def isolated(facts: Facts) -> Found | None:
    for one in facts.outcome.unseen:
        if flag := one["flag"]:
            name = Path(one["argv"][0]).name
            seen = f"{name} {flag} reads no PYTHONPATH: the launcher's hook does not get in, nor the doctor"
            words = list(facts.subject.words)
            if flag in words:
                words.remove(flag)
                return Found(seen, type=facts.subject.shown(words))
            return Found(
                seen, write=repair.without(facts, rf"({re.escape(name)})\s+{re.escape(flag)}\b", r"\1")
            )
    return None


# What takes a process its variables, and the same without that.
CLEARED = (
    (r"\benv (-i|-|--ignore-environment) ", "env "),
    (r"\benv\s*=\s*\{(?!\*\*)\s*", "env={**os.environ, "),
)


@inside.rule(
    "TM124", "environment-cleared", "launcher and variables get in by the environment, and go with it"
)
def environment_cleared(facts: Facts) -> Found | None:
    bare = [one for one in facts.outcome.unseen if not one["flag"] and not one["python_path"]]
    if not bare:
        return None
    seen = f"process {bare[0]['pid']} was started with an environment of its own, without PYTHONPATH"
    edits = (repair.without(facts, *cleared) for cleared in CLEARED)
    edit = next((one for one in edits if one), None)
    return Found(seen, write=edit) if edit else Found(seen, type=r"grep -rnE 'env -i|env ?=' .")


@inside.rule("TM122", "python-path-replaced", "the launcher's hook stands in PYTHONPATH, and goes with it")
def python_path_replaced(facts: Facts) -> Found | None:
    for one in facts.outcome.unseen:
        if "probe" in one["python_path"] or not one["python_path"]:
            continue
        place = repair.where_set(facts, "PYTHONPATH")
        seen = "PYTHONPATH is replaced on the way, and the launcher's hook (and the doctor's) with it"
        if place is None:
            return Found(seen, type="grep -rn PYTHONPATH .")
        text = re.sub(
            r"PYTHONPATH=([\"']?)([^\s\"']*)", r"PYTHONPATH=\1\2${PYTHONPATH:+:$PYTHONPATH}", place.text
        )
        return Found(f"{place}: {seen}", write=Edit(place.file, place.line, "replace", text))
    return None
