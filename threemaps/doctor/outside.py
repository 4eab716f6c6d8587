"""A running process, as it can be seen from outside: honestly less than a look inside."""

import contextlib
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from threemaps.doctor.check import Check, broken, good, noted, unseen
from threemaps.doctor.destination import destination, variable_of
from threemaps.doctor.expected import expected, shares_network
from threemaps.doctor.facts import Facts
from threemaps.doctor.service import first_cause
from threemaps.doctor.subject import LAUNCHER, Subject, from_process
from threemaps.settings import Settings

LINK = "process"
MOST_FILES = 500
NEWER = ("*.py", "requirements.txt", "*.env", ".env", ".flaskenv")


def check_process(pid: int) -> list[Check]:
    """What command, variables, packages, sockets and files say. Raises UserError if there is none."""
    subject = from_process(pid)
    serving = serving_process(pid)
    if serving is not None and serving.pid != pid:
        with contextlib.suppress(Exception):
            subject = from_process(serving.pid)
    return list(checks_of(subject, serving, pid))


def checks_of(subject: Subject, serving: psutil.Process | None, pid: int) -> Iterator[Check]:
    """Up to the first broken one; then what only a look inside would show."""
    yield served(subject, serving, pid)
    if not subject.is_python and subject.root == Path("/"):
        seen = f"process {pid} runs {subject.command}, which is no Python"
        yield broken(LINK, "command", seen, "ps aux | grep python")
        return
    yield launched(subject)
    facts = expected(subject, asks=shares_network(subject), api=Settings.load().honeycomb_api)
    if found := first_cause(facts) or no_packages(subject):
        yield found
        return
    yield good(LINK, "variables", promised(facts))
    if serving is not None:
        yield from newer_files(subject, serving)
        yield connections(subject, serving)
    inside = f"whether a request makes a span, and what becomes of it: threemaps doctor -- {again(subject)}"
    yield unseen(LINK, "inside", inside)


def promised(facts: Facts) -> str:
    """What variables and packages, held against every rule that needs no more, come to."""
    where = ", ".join(f"{one.protocol} to {one.endpoint}" for one in facts.exporters)
    name = str((facts.provider or {}).get("resource", {}).get("service.name", ""))
    said = f": spans of {name} go over {where}" if where else ""
    return f"nothing in its variables and packages keeps spans from arriving{said}"


def again(subject: Subject) -> str:
    return f"{LAUNCHER} {subject.command}" if subject.launched else subject.command


def serving_process(pid: int) -> psutil.Process | None:
    """The one that listens: the process itself, or its newest child that does."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return None
    listening = [one for one in family if listens(one)]
    return max(listening, key=lambda one: one.create_time(), default=None)


def listens(process: psutil.Process) -> bool:
    try:
        return any(one.status == psutil.CONN_LISTEN for one in process.net_connections(kind="tcp"))
    except psutil.Error:
        return False


def served(subject: Subject, serving: psutil.Process | None, pid: int) -> Check:
    if serving is None:
        return unseen(
            LINK, "serves", f"which process serves: neither {pid} nor a child of it listens on a port"
        )
    with contextlib.suppress(psutil.Error):
        ports = sorted(
            {
                one.laddr.port
                for one in serving.net_connections(kind="tcp")
                if one.status == psutil.CONN_LISTEN
            }
        )
        who = f"its child {serving.pid}" if serving.pid != pid else f"process {pid}"
        return good(LINK, "serves", f"{who} serves port {', '.join(map(str, ports))}: {subject.command}")
    return unseen(LINK, "serves", f"the ports of process {serving.pid}")


def launched(subject: Subject) -> Check:
    if subject.launched:
        return good(LINK, "launcher", f"it was started under {LAUNCHER}")
    return unseen(
        LINK, "launcher", f"whether its code sets up the tracing: it was not started under {LAUNCHER}"
    )


def no_packages(subject: Subject) -> Check | None:
    """Without any SDK no code can make spans."""
    packages = subject.packages
    if packages.trouble or any(packages.has(one) for one in ("opentelemetry-sdk", "aws-xray-sdk")):
        return None
    where = subject.interpreter or subject.root
    step = f"{subject.pip} opentelemetry-distro opentelemetry-exporter-otlp && {LAUNCHER} {subject.command}"
    return broken(
        LINK, "packages", f"neither opentelemetry-sdk nor aws-xray-sdk is installed for {where}", step
    )


def newer_files(subject: Subject, serving: psutil.Process) -> Iterator[Check]:
    """A process runs what its files were when it started."""
    started = serving.create_time()
    found = (
        file
        for pattern in NEWER
        for file in subject.folder.rglob(pattern)
        if "site-packages" not in file.parts
    )
    for _, file in zip(range(MOST_FILES), found, strict=False):
        with contextlib.suppress(OSError):
            if file.stat().st_mtime > started:
                ago = time.time() - started
                seen = f"{file.name} is newer than process {serving.pid}, which started {ago:.0f} s ago"
                yield noted(LINK, "newer files", seen, f"kill {serving.pid} && {again(subject)}")
                return
    yield good(LINK, "newer files", "none of its files is newer than the process")


def connections(subject: Subject, serving: psutil.Process) -> Check:
    """A connection to where spans go, which exporters keep open. Without one nothing follows."""
    there = destination(subject)
    if not shares_network(subject):
        return unseen(LINK, "connections", "those of a container are seen from inside only")
    with contextlib.suppress(psutil.Error):
        open_to = [one for one in serving.net_connections(kind="tcp") if one.raddr]
        is_aimed = subject.launched or variable_of(subject, "ENDPOINT") in subject.environ
        if is_aimed and any(one.raddr.port == there.port for one in open_to):
            said = f"it has a connection to port {there.port} ({there.protocol}), where its spans go"
            return good(LINK, "connections", said)
    seen = f"whether spans were sent: there is no connection to {shlex.quote(there.base)} at this moment"
    return unseen(LINK, "connections", seen)
