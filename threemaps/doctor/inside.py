"""Runs a command with the probe in front of its path, asks it for its start page, and gathers the facts."""

import contextlib
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

import psutil

from threemaps.doctor.facts import Facts, is_of_signal
from threemaps.doctor.family import Family, adopting
from threemaps.doctor.listener import Fact, Listener
from threemaps.doctor.parts import Exporter, Outcome
from threemaps.doctor.proc import PYTHON
from threemaps.doctor.subject import ASSIGNMENT, Subject, from_command, is_hooked
from threemaps.doctor.visit import Asked, talk_to

INJECTED = str(Path(__file__).parent / "probe" / "injected")
SOCKET = "THREEMAPS_PROBE"
EXPORT_SECONDS = 12.0  # the exporters' own patience is 10
LONGEST_DELAY = 30.0  # whoever holds spans back for longer is named at once
MOST_OUTPUT = 1_000_000  # bytes
GRACE = 0.3  # between an answer and the last fact on it


def look_inside(words: Sequence[str], environ: Mapping[str, str], folder: Path) -> Facts:
    """The command as typed, through whatever wrappers. Raises UserError if it names no program."""
    subject = from_command(words, environ, folder)
    facts = Facts(subject, secrets.token_hex(8), [])
    with Listener() as listener, tempfile.TemporaryFile("w+b") as output, adopting():
        facts.facts = listener.facts
        try:
            family = Family(partial(start, words, environ, folder, listener.address, output))
        except OSError as failure:
            facts.outcome = Outcome(started=False, why_not=failure.strerror or str(failure))
            return facts
        try:
            asked = talk_to(family, facts.nonce, lambda: enough(facts))
            code = family.code
            unseen = tuple(unreported(family, facts))
            said = os.pread(output.fileno(), MOST_OUTPUT, 0).decode(errors="replace")
            facts.facts = list(listener.facts)  # what its end sets off is no fact on the request
        finally:
            family.stop()
        seen = len(facts.facts)
        facts.facts += [one for one in list(listener.facts)[seen:] if is_flush(one)]
    facts.outcome = Outcome(True, "", code, said, asked.answered, asked.silent, unseen)
    return facts


def is_flush(fact: Fact) -> bool:
    """Log records and metrics wait for up to a minute, and go at the end; Python's end breaks some calls."""
    is_broken = "shutdown" in str(fact.get("error") or fact.get("why") or "")
    kinds = ("signal-exported", "aws-call")
    return (fact["kind"] in kinds and not is_broken) or (fact["kind"] == "log" and is_of_signal(fact))


def start(
    words: Sequence[str], environ: Mapping[str, str], folder: Path, address: str, output: IO[bytes]
) -> "subprocess.Popen[bytes]":
    variables = dict(environ)
    rest = list(words)
    while rest and (assignment := ASSIGNMENT.fullmatch(rest[0])):
        variables[assignment[1]] = assignment[2]
        rest = rest[1:]
    variables[SOCKET] = address
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [INJECTED, variables.get("PYTHONPATH", "")]))
    variables["PYTHONUNBUFFERED"] = "1"
    return subprocess.Popen(
        rest,
        executable=None if "/" in rest[0] else which(rest[0], variables),
        env=variables,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def which(name: str, environ: Mapping[str, str]) -> str | None:
    """On the command's own path: the doctor may have another one."""
    import shutil

    return shutil.which(name, path=environ.get("PATH", os.defpath))


def enough(facts: Facts) -> bool:
    """Nothing more is to come of our request: or at least nothing that could change the verdict."""
    fresh = Facts(facts.subject, facts.nonce, list(facts.facts))
    if fresh.request is None:
        return False
    if time.time() - fresh.request["at"] < GRACE:
        return False
    if not fresh.trace or fresh.is_over:
        return True
    return all(is_settled(fresh, one) for one in fresh.exporters if one.sends)


def is_settled(facts: Facts, exporter: Exporter) -> bool:
    """Exported, or in trouble that has been spoken of, or not due for long."""
    if exporter.delay_ms / 1000 > LONGEST_DELAY:
        return True
    export = facts.export_of(exporter)
    waited = time.time() - facts.request["at"] if facts.request else 0.0
    if export.state in ("success", "failure"):
        needs_auth = "x-honeycomb-team" in exporter.headers and exporter.headers["x-honeycomb-team"]
        return not needs_auth or facts.auth_of(exporter) is not None or waited > EXPORT_SECONDS
    return bool(export.said and export.state != "kept") or waited > EXPORT_SECONDS + exporter.delay_ms / 1000


def unreported(family: Family, facts: Facts) -> list[Fact]:
    """Python processes of the command from which no probe reported, and why not, as far as /proc shows."""
    gone = {one["run"] for one in facts.all("gone")}
    reported = {one["pid"] for one in facts.all("process") if one["run"] not in gone}
    found: list[Fact] = []
    for process in family.living():
        with contextlib.suppress(psutil.Error, OSError):
            name = Path(process.exe()).name
            if process.pid in reported or not PYTHON.fullmatch(name):
                continue
            argv = process.cmdline()
            flags = [word for word in argv[1:] if word.startswith("-") and not word.startswith("--")]
            isolated = next((flag for flag in flags if set(flag[1:]) & set("IES") and flag[1:].isalpha()), "")
            path = process.environ().get("PYTHONPATH", "")
            found.append({"pid": process.pid, "argv": argv, "flag": isolated, "python_path": path})
    return found


def subject_inside(facts: Facts) -> Subject:
    """The command as typed, with the variables, folder and interpreter that the process really had."""
    typed, process = facts.subject, facts.process
    if process is None:
        return typed
    environ = dict((facts.request or {}).get("environ") or process["environ"])
    path = (facts.request or {}).get("python_path") or process["path"]
    return replace(
        typed,
        environ=environ,
        folder=Path(process["folder"]),
        launched=typed.launched or is_hooked(process["environ"]) or was_hooked(facts),
        interpreter=Path(process["python"]) if process["python"] else typed.interpreter,
        python_path=tuple(str(one) for one in path),
    )


def was_hooked(facts: Facts) -> bool:
    """The launcher takes its folder off the path while it sets up, and puts it back."""
    return any(is_hooked(one["environ"]) for one in facts.seen("process"))


__all__ = ["Asked", "look_inside", "subject_inside"]
