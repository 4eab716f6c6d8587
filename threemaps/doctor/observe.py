"""Runs somebody else's service for a moment, a recorder in place of its backend, and sees what arrives."""

import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from typing import IO

from threemaps.basics.nearby import excepted
from threemaps.doctor.check import Check, broken, good
from threemaps.doctor.destination import GRPC, destination
from threemaps.doctor.family import Family, adopting
from threemaps.doctor.recorder import Recorder
from threemaps.doctor.subject import Subject
from threemaps.doctor.visit import ARRIVE_SECONDS, PAGE_SECONDS, START_SECONDS, Asked, talk_to

LINK = "run"
# What the SDK says in the service's own log → cause. The next step is the check's own.
CONFESSIONS = {
    "Overriding of current TracerProvider is not allowed": "the code sets up a second TracerProvider",
    "Failed to auto initialize OpenTelemetry": "the launcher failed to initialise",
    "DependencyConflict": "an instrumentation refuses the version of its library",
    "Address already in use": "its port is taken by another process",
    "already in use": "its port is taken by another process",
}
# What would keep the exporter from the recorder, which is near and speaks no TLS.
GONE = {
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_INSECURE",
}


def check_spans_arrive(subject: Subject) -> Check:
    """The one proof: a request goes in, a span comes out."""
    with Recorder() as recorder, tempfile.TemporaryFile("w+b") as output, adopting():
        family = Family(partial(start, subject, recorder, output))
        try:
            asked = talk_to(family, recorder)
            code = family.code
        finally:
            family.stop()
        output.seek(0)
        said = output.read().decode(errors="replace")
    return verdict(subject, recorder, asked, code, said)


def start(subject: Subject, recorder: Recorder, output: IO[bytes]) -> "subprocess.Popen[bytes]":
    there = destination(subject)
    environ = {name: value for name, value in subject.environ.items() if name not in GONE}
    environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = (
        recorder.grpc_url if there.protocol == GRPC else recorder.http_url
    )
    environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = there.protocol
    environ["OTEL_BSP_SCHEDULE_DELAY"] = "200"
    environ["no_proxy"] = environ["NO_PROXY"] = excepted(subject.get("no_proxy", "NO_PROXY"))
    environ["no_grpc_proxy"] = excepted(subject.get("no_grpc_proxy", "no_proxy"))
    environ["PYTHONUNBUFFERED"] = "1"
    launcher = [str(subject.launcher)] if subject.launcher else []
    return subprocess.Popen(
        [*launcher, *subject.argv],
        env=environ,
        cwd=subject.folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def reason_in(said: str) -> str:
    """The last exception's own words."""
    found = re.findall(r"^[\w.]*(?:Error|Exception)\b:? .*", said, re.MULTILINE)
    return f": {found[-1][:200]}" if found else ""


def without_what_is_named(subject: Subject, reason: str) -> str:
    """A variable that the exception complains of; else the command again, for all that it says."""
    settings = {name: value for name, value in subject.environ.items() if name.startswith("OTEL_") and value}
    said = [name for name in re.findall(r"OTEL_[A-Z_]+", reason) if name in settings]
    named = next((name for name in (*said, *meant(settings, reason))), "")
    return subject.setting(named, "") if named else subject.command


def meant(settings: Mapping[str, str], reason: str) -> Iterator[str]:
    """Named by what the SDK calls it in its code (`max_queue_size`), or by its value in quotes."""
    words = set(re.findall(r"\w+_\w+", reason.upper()))
    quoted = re.findall(r"'([^']+)'|\"([^\"]+)\"", reason)
    values = {single or double for single, double in quoted}
    for name, value in settings.items():
        if value in values or any(name.endswith(f"_{word}") for word in words):
            yield name


def verdict(subject: Subject, recorder: Recorder, asked: Asked, code: int | None, said: str) -> Check:
    if recorder.spans.total():
        heard = ", ".join(f"{count} of {name}" for name, count in recorder.spans.items())
        return good(LINK, "spans", f"spans arrived: {heard}")
    last = said.strip().splitlines()[-1][:200] if said.strip() else "nothing"
    for words, cause in CONFESSIONS.items():
        if words in said:
            reason = reason_in(said.partition(words)[2])
            return broken(LINK, "spans", f"{cause}{reason}", without_what_is_named(subject, reason))
    if missing := re.search(r"Requested component '([^']+)' not found", said):
        step = subject.setting("OTEL_TRACES_EXPORTER", "otlp")
        return broken(LINK, "spans", f"the SDK does not find its component {missing[1]!r}", step)
    if not asked.answered:
        return unanswered(subject, asked, code, last)
    exporters = [place for source in subject.sources for place, _ in source.find("OTLPSpanExporter")]
    if exporters:
        detail = f"its spans went past the recorder: {exporters[0]} has an exporter of its own"
        return broken(LINK, "spans", detail, f"grep -n OTLPSpanExporter {subject.folder}/*.py")
    detail = (
        f"it answered at {asked.answered[0]} and sent no span within {ARRIVE_SECONDS} s; last words: {last}"
    )
    return broken(LINK, "spans", detail, subject.setting("OTEL_LOG_LEVEL", "debug"))


def unanswered(subject: Subject, asked: Asked, code: int | None, last: str) -> Check:
    """It ended by itself, or was stopped for want of an answer."""
    words = f"last words: {last}"
    if code is not None:
        when = f"answered at {asked.silent[0]}" if asked.silent else "listened on any port"
        return broken(LINK, "spans", f"it ended with {code} before it {when}; {words}", subject.command)
    if not asked.silent:
        detail = f"it runs, and listened nowhere within {START_SECONDS} s; {words}"
        return broken(LINK, "spans", detail, subject.command)
    where = asked.silent[0]
    detail = f"it listens at {where}, and its start page gave no answer within {PAGE_SECONDS} s; {words}"
    path = where.removeprefix("unix:")
    there = where if path == where else f"--unix-socket {shlex.quote(path)} http://localhost/"
    return broken(LINK, "spans", detail, f"{subject.command} & sleep 9; curl -v -m 99 {there}")
