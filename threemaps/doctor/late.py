"""A look into a process that runs already, by `sys.remote_exec` of Python 3.14."""

import secrets
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from threemaps.demo.health import wait_until
from threemaps.doctor import probe
from threemaps.doctor.check import Check
from threemaps.doctor.facts import Facts
from threemaps.doctor.family import addresses_of
from threemaps.doctor.inside import enough
from threemaps.doctor.listener import Listener
from threemaps.doctor.outside import serving_process
from threemaps.doctor.parts import Outcome
from threemaps.doctor.service import verdict
from threemaps.doctor.subject import Subject, from_process
from threemaps.doctor.visit import LONGEST_SECONDS, START_SECONDS, Reply, visit
from threemaps.errors import UserError

SCRIPT = """\
import importlib.util, sys
spec = importlib.util.spec_from_file_location({name!r}, {file!r}, submodule_search_locations=[{folder!r}])
sys.modules[{name!r}] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[{name!r}])
importlib.import_module({name!r} + ".late").start({address!r})
"""
Inject = Callable[[int, str], None]  # runs a file in a process


def check_inside(pid: int) -> list[Check]:
    """The links of a service that runs. Raises UserError where nothing gets in."""
    serving = serving_process(pid)
    subject = from_process(serving.pid if serving else pid)
    inject: Inject | None = getattr(sys, "remote_exec", None)
    if inject is None:
        version = ".".join(map(str, sys.version_info[:2]))
        message = f"threemaps runs on Python {version}: 3.14 is the first that gets into a running process"
        raise UserError(message, hint=f"threemaps doctor -- {subject.command}")
    try:
        return verdict(look_into(subject, inject))
    except (OSError, RuntimeError, ValueError) as error:
        hint = f"threemaps doctor --pid {pid}"
        raise UserError(f"process {subject.pid} lets nobody in: {error}", hint=hint) from error


def look_into(subject: Subject, inject: Inject) -> Facts:
    """Asks it for its start page, once the probe is in. Raises RuntimeError if that does not report."""
    facts, pid = Facts(subject, secrets.token_hex(8), []), subject.pid or 0
    with Listener() as listener, tempfile.TemporaryDirectory(prefix="tm") as folder:
        facts.facts = listener.facts
        script, file = Path(folder, "probe.py"), str(probe.__file__)
        named = {"name": "_threemaps_probe", "file": file, "folder": str(Path(file).parent)}
        script.write_text(SCRIPT.format(address=listener.address, **named), encoding="utf-8")
        inject(pid, str(script))
        if not wait_until(lambda: any(facts.all("process")), START_SECONDS):
            raise RuntimeError("the probe did not report")
        answered = [one for one in addresses_of(pid) if visit(one, facts.nonce) is Reply.YES]
        wait_until(lambda: enough(facts), LONGEST_SECONDS if answered else 0)
        facts.facts = list(listener.facts)
    facts.outcome = Outcome(answered=tuple(answered))
    return facts
